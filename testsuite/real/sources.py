"""Upstream tarballs from Debian's source packages, pinned by sha256, fetched by apt with a configuration of its own.

The archive is the one that the system's apt knows. Neither root nor a change of its configuration is needed. What was
fetched once is cached.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from harness import locked

from real import apt

SUITE = "bookworm"


@dataclass(frozen=True)
class Source:
    """One upstream release as Debian ships it."""

    package: str
    tarball: str
    sha256: str


BZIP2 = Source("bzip2", "bzip2_1.0.8.orig.tar.gz", "ab5a03176ee106d3f0fa90e381da478ddae405918153cca248e682cd0c4a2269")
ZLIB = Source(
    "zlib", "zlib_1.2.13.dfsg.orig.tar.bz2", "71feb7947e3c00ef125f83b79a4e529bde31171e5babe48b391f06758d1ab0a1"
)
LUA = Source("lua5.4", "lua5.4_5.4.4.orig.tar.gz", "164c7849653b80ae67bec4b7473b884bf5cc8d2dca05653475ec2ed27b9ebf61")
ZSTD = Source(
    "libzstd",
    "libzstd_1.5.4+dfsg2.orig.tar.xz",
    "8cf4bbb65e77ec348d052c8d6230eba66d435bddf64c8b5be2fcb16880c19953",
)
LZ4 = Source("lz4", "lz4_1.9.4.orig.tar.gz", "0b0e3aa07c8c063ddf40b082bdf7e37a1562bda40a0ff5272957f3e987e0e54b")
DASH = Source("dash", "dash_0.5.12.orig.tar.gz", "6a474ac46e8b0b32916c4c60df694c82058d3297d8b385b74508030ca4a8f28a")
MAWK = Source(
    "mawk", "mawk_1.3.4.20200120.orig.tar.gz", "7fd4cd1e1fae9290fe089171181bbc6291dfd9bca939ca804f0ddb851c8b8237"
)
XZ = Source(
    "xz-utils", "xz-utils_5.4.1.orig.tar.xz", "5d9827aa1875b21c288f78864bb26d2650b436ea8d2cad364e4921eb6266a5a5"
)
COREUTILS = Source(
    "coreutils", "coreutils_9.1.orig.tar.xz", "61a1f410d78ba7e7f37a5a4f50e6d1320aca33375484a3255eddf17a38580423"
)
JQ = Source("jq", "jq_1.6.orig.tar.gz", "3ba940b97571c866923f0409678033d33b5a98758dfc174fad8397ed908bc4d9")
REDIS = Source("redis", "redis_7.0.15.orig.tar.gz", "4b1dc4ee6d622a09fff9c6777191209750fb5e5a725ef78ea012d6eef4c22982")
NGINX = Source("nginx", "nginx_1.22.1.orig.tar.gz", "9ebb333a9e82b952acd3e2b4aeb1d4ff6406f72491bab6cd9fe69f0dea737f31")
BUSYBOX = Source(
    "busybox", "busybox_1.35.0.orig.tar.bz2", "faeeb244c35a348a334f4a59e44626ee870fb07b6884d68c10ae8bc19f83a694"
)
GSL = Source("gsl", "gsl_2.7.1+dfsg.orig.tar.gz", "e560d6b9c6e254e46769bbb03583c00ecafbdd51b062c55db23b3b9612868567")
SHELL = Source(
    "sqlite3", "sqlite3_3.40.1.orig.tar.xz", "aaa776260ab4dc976db34aa7891819484c8676b5b2783123ebc6301e2ca5d655"
)
# Perl's driver brings the amalgamation, 3.39.4; Debian's sqlite3 has only the parts, which need Tcl to become one
SQLITE = Source(
    "libdbd-sqlite3-perl",
    "libdbd-sqlite3-perl_1.72.orig.tar.gz",
    "5ca41e61eb52b52bd862a3088b912a75fe70910ac789b9a9983e0a449e94f551",
)


def cache() -> Path:
    """Where tarballs stay."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    folder = Path(base) / "popcc" / "sources"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def fetch(source: Source) -> Path:
    """The tarball, from the cache or from Debian. Raises `RuntimeError` when it is not what was pinned."""
    target = cache() / source.tarball
    with locked(cache() / "lock"):
        if not target.exists() or _sha256(target) != source.sha256:
            found = _download(source)
            digest = _sha256(found)
            if digest != source.sha256:
                raise RuntimeError(f"{source.tarball} from Debian {SUITE} has sha256 {digest}, not {source.sha256}")
            found.replace(target)
    return target


def unpack(source: Source, folder: Path) -> Path:
    """Unpacks the tarball below `folder`; returns the one directory that it holds."""
    with tarfile.open(fetch(source)) as tar:
        top = tar.getnames()[0].split("/")[0]
        tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)  # Debian's 3.11.2 has none
        tar.extractall(folder)
    return folder / top


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _download(source: Source) -> Path:
    by_hand = f"put {source.tarball} (sha256 {source.sha256}) into {cache()}"
    if shutil.which("apt-get") is None:
        raise RuntimeError(f"there is no apt-get here; {by_hand}")
    try:
        uri = apt.uri_of(SUITE)
    except RuntimeError as e:
        raise RuntimeError(f"{e}; {by_hand}") from None
    own = cache() / "apt"
    for sub in ("parts", "lists/partial", "archives/partial", "download"):
        (own / sub).mkdir(parents=True, exist_ok=True)
    # what is fetched is pinned by hash, so it does not matter whether this host knows Debian's keys
    (own / "parts" / "source.sources").write_text(
        f"Types: deb-src\nURIs: {uri}\nSuites: {SUITE}\nComponents: main\nTrusted: yes\n"
    )
    settings = {
        "Dir::Etc::SourceList": "/dev/null",
        "Dir::Etc::SourceParts": own / "parts",
        "Dir::State::Lists": own / "lists",
        "Dir::Cache": own,
        "Dir::Cache::Archives": own / "archives",
        "APT::Sandbox::User": "root" if os.geteuid() == 0 else "",
    }
    options = [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]
    download = own / "download"
    for command in (["update"], ["source", "--download-only", "--tar-only", source.package]):
        done = subprocess.run(["apt-get", "-q", *options, *command], cwd=download, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"apt-get {' '.join(command)} failed; {by_hand}:\n{done.stderr}")
    found = download / source.tarball
    if not found.exists():
        have = ", ".join(p.name for p in download.iterdir())
        raise RuntimeError(f"{SUITE} has no {source.tarball} any more, but {have}; {by_hand}")
    return found
