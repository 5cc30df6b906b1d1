"""A program as a container image for many machines: an OCI image layout, one manifest per ISA.

    oci-layout, index.json        index.json names one image index by its tag
    blobs/sha256/<digest>         that index, and per ISA a manifest, a configuration, a layer with the executable

Written the same from the same program (OCI Image Format Specification 1.0.2: image-layout, image-index, manifest,
config, layer).
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from popcc import __version__
from popcc.errors import PopccError
from popcc.isa import isa_named
from popcc.linker.program import ProgramInfo
from popcc.temporary import temporary_folder

_VENDOR = "application/vnd.oci.image"
_TAG = re.compile(r"[A-Za-z0-9]+(?:(?:[-._:@+]|--)[A-Za-z0-9]+)*")
_EPOCH = "1970-01-01T00:00:00Z"


class Image(Struct, frozen=True):
    """What was written."""

    path: Path
    tag: str
    platforms: tuple[str, ...]
    digest: str  # of the image index


def write_image(program: ProgramInfo, output: Path, tag: str, arguments: Sequence[str] = ()) -> Image:
    """Writes the layout to `output`, which must not be there or be empty; it is whole or not there at all.

    `arguments` are what containers pass unless told otherwise. Raises `PopccError`.
    """
    if not _TAG.fullmatch(tag):
        raise PopccError(f"'{tag}' is no name for an image: letters and digits, with one of -._:@+ between them")
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise PopccError(f"'{output}' is there already; name a directory that is not, or is empty")
    try:
        with temporary_folder(f".{output.name}-", output.parent) as work:
            image = _Layout(work).write(program, tag, arguments)
            work.chmod(0o755)
            work.replace(output)
    except OSError as e:
        raise PopccError(f"cannot write '{output}': {e.strerror}") from None
    return replace(image, path=output)


class _Layout(Struct, frozen=True):
    folder: Path

    def write(self, program: ProgramInfo, tag: str, arguments: Sequence[str]) -> Image:
        manifests = [self._manifest(program, isa, arguments) for isa in program.metadata.isas]
        index = self._document(
            "index.v1+json", {"schemaVersion": 2, "mediaType": f"{_VENDOR}.index.v1+json", "manifests": manifests}
        )
        named = {**index, "annotations": {"org.opencontainers.image.ref.name": tag}}
        self._file("index.json", {"schemaVersion": 2, "manifests": [named]})
        self._file("oci-layout", {"imageLayoutVersion": "1.0.0"})
        platforms = tuple(f"linux/{m['platform']['architecture']}" for m in manifests)
        return Image(self.folder, tag, platforms, str(index["digest"]))

    def _manifest(self, program: ProgramInfo, isa: str, arguments: Sequence[str]) -> dict[str, Any]:
        name = program.path.name
        layer = _layer(name, program.executable(isa))
        architecture = isa_named(isa).oci_architecture
        config = {
            "created": _EPOCH,
            "architecture": architecture,
            "os": "linux",
            "config": {
                "Entrypoint": [f"/{name}"],
                "Cmd": list(arguments),
                "WorkingDir": "/",
                "Labels": {"popcc.build-id": program.build_id},
            },
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created": _EPOCH, "created_by": f"popcorn image {name} (popcc {__version__})"}],
        }
        packed = gzip.compress(layer, 6, mtime=0)
        manifest = {
            "schemaVersion": 2,
            "mediaType": f"{_VENDOR}.manifest.v1+json",
            "config": self._document("config.v1+json", config),
            "layers": [self._blob(f"{_VENDOR}.layer.v1.tar+gzip", packed)],
        }
        platform = {"architecture": architecture, "os": "linux"}
        return {**self._document("manifest.v1+json", manifest), "platform": platform}

    def _document(self, kind: str, value: Mapping[str, Any]) -> dict[str, Any]:
        return self._blob(f"{_VENDOR}.{kind}", _json(value))

    def _blob(self, media_type: str, data: bytes) -> dict[str, Any]:
        """Writes a blob; its descriptor."""
        digest = _digest(data)
        path = self.folder / "blobs" / digest.replace(":", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def _file(self, name: str, value: Mapping[str, Any]) -> None:
        (self.folder / name).write_bytes(_json(value))


def _layer(name: str, executable: bytes) -> bytes:
    """A tar file that holds the program, and a /tmp, which it may want and finds nowhere else."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        folder = tarfile.TarInfo("tmp")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
        tar.addfile(folder)
        file = tarfile.TarInfo(name)
        file.size, file.mode = len(executable), 0o755
        tar.addfile(file, io.BytesIO(executable))
    return out.getvalue()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
