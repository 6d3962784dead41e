"""Rows in the order in which they shall lie in their files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from arro3.core import DataType, RecordBatch, RecordBatchReader, Table


def day_by_day(rows: Any) -> RecordBatchReader:
    """Make one batch of each day, as the writer must have it where the order of rows matters.

    It works on several batches at once, and mixes up those of one file.

    Args:
        rows: An Arrow stream with a column ``day``, day by day.
    """
    stream = RecordBatchReader.from_stream(rows)
    return RecordBatchReader.from_batches(stream.schema, _join_days(stream))


def _join_days(batches: Iterable[RecordBatch]) -> Iterator[RecordBatch]:
    """Join batches that come day by day into one for each day."""
    held: list[RecordBatch] = []
    last: Any = None
    for batch in batches:
        if not batch.num_rows:
            continue
        days = np.asarray(batch.column("day").cast(DataType.int32()))
        first = 0
        for end in [*(np.flatnonzero(days[1:] != days[:-1]) + 1).tolist(), days.size]:
            if held and days[first] != last:
                yield _join_batches(held)
                held = []
            held.append(batch.slice(first, end - first))
            first, last = end, days[first]
    if held:
        yield _join_batches(held)


def _join_batches(batches: Sequence[RecordBatch]) -> RecordBatch:
    """Make one batch of several."""
    (whole,) = Table.from_batches(batches).combine_chunks().to_batches()
    return whole
