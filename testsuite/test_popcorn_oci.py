"""`popcorn image`: container images that others can read, with the right executable for each machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import harness
import pytest
from popcorn_fixtures import PATIENCE, built, files, refused, succeeds

from popcc.isa import ISAS


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def blob(folder: Path, descriptor: dict[str, Any]) -> bytes:
    data = (folder / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()
    assert len(data) == descriptor["size"]
    assert descriptor["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    return data


def document(folder: Path, descriptor: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(blob(folder, descriptor))
    return found


@pytest.fixture
def program(program_folder: Path) -> Path:
    return built("ticks", program_folder)


def test_each_machine_finds_its_executable(program: Path, tmp_path: Path) -> None:
    layout = tmp_path / "ticks.oci"
    assert succeeds("image", "-o", layout, "--tag", "ticks-1.0", program, "3") == ""
    (named,) = json.loads((layout / "index.json").read_text())["manifests"]
    assert named["annotations"] == {"org.opencontainers.image.ref.name": "ticks-1.0"}
    manifests = document(layout, named)["manifests"]
    machines = [m["platform"] for m in manifests]
    assert machines == [{"architecture": isa.oci_architecture, "os": "linux"} for isa in ISAS.values()]
    for isa, descriptor in zip(ISAS, manifests, strict=True):
        manifest = document(layout, descriptor)
        config = document(layout, manifest["config"])
        assert config["architecture"] == ISAS[isa].oci_architecture
        assert (config["config"]["Entrypoint"], config["config"]["Cmd"]) == ([f"/{program.name}"], ["3"])
        layer = gzip.decompress(blob(layout, manifest["layers"][0]))
        assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]
        alone = tmp_path / f"alone.{isa}"
        succeeds("extract", program, "--isa", isa, "-o", alone)
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            member = tar.extractfile(program.name)
            assert member is not None and member.read() == alone.read_bytes()
            assert tar.getmember(program.name).mode == 0o755


def test_another_tool_takes_it(program: Path, tmp_path: Path) -> None:
    """skopeo reads every manifest, checks every digest on its way, and writes the image of one machine."""
    succeeds("image", "-o", tmp_path / "ticks.oci", program)
    for isa in ISAS.values():
        out = tmp_path / isa.name
        command = ["skopeo", "--insecure-policy", "--override-arch", isa.oci_architecture, "copy"]
        copied = harness.run([*command, "oci:ticks.oci:latest", f"dir:{out}"], PATIENCE, cwd=tmp_path)
        assert copied.status == 0, copied.stderr
        manifest = json.loads((out / "manifest.json").read_text())
        config = json.loads((out / manifest["config"]["digest"].removeprefix("sha256:")).read_text())
        assert config["architecture"] == isa.oci_architecture
    every = ["skopeo", "--insecure-policy", "copy", "--all", "oci:ticks.oci:latest", f"oci:{tmp_path}/all:latest"]
    copied = harness.run(every, PATIENCE, cwd=tmp_path)
    assert copied.status == 0, copied.stderr
    assert contents(tmp_path / "all") == contents(tmp_path / "ticks.oci")


def test_the_same_program_makes_the_same_image(program: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        succeeds("image", "-o", tmp_path / name, program)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_what_it_says(program: Path, tmp_path: Path) -> None:
    said = json.loads(succeeds("image", "-o", tmp_path / "a", "--json", program))
    assert said["platforms"] == [f"linux/{isa.oci_architecture}" for isa in ISAS.values()]
    assert json.loads((tmp_path / "a" / "index.json").read_text())["manifests"][0]["digest"] == said["digest"]


def test_bad_input(program: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    there = "is there already; name a directory that is not, or is empty"
    assert refused("image", "-o", tmp_path / "full", program) == f"'{tmp_path / 'full'}' {there}"
    assert refused("image", "-o", tmp_path / "no" / "such", program).endswith("No such file or directory")
    assert "is no name for an image" in refused("image", "-o", tmp_path / "x", "--tag", "a b", program)
    alone = tmp_path / "alone"
    succeeds("extract", program, "--isa", next(iter(ISAS)), "-o", alone)
    assert "alone; give the file that popcc linked" in refused("image", "-o", tmp_path / "x", alone)
    assert files(tmp_path) == {"full", "full/file", "alone"}
