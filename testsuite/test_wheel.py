"""A wheel holds what the tree does, with inner loops compiled, and makes byte for byte what the tree makes."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import harness
import pytest

TREE = Path(__file__).parents[1]
TIMEOUT = 900.0
PARTS = ("pyproject.toml", "README.md", "setup.py", "man", "popcc", "passes", "linker", "runtime")


def checked(command: list[str], cwd: Path) -> str:
    """What a command prints, that does not run in the tree; it must succeed."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, env=env, cwd=cwd, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of an environment with the wheel, and this one's packages for what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    for part in PARTS:
        if (TREE / part).is_dir():
            shutil.copytree(TREE / part, tree / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            tree.mkdir(exist_ok=True)
            shutil.copy(TREE / part, tree)
    # what gcc optimises is the same code, and takes minutes
    pip = ["env", "MYPYC_OPT_LEVEL=0", sys.executable, "-m", "pip"]
    checked([*pip, "wheel", "--quiet", "--no-deps", "-w", str(folder), str(tree)], folder)
    (wheel,) = folder.glob("*.whl")
    env = folder / "env"
    checked([sys.executable, "-m", "venv", str(env)], folder)
    checked([str(env / "bin" / "pip"), "install", "--quiet", "--no-deps", str(wheel)], folder)
    (packages,) = env.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return env / "bin"


def test_inner_loops_are_compiled(installed: Path) -> None:
    script = "from popcc.linker.maps import flow; from popcc.linker.verify import claims; print(flow, claims)"
    shown = checked([str(installed / "python"), "-c", script], installed)
    assert shown.count(".so'") == 2 and str(installed.parent) in shown, shown


def test_manual_pages_come_along(installed: Path) -> None:
    """Where man looks for them, beside the folder of the commands; the tree's, which are held to the help."""
    for name in ("popcc", "popcorn"):
        page = installed.parent / "share" / "man" / "man1" / f"{name}.1"
        assert page.read_bytes() == (TREE / "man" / page.name).read_bytes()


def test_completion_and_proof_do_compiled_what_they_do_as_they_stand(installed: Path) -> None:
    """Their tests, refusals among them: compiled code is stricter about types, and silent until it gets there."""
    unit = TREE / "testsuite" / "unit"
    tests = [str(t) for name in ("maps", "verify", "machine") for t in sorted(unit.glob(f"test_{name}*.py"))]
    options = ["-q", "-n", "0", "-p", "no:cacheprovider", "--rootdir", str(TREE), "-c", str(TREE / "pyproject.toml")]
    shown = checked([str(installed / "python"), "-m", "pytest", *options, *tests], installed)
    assert " passed" in shown or "100%" in shown, shown


@pytest.mark.parametrize("name", ["hash_table", "bignum", "struct_return", "vectors"])
def test_same_bytes_as_from_the_tree(installed: Path, tmp_path: Path, name: str) -> None:
    source = str(TREE / "testsuite" / "programs" / f"{name}.c")
    made: list[Path] = []
    for popcc in ([str(installed / "popcc")], harness.popcc()):  # in folders: a program holds its own name
        folder = tmp_path / str(len(made))
        folder.mkdir()
        checked([*popcc, "-O2", "-o", "program", source], folder)
        made.append(folder / "program")
    wheels, trees = made
    assert wheels.read_bytes() == trees.read_bytes()
    assert "not proved" not in checked([str(installed / "popcorn"), "verify", str(wheels)], tmp_path)
    assert checked([str(wheels)], tmp_path) == checked([str(trees)], tmp_path)
