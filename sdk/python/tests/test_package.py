"""The package as it is published: small, whole, and of the standard library."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with what is installed, without a network."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_is_small(wheel: Path) -> None:
    """Below 100 kB, README included."""
    assert wheel.stat().st_size < 100_000


def test_the_wheel_is_whole(wheel: Path) -> None:
    """Every module, the mark of types, and no dependency but the optional one."""
    with zipfile.ZipFile(wheel) as archive:
        names = {Path(name).name for name in archive.namelist() if name.startswith("abplat_sdk/")}
        metadata = next(name for name in archive.namelist() if name.endswith("METADATA"))
        needs = [
            line for line in archive.read(metadata).decode().splitlines() if line.startswith("Requires-Dist")
        ]

    assert names == {path.name for path in (PACKAGE / "abplat_sdk").iterdir() if path.is_file()}
    assert all("extra == 'openfeature'" in need for need in needs)


def test_the_wheel_runs_alone(wheel: Path, tmp_path: Path) -> None:
    """Unpacked anywhere it decides, with no other package in sight."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    document = {"schema_version": 1, "version": "1", "project": "shop", "experiments": []}
    code = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); import abplat_sdk.client, abplat_sdk.bulk\n"
        "print(abplat_sdk.compile_config(json.loads(sys.argv[2])).decide('e', 'cust:1').reason)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(tmp_path), json.dumps(document)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.stdout.strip() == "unknown_experiment", done.stderr
