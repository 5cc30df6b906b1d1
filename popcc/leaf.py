"""Functions of the C library that contain no site and call only such functions.

They are built without migration points, so that calling one costs no site; the linker checks that what was
called as a leaf is one.
"""

from __future__ import annotations

LEAF_FUNCTIONS: frozenset[str] = frozenset(
    """
    memcpy memmove memset memcmp memchr memrchr strlen strcpy strcat strcmp strncmp strchr strrchr strstr
    strncpy strncat strnlen strspn strcspn strpbrk stpcpy stpncpy
    isalnum isalpha isblank iscntrl isdigit isgraph islower isprint ispunct isspace isupper isxdigit tolower toupper
    abs labs llabs
    sin cos tan asin acos atan atan2 sinh cosh tanh exp exp2 expm1 log log2 log10 log1p pow sqrt cbrt hypot
    fabs floor ceil round trunc rint nearbyint fmod remainder ldexp frexp modf scalbn
    """.split()
)
