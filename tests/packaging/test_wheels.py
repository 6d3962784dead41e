"""The two wheels as they are published: whole, and good for a first start in a fresh environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import abplat

ROOT = Path(__file__).parents[2]
PATIENCE = 60


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build both wheels with what is installed, without a network."""
    folder = tmp_path_factory.mktemp("wheels")
    for source in (ROOT, ROOT / "sdk" / "python"):
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
        done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return {path.name.split("-")[0]: path for path in folder.glob("*.whl")}


@pytest.fixture(scope="module")
def scripts(wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install both into an environment of their own, which borrows what they depend on; return its scripts."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--python", str(python)]
    subprocess.run([*pip, "install", "--no-deps", "--no-index", *map(str, wheels.values())], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    borrowed = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (packages / "borrowed.pth").write_text("\n".join(sorted(borrowed)))
    return folder / "bin"


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The surroundings of a user: nothing that leads back to the checkout."""
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "PYTHONUNBUFFERED": "1",
    }


@pytest.fixture(scope="module")
def address(
    scripts: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Start the platform on an empty folder."""
    folder = tmp_path_factory.mktemp("first-start")
    command = [
        str(scripts / "abplat"),
        "serve",
        "--port",
        "0",
        "--no-worker",
        "--data-dir",
        str(folder / "data"),
    ]
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = next(
            filter(None, (re.search(r"answers at (http://\S+)", line) for line in process.stdout)), None
        )
        assert found is not None, "abplat serve has not started"
        yield found[1]
        process.terminate()
        process.wait(PATIENCE)
    finally:
        process.kill()
        process.communicate()


def fetch(url: str) -> bytes:
    """Return what an address answers."""
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        content: bytes = answer.read()
    return content


def list_files(folder: Path) -> set[str]:
    """Name the files below a folder that belong to the project."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)) for path in found}


@pytest.mark.parametrize(("name", "source"), [("abplat", "abplat"), ("abplat_sdk", "sdk/python/abplat_sdk")])
def test_a_wheel_is_whole(name: str, source: str, wheels: dict[str, Path]) -> None:
    """Every file of the package, and nothing else but the migrations."""
    with zipfile.ZipFile(wheels[name]) as archive:
        packed = {path for path in archive.namelist() if ".dist-info/" not in path}
    wanted = {f"{name}/{path}" for path in list_files(ROOT / source)}
    if name == "abplat":
        wanted |= {f"abplat/_migrations/{path}" for path in list_files(ROOT / "migrations")}
        assert {"abplat/web/static/abplat.js", "abplat/_migrations/env.py"} <= packed

    assert packed == wanted


def test_the_sdk_is_small_and_carries_its_own_words(wheels: dict[str, Path]) -> None:
    """Below 100 kB with the mark of types and the README as its description."""
    with zipfile.ZipFile(wheels["abplat_sdk"]) as archive:
        names = archive.namelist()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()

    assert wheels["abplat_sdk"].stat().st_size < 100_000
    assert "abplat_sdk/py.typed" in names
    assert (ROOT / "sdk" / "python" / "README.md").read_text("utf-8").strip() in metadata


def test_the_command_says_its_version(scripts: Path, environment: dict[str, str], tmp_path: Path) -> None:
    """And it is the installed one, not the checkout."""
    said = subprocess.check_output(
        [scripts / "abplat", "--version"], cwd=tmp_path, env=environment, text=True
    )
    code = "import abplat, abplat_sdk; print(abplat.__file__, abplat_sdk.__file__)"
    places = subprocess.check_output(
        [scripts / "python", "-c", code], cwd=tmp_path, env=environment, text=True
    )

    assert abplat.__version__ in said
    assert all(place.startswith(str(scripts.parent)) for place in places.split())


def test_the_first_start_migrates_and_serves(address: str) -> None:
    """Database, pages and the file for pages are there, with nothing but the wheels."""
    assert b"ready" in fetch(f"{address}/readyz")
    assert b"<html" in fetch(f"{address}/").lower()
    assert (
        fetch(f"{address}/sdk/abplat.js") == (ROOT / "abplat" / "web" / "static" / "abplat.js").read_bytes()
    )
