"""The coherence protocol under simulation, and its small model searched whole.

A simulated machine of a few nodes runs the engine (`runtime/dsm`) from seeds:

    sim.h         the machine
    nodes.c       its nodes: what their engines ask for is done to simulated memory
    net.c         its links, which are cut and heal
    program.c     its threads
    memory.c      their accesses; the oracle
    turns.c       in what order they are served
    schedule.c    a seed becomes an order of events

The small model has neither links that are cut nor futexes, and every state of it is seen:

    model.c       a state, and what can happen next
    search.c      all of them

Both are compiled with the engine into one library, which Python drives through cffi:

    bench.c       single functions of the engine, for unit tests
    wide.c        a directory of many pages, likewise
    library.py    compiles, with a mistake planted or without
    mutants.py    the mistakes
    __main__.py   the command: `PYTHONPATH=testsuite python -m dsm --help`
"""
