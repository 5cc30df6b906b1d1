"""Everything that crosses between Python and the C runtime, declared once.

Each `Record` is a C structure: little endian, fields in order, naturally aligned without holes. The constants are
enums. ``python -m popcc.schema`` writes ``runtime/lib/popcorn_schema.h`` from these modules; a unit test fails when
that file is stale.

    record.py    what a declaration is made of
    sites.py     the site table in programs
    requests.py  requests to running programs
    images.py    the notes of an image
    machinecode.py  decoded instructions, for the analysis of site maps
    header.py    the C header
"""
