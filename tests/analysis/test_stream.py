"""Rows laid down in blocks come back as a plain sort gives them, in memory and from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.stream import EventStream, Wanted
from abplat.facts.engines.scan import WORD

N_CUSTOMERS, N_IDS = 50_000, 70_000
"""Several parts."""


def make_chunks(rng: np.random.Generator, n_words: int) -> list[dict[str, Any]]:
    """Return scans whose rows lie by id and time, as in sealed files; the last one is loose."""
    chunks = []
    for day in range(4):
        n = 30_000
        code, ts = rng.integers(0, N_IDS, n), day * 40 + rng.integers(0, 50, n)
        code[: n // 3] = 7  # one id is far busier than the others
        order = np.lexsort((ts, code)) if day < 3 else np.argsort(ts, kind="stable")
        rows: dict[str, Any] = {
            "actor_code": code[order].astype(np.int32),
            "ts_us": ts[order].astype(np.int64),
        }
        for word in range(n_words):
            bits = rng.integers(0, 3, n) << (0 if word < n_words - 1 else 4)
            rows[f"mask{word}"] = bits.astype(np.int16 if n_words == 1 else np.int64)
        rows["channel"] = rng.integers(-1, 3, n).astype(np.int16)
        rows["value"] = rng.normal(size=n)
        chunks.append(rows)
    return chunks


def sort_plainly(chunks: list[dict[str, Any]], customer_of: Any, *, drop_empty: bool) -> dict[str, Any]:
    """Return all rows of known customers by customer and time, and else as they came."""
    rows = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    rows["customer"] = customer_of[rows["actor_code"]]
    kept = rows["customer"] >= 0
    if drop_empty:
        kept &= sum(rows[name] for name in rows if name.startswith("mask")) != 0
    rows = {name: column[kept] for name, column in rows.items()}
    order = np.lexsort((np.arange(rows["ts_us"].size), rows["ts_us"], rows["customer"]))
    return {name: column[order] for name, column in rows.items()}


@pytest.mark.parametrize("drop_empty", [False, True], ids=["all", "matching"])
@pytest.mark.parametrize("n_words", [1, 3])
@pytest.mark.parametrize("room", [1 << 30, 400_000], ids=["in memory", "on disk"])
def test_parts_hold_every_row_in_its_order(
    tmp_path: Path, room: int, n_words: int, *, drop_empty: bool
) -> None:
    """By customer and time; rows of one instant as they came."""
    rng = np.random.default_rng(n_words)
    chunks = make_chunks(rng, n_words)
    customer_of = rng.integers(-1, N_CUSTOMERS, N_IDS).astype(np.int32)
    customer_of[7] = 20_000
    wanted = sort_plainly(chunks, customer_of, drop_empty=drop_empty)
    with EventStream(
        customer_of,
        N_CUSTOMERS,
        wanted=Wanted(n_words, with_value=True, drop_empty=drop_empty),
        room=room,
        spill=tmp_path,
    ) as stream:
        stream.fill(
            lambda number: [chunks[number]], 3, 1, lambda instants: answer(chunks, customer_of, instants)
        )
        parts = list(stream.parts())
        spilled = any(tmp_path.iterdir())

    assert len(parts) > 1
    assert spilled == (room < 1 << 20)
    assert not any(tmp_path.iterdir())
    assert np.concatenate([part.customer for part in parts]).tolist() == wanted["customer"].tolist()
    assert np.concatenate([part.ts for part in parts]).tolist() == wanted["ts_us"].tolist()
    assert np.concatenate([part.channel for part in parts]).tolist() == wanted["channel"].tolist()
    values = np.concatenate([part.value(np.arange(part.ts.size)) for part in parts])
    assert values.tolist() == wanted["value"].tolist()
    places = [WORD * (n_words - 1) + 5, 0]
    bits = (wanted[f"mask{n_words - 1}"] >> 5 & 1) | (wanted["mask0"] & 1) << 1
    assert np.concatenate([part.bits(places) for part in parts]).tolist() == bits.tolist()


def answer(chunks: list[dict[str, Any]], customer_of: Any, instants: Any) -> dict[str, Any]:
    """Return the rows of some instants in the order of their ids: here, as they came."""
    rows = {name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]}
    found = np.flatnonzero(np.isin(rows["ts_us"], instants) & (customer_of[rows["actor_code"]] >= 0))
    found = found[np.argsort(rows["ts_us"][found], kind="stable")]
    return {name: column[found] for name, column in rows.items()}
