"""Who was exposed to what, and the numbers that metrics are made of, as tables for people's own questions.

Reports do not read them: they are what a report as of the last refresh was made of.
"""

# ruff: noqa: S608 -- queries are made of our own names and of quoted texts
from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
from arro3.core import Array, Table
from numpy.typing import NDArray

from abplat.analysis.derived.kept import open_kept
from abplat.analysis.derived.names import UNIT_ROWS, UNITS, is_of_experiment
from abplat.analysis.gather import gather_all
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics.measuring import has_unit_rows, measure
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.snapshot import Snapshot
from abplat.clock import format_instant, from_micros
from abplat.config import Settings
from abplat.errors import ConflictError
from abplat.facts.derived import DerivedStore, DerivedTable
from abplat.facts.engines.duckdb import literal
from abplat.facts.lake import Lake

Ints = NDArray[np.int64]


def refresh_units(
    lake: Lake, project: str, settings: Settings, plans: Sequence[AnalysisPlan], *, as_of_us: int
) -> int:
    """Write the units and unit rows of experiments anew, beside tables that are there; return how many tables.

    Args:
        lake: The facts.
        project: Key of the project.
        settings: What the engine may use.
        plans: The experiments.
        as_of_us: The present.

    Raises:
        ConflictError: If somebody else refreshes at the same time, or facts went meanwhile.
    """
    with Snapshot(lake, project, as_of_us, settings) as snapshot:
        store = DerivedStore(snapshot.sources.folder)
        note = store.read_note()
        if note is None:
            return 0
        tables = _write_units(snapshot, store, plans)
        if store.read_note() != note:
            raise ConflictError(f"{store.path} was refreshed by two at a time")
        kept = {name: table for name, table in note.tables.items() if not is_of_experiment(name)}
        store.publish(msgspec.structs.replace(note, tables={**kept, **tables}), snapshot.sources.list_files())
        return len(tables)


def _write_units(
    snapshot: Snapshot, store: DerivedStore, plans: Sequence[AnalysisPlan]
) -> dict[str, DerivedTable]:
    """Write the units and the unit rows of some experiments; return the tables by name."""
    anchor_of = _name_customers(snapshot)
    about = f"as of {format_instant(from_micros(snapshot.as_of_us))}"
    tables = {}
    for plan, gathered in zip(plans, gather_all(snapshot, plans), strict=True):
        key = plan.experiment["key"]
        customer = anchor_of[gathered.population.customer]
        for name, rows in (
            (f"{UNITS}{key}", _list_units(snapshot, plan, gathered, customer)),
            (f"{UNIT_ROWS}{key}", _list_rows(snapshot, plan, gathered, customer)),
        ):
            tables[name] = store.replace(name, rows, about=about)
    return tables


def _name_customers(snapshot: Snapshot) -> Ints:
    """Return what the tables name each customer by; -1 for one whom no sealed fact knows."""
    who = snapshot.who
    known = np.flatnonzero(who.code_of < snapshot.sources.next_code)
    place = known[np.argsort(-who.code_of[known], kind="stable")]  # the least code is written last
    anchor_of = np.full(who.identities.n_customers, -1, np.int64)
    anchor_of[who.identities.customer_of[place]] = who.code_of[place]
    kept = open_kept(snapshot)
    if kept is not None:
        same = np.flatnonzero(kept.changes.customer_of >= 0)
        anchor_of[kept.changes.customer_of[same]] = same
    return anchor_of


def _list_units(snapshot: Snapshot, plan: AnalysisPlan, gathered: Gathered, customer: Ints) -> Table:
    """Return one row per exposed customer."""
    population = gathered.population
    columns: dict[str, NDArray[Any]] = {
        "customer": customer,
        "variant": population.variant.astype(np.int32),
        "first_exposure_us": population.first_exposure,
        "is_mature": gathered.mature,
        "is_crossover": population.crossover,
        "exposures": population.exposures.astype(np.int64),
        "coherent_exposures": population.coherent_exposures.astype(np.int64),
        "channels": population.n_channels.astype(np.int64),
    }
    return _with_texts(snapshot, columns, {"variant": [each.key for each in plan.variants]})


def _list_rows(snapshot: Snapshot, plan: AnalysisPlan, gathered: Gathered, customer: Ints) -> Table:
    """Return one row per metric and exposed customer."""
    metrics = [metric for metric in plan.metrics if has_unit_rows(metric)]
    size, n = len(gathered.population), len(metrics)
    columns: dict[str, NDArray[Any]] = {
        "metric": np.repeat(np.arange(n, dtype=np.int32), size),
        "customer": np.tile(customer, n),
        "variant": np.tile(gathered.population.variant.astype(np.int32), n),
        **{name: np.empty(0) for name in ("y", "d", "x")},
        "counts": np.empty(0, bool),
    }
    parts = list(_measure(plan, gathered))
    for name, found in zip(("y", "d", "x", "counts"), zip(*parts, strict=True), strict=False):
        columns[name] = np.concatenate(found)
    texts = {"metric": [metric.key for metric in metrics], "variant": [each.key for each in plan.variants]}
    return _with_texts(snapshot, columns, texts)


def _measure(plan: AnalysisPlan, gathered: Gathered) -> Iterator[tuple[NDArray[Any], ...]]:
    """Return per metric what the customers did, the denominator, what they were like before, and who counts."""
    nothing = np.full(len(gathered.population), np.nan)
    for metric in plan.metrics:
        if has_unit_rows(metric):
            found = measure(metric, gathered, plan)
            bottom = nothing if found.denominator is None else found.denominator
            before = nothing if found.covariate is None else found.covariate
            counts = gathered.mature if found.keep is None else gathered.mature & found.keep
            yield found.values, bottom, before, counts


def _with_texts(snapshot: Snapshot, columns: dict[str, NDArray[Any]], texts: dict[str, list[str]]) -> Table:
    """Return columns as a table, in which some positions have become texts."""
    connection = snapshot.sources.connection
    flags = {name for name, column in columns.items() if column.dtype == np.bool_}
    plain = {name: column.astype(np.int8) if name in flags else column for name, column in columns.items()}
    made: dict[str, Any] = {name: Array(np.ascontiguousarray(column)) for name, column in plain.items()}
    connection.register("laid_out", Table.from_pydict(made))
    listed = {name: f"[{', '.join(map(literal, names))}]" for name, names in texts.items() if names}
    chosen = [
        f"{listed[name]}[{name} + 1]::VARCHAR AS {name}"
        if name in listed
        else f"{name}::BOOLEAN AS {name}"
        if name in flags
        else name
        for name in columns
    ]
    found = Table.from_arrow(connection.sql(f"SELECT {', '.join(chosen)} FROM laid_out"))
    connection.unregister("laid_out")
    return found
