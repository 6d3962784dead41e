"""The walk through touchpoints on a cluster: the same question, asked of many parts at once."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import pick_steps
from abplat.analysis.question import ContactEvents, Question, Walked, walk
from abplat.analysis.reading import Reading
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.stream import EventPart
from abplat.facts.engines.scan import WORD, scan_stream
from abplat.facts.engines.spark import Touchpoints, map_customers, open_session


def walk_on_spark(snapshot: Snapshot, asked: Question, chosen: NDArray[np.int32]) -> list[Walked]:
    """Answer a question on the cluster of the settings.

    Args:
        snapshot: The facts.
        asked: What to look for.
        chosen: Per actor code the customer, -1 for codes that are not asked for.

    Raises:
        UnavailableError: If the cluster does not answer or fails.
    """
    source = _source(snapshot)
    if not source.files:
        return [walk(asked, _no_events(asked), snapshot.as_of_us)]
    customers = snapshot.name_customers(chosen)
    answers = map_customers(open_session(snapshot.engine), source, customers, _Walk(asked, snapshot.as_of_us))
    # What our own code wrote on the cluster; a cluster that lies could lie in any format.
    found = [pickle.loads(answer) for answer in answers]  # noqa: S301
    return found or [walk(asked, _no_events(asked), snapshot.as_of_us)]


def _source(snapshot: Snapshot) -> Touchpoints:
    """Say where the cluster finds the touchpoints of a snapshot."""
    found = snapshot.sources.kinds["touchpoint"]
    files = (*found.sealed, *found.loose)
    return Touchpoints(files, snapshot.as_of_us, snapshot.fact_counts["touchpoint"], unique=not found.loose)


@dataclass(frozen=True, slots=True)
class _Walk:
    """What a partition does: evaluate all matchers, and walk."""

    asked: Question
    as_of_us: int

    def __call__(self, connection: duckdb.DuckDBPyConnection) -> bytes:
        """Answer for the rows of the relation ``touchpoints``."""
        query = scan_stream(
            self.asked.parts, channels=self.asked.channels, with_value=bool(self.asked.matches)
        )
        rows = {
            name: np.ma.getdata(column) for name, column in connection.execute(query).fetchnumpy().items()
        }
        return pickle.dumps(walk(self.asked, _make_part(rows), self.as_of_us), pickle.HIGHEST_PROTOCOL)


def _make_part(rows: dict[str, Any]) -> EventPart:
    """Name the columns of a scan, whose rows are sorted by customer and time."""
    words = sorted((name for name in rows if name.startswith("mask")), key=lambda name: int(name[4:]))
    value = rows.get("value")
    kept = np.empty(rows["ts_us"].size) if value is None else np.ascontiguousarray(value)
    return EventPart(
        customer=rows["actor_code"],
        ts=rows["ts_us"],
        words=np.stack([rows[name].astype(np.int64) for name in words]),
        channel=rows["channel"].astype(np.int32),
        records=kept.view(np.int64).reshape(-1, 1),
        has_value=value is not None,
    )


def _no_events(asked: Question) -> EventPart:
    """Return a part without events."""
    none = np.empty(0, np.int64)
    words = {f"mask{word}": none for word in range(-(-len(asked.parts) // WORD))}
    return _make_part({"actor_code": none.astype(np.int32), "ts_us": none, "channel": none, **words})


def sort_by_customer(found: Reading) -> Reading:
    """Return the same in the order of customers: partitions come as they please."""
    journeys, steps = {}, {}
    for definition, columns in found.journeys.items():
        order = np.argsort(columns.customer, kind="stable")
        names = [field.name for field in fields(JourneyColumns) if field.name != "member"]
        journeys[definition] = JourneyColumns(**{name: getattr(columns, name)[order] for name in names})
        if definition in found.steps:
            steps[definition] = pick_steps(found.steps[definition], order)
    contacts = {match: _sorted(events) for match, events in found.contacts.items()}
    return Reading(journeys, found.channels, contacts, steps, found.first_seen)


def _sorted(events: ContactEvents) -> ContactEvents:
    """Return events in the order of customers; those of one customer keep theirs."""
    order = np.argsort(events.customer, kind="stable")
    return ContactEvents(events.customer[order], events.ts[order], events.value[order])
