"""A real database and a real lake for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from abplat.db.engine import make_engine, writing
from abplat.db.upgrade import load_metadata
from abplat.facts.lake import Lake


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Return a SQLite file with all tables."""
    engine = make_engine(f"sqlite:///{tmp_path / 'abplat.sqlite3'}")
    load_metadata().create_all(writing(engine))
    yield engine
    engine.dispose()


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """Return an empty lake."""
    return Lake(tmp_path / "lake")
