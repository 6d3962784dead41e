"""Real data: tests in this folder skip where the files are not beside the repository."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from abplat.facts.lake import Lake
from abplat.services.imports.maps import Kind
from abplat.services.imports.running import ImportOrder, ImportResult, run_import

ROOT = Path(__file__).parents[2].parent / "shared" / "data"
MAPS = Path(__file__).parent / "maps"


def find_data(name: str) -> Path:
    """Return a data file, or skip the test where it is not there: it may not be passed on."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"needs {name}, which lies in ../shared/data and is not part of the repository")
    return path


def import_real(folder: Path, kind: Kind, name: str, map_name: str) -> tuple[Lake, ImportResult]:
    """Import a data file into a lake of its own."""
    order = ImportOrder(
        kind=kind,
        path=find_data(name),
        map_path=MAPS / f"{map_name}.yaml",
        project="real",
        refused_path=folder / "refused.csv",
    )
    lake = Lake(folder / "lake")
    return lake, run_import(
        order, lake, folder / "imports", lambda: datetime(2026, 1, 1, tzinfo=UTC), lambda _share: None
    )
