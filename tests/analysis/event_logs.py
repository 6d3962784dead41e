"""Public event logs as fact columns; tests skip where the files are absent."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from abplat.analysis.journeys.encode import FactColumns, code
from abplat.clock import parse_instant, to_micros

FOLDER = Path(__file__).parents[2].parent / "shared" / "data" / "journeys"
Row = dict[str, str]


def read_log(name: str) -> list[Row]:
    """Return the rows of a log in its own order."""
    path = FOLDER / f"{name}.csv.gz"
    if not path.exists():
        pytest.skip(f"{path.name} is not here")
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def encode_log(rows: list[Row], channel_of: Callable[[Row], str | None]) -> FactColumns:
    """Return the columns of a log; its order stands for the order of event ids."""
    customer, _ = code(row["case_id"] for row in rows)
    name, names = code(row["activity"] for row in rows)
    channel, channels = code(channel_of(row) for row in rows)
    ts = np.array([to_micros(parse_instant(row["ts"])) for row in rows], np.int64)
    return FactColumns(customer, ts, name, names, channel, channels, np.arange(len(rows)))
