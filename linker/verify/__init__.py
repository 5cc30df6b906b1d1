"""Verification: the finished executable and its maps alone, and a proof that the one agrees with the other.

Completion (``popcc.linker.maps``) makes maps out of an object and LLVM's word. Nothing of that is believed here, and
nothing of its code is shared but the decoder. Two questions are asked of every function with sites:

    poison.py   Does anything read what a rebuild does not write? Each site is taken to be rebuilt at, and everything
                that its map does not describe to be lost: a forward analysis of which bytes are not to be relied on.
    claims.py   Is what the map says so? Each saved register, untouched register and recipe is an equation between
                places; it is taken back along every path, and must come down to an identity.

    listing.py  Is each value where LLVM's stack map has it? Asked at link, where the objects are.

    tables.py   the site table as the executable carries it
    image.py    the executable: its functions' code, the memory that can't change
    frame.py    a function's blocks, and where its stack pointer is (placing.py: which accesses are to its own frame)
    places.py   the bytes whose poison is followed
    writers.py  where a function writes the places of claims
    preconditions.py, expressions.py   taking claims back over an instruction
    report.py   all functions of an executable or program; what is wrong, by function, site and place
    linked.py   the same at link, but for what was proved before (fingerprints.py, proved.py)
"""
