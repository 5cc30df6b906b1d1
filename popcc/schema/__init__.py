"""Everything that crosses between Python and the C runtime, declared once.

Each `Record` is a C structure: little endian, fields in order, naturally aligned without holes. The constants are
enums. ``python -m popcc.schema`` writes ``runtime/lib/popcorn_schema.h`` from these modules; a unit test fails when
that file is stale.

    record.py    what a declaration is made of
    sites.py     the site table in programs
    requests.py  requests to running programs
    images.py    the notes of an image
    header.py    the C header

Users import from here.
"""

from popcc.schema.images import (
    IMAGE_VERSION,
    NOTE_NAME,
    PAGE,
    File,
    FileKind,
    FpException,
    Image,
    ImageFlag,
    Limit,
    Map,
    Note,
    PosixTimer,
    Rounding,
    Runner,
    Segment,
    SignalAction,
    Sum,
    ThreadNote,
    Timer,
)
from popcc.schema.record import (
    C,
    Record,
)
from popcc.schema.requests import (
    REQUEST_MAGIC,
    REQUEST_SIGNAL,
    REQUEST_VERSION,
    TEXT_MAX,
    Op,
    Reply,
    Request,
    RequestFlag,
    Status,
)
from popcc.schema.sites import (
    NO_LOCATION,
    NO_SITE,
    SITES_MAGIC,
    SITES_VERSION,
    SLOT,
    Func,
    FunctionFlag,
    Recipe,
    RecipeKind,
    SiteFlag,
    SitesHeader,
)

__all__ = [
    "IMAGE_VERSION",
    "NOTE_NAME",
    "NO_LOCATION",
    "NO_SITE",
    "PAGE",
    "REQUEST_MAGIC",
    "REQUEST_SIGNAL",
    "REQUEST_VERSION",
    "SITES_MAGIC",
    "SITES_VERSION",
    "SLOT",
    "TEXT_MAX",
    "C",
    "File",
    "FileKind",
    "FpException",
    "Func",
    "FunctionFlag",
    "Image",
    "ImageFlag",
    "Limit",
    "Map",
    "Note",
    "Op",
    "PosixTimer",
    "Recipe",
    "RecipeKind",
    "Record",
    "Reply",
    "Request",
    "RequestFlag",
    "Rounding",
    "Runner",
    "Segment",
    "SignalAction",
    "SiteFlag",
    "SitesHeader",
    "Status",
    "Sum",
    "ThreadNote",
    "Timer",
]
