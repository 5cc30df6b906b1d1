"""From units to a program for every ISA. `link.link` is the list of phases; each has its module:

    objects, archive, inputs   files -> units           what popcc wrote, other tools may have touched
    resolve                    units -> Resolution      which units take part; what names mean on each ISA
    leaf                       Resolution -> -          what was called as a leaf is one
    collect                    Resolution -> LiveSections   one collection for all ISAs
    layout                     LiveSections -> Layout   one address for every section
    addresses, sitetable       Layout -> site table     per ISA, before any linker has run
    script, lld                Layout -> executables    lld moves and relocates, one process per ISA
    checks                     executables -> -         believed only when they agree with the layout and each other
    program                    executables -> one file, and back

`elf` reads and extends ELF files, `index` is what the compiler calls, `maps` and `machine` complete site maps.
"""
