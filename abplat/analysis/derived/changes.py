"""What is new since tables were derived: whose rows, since when, and whose ids.

A customer's journeys follow from the events of its ids and nothing else. So what is kept of a
customer still holds if the same ids make up the customer, as far as they have events, and if no row
of theirs came or went. Everything else that is asked here errs towards calling a customer changed.
"""

# ruff: noqa: S608 -- queries are made of our own names, of numbers and of quoted texts
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.derived.names import CUSTOMERS
from abplat.analysis.derived.reader import TableReader, fetch
from abplat.analysis.snapshot import Snapshot
from abplat.facts.derived import DerivedNote
from abplat.facts.engines.duckdb import relation
from abplat.facts.seals import file_name

NEVER = 2**62
"""Since when a customer has changed that has not; also the instant at which every journey has ended."""
ALWAYS = -(2**62)
"""Since when a customer has changed of whom nothing holds."""
_ROW = "actor_code, ts_us, received_us, batch, event_id, name, channel, value, props"


@dataclass(frozen=True, slots=True)
class Changes:
    """What holds of the derived tables, as of a snapshot.

    Attributes:
        customer_of: Per actor code that names a customer in the tables, the customer of the snapshot;
            -1 where nothing of it holds.
        since: Per customer the instant of the first event that came or went: ``NEVER`` where none did.
        first_seen: Per customer of whom something holds the first event; ``NEVER`` for others.
        codes: Codes that have events in the tables.
        anchors: The customer of each, as the tables name it.
        added: Files that the tables do not cover, by path.
        gone: Covered files that are no longer among the facts, by path.
        channels: The channels of all touchpoints, sorted.
    """

    customer_of: NDArray[np.int32]
    since: NDArray[np.int64]
    first_seen: NDArray[np.int64]
    codes: NDArray[np.int64]
    anchors: NDArray[np.int64]
    added: tuple[str, ...]
    gone: tuple[str, ...]
    channels: tuple[str, ...]


def find_changes(snapshot: Snapshot, reader: TableReader) -> Changes | None:
    """Compare a snapshot with what was derived; None where nothing of it can be used."""
    sources, note = snapshot.sources, reader.note
    source = sources.kinds["touchpoint"]
    if note.book != sources.book.name or note.through_us > snapshot.as_of_us:
        return None
    if not snapshot.who.identities.n_customers:
        return None
    covered = set(note.covered)
    whole = {file_name(path): path for path in source.whole}
    gone = [str(sources.folder / "touchpoints" / name) for name in sorted(covered - whole.keys())]
    if not all(Path(path).exists() for path in gone):
        return None
    added = [path for path in source.sealed if file_name(path) not in covered or path in source.cut]
    found = reader.read(CUSTOMERS, ["code", "customer", "first_us"])
    codes, anchors = found["code"].astype(np.int64), found["customer"].astype(np.int64)
    customer_of, others, since_us = compare_customers(
        codes, anchors, snapshot.who.customers_of_known(codes), found["first_us"]
    )
    since = np.full(snapshot.who.identities.n_customers, NEVER, np.int64)
    first_seen = since.copy()
    holds = customer_of[anchors] >= 0
    first_seen[customer_of[anchors[holds]]] = found["first_us"][holds]
    rows = _find_rows(snapshot, added, gone)
    if rows:
        new = fetch(
            sources.connection, f"SELECT actor_code, min(ts_us) AS since FROM ({rows}) GROUP BY actor_code"
        )
        customer = snapshot.who.customers_of_known(new["actor_code"])
        there = customer >= 0
        np.minimum.at(since, customer[there], new["since"][there])
    since[others] = np.minimum(since[others], since_us)
    channels = _channels(snapshot, note, rows, exact=not gone and not sources.count_repeated("touchpoint"))
    return Changes(
        customer_of, since, first_seen, codes, anchors, (*added, *source.loose), tuple(gone), channels
    )


def find_first_seen(
    changes: Changes, customer: NDArray[np.int32], found: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the first event of each customer: as it was where only later ones came or went.

    Args:
        changes: What is new.
        customer: Customers of whom events were read since they changed.
        found: The first of these events.
    """
    first = np.full(changes.since.size, NEVER, np.int64)
    np.minimum.at(first, customer, found)
    return np.where(changes.first_seen < changes.since, changes.first_seen, first)


def compare_customers(
    codes: NDArray[np.int64],
    anchors: NDArray[np.int64],
    customers: NDArray[np.int32],
    first_us: NDArray[np.int64],
) -> tuple[NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Compare who was who with who is who.

    Customers who were joined keep what was found of the one that came first, until the next one came.

    Args:
        codes: Ids that have events in the tables.
        anchors: The customer of each in the tables.
        customers: The customer of each now, -1 where it does not exist.
        first_us: The first event of that customer of the tables.

    Returns:
        Per anchor the customer for whom its rows hold, else -1; the customers who now consist of other
        ids; and since when nothing holds of each.

    Examples:
        >>> codes, anchors = np.array([0, 1, 2, 3]), np.array([0, 0, 2, 3])
        >>> now = np.array([7, 7, 5, 5], np.int32)
        >>> same, others, since = compare_customers(codes, anchors, now, np.array([10, 10, 40, 30]))
        >>> same.tolist(), others.tolist(), since.tolist()
        ([7, -1, -1, 5], [5], [40])
    """
    customer_of = np.full(int(codes.max(initial=-1)) + 1, -1, np.int32)
    customer_of[anchors] = customers
    # The last place is nobody's.
    since = np.full(int(customers.max(initial=-1)) + 2, NEVER, np.int64)
    bad_anchor, bad_customer = np.zeros(customer_of.size, bool), np.zeros(since.size, bool)
    bad = (customers < 0) | (customer_of[anchors] != customers)
    while bad.any():  # whoever shares an id with a customer that was parted has changed altogether
        before = int(np.count_nonzero(bad))
        bad_anchor[anchors[bad]] = True
        bad_customer[customers[bad]] = True
        bad = bad_anchor[anchors] | bad_customer[customers]
        if int(np.count_nonzero(bad)) == before:
            break
    customer_of[bad_anchor] = -1
    since[bad_customer] = ALWAYS
    _join_customers(np.flatnonzero(customer_of >= 0), customer_of, anchors, first_us, since)
    others = np.flatnonzero(since[:-1] < NEVER)
    return customer_of, others, since[others]


def _join_customers(
    kept: NDArray[np.int64],
    customer_of: NDArray[np.int32],
    anchors: NDArray[np.int64],
    first_us: NDArray[np.int64],
    since: NDArray[np.int64],
) -> None:
    """Where a customer was several, let the rows of the first one hold until the next one came."""
    times = np.bincount(customer_of[kept], minlength=since.size)
    joined = kept[times[customer_of[kept]] > 1]
    if not joined.size:
        return
    first = np.full(customer_of.size, NEVER, np.int64)
    first[anchors] = first_us
    order = joined[np.lexsort((first[joined], customer_of[joined]))]
    customer = customer_of[order]
    begins = np.flatnonzero(np.diff(customer, prepend=np.int32(-1)))
    since[customer[begins]] = first[order[begins + 1]]
    later = np.ones(order.size, bool)
    later[begins] = False
    customer_of[order[later]] = -1


def _find_rows(snapshot: Snapshot, added: Sequence[str], gone: Sequence[str]) -> str:
    """Return the query for the rows that came or went; copies of an id that was there count as both."""
    sources = snapshot.sources
    days = {_day_of(path) for path in gone}
    plain = [path for path in added if _day_of(path) not in days]
    mixed = [path for path in added if _day_of(path) in days]
    parts = [sources.read("touchpoint", plain)] if plain else []
    after = [sources.read("touchpoint", mixed)] if mixed else []
    if sources.kinds["touchpoint"].loose:
        (after if gone else parts).append(sources.read("touchpoint", None))
    parts = [f"SELECT actor_code, ts_us, channel FROM ({part})" for part in parts]
    if gone:
        old = f"SELECT {_ROW} FROM {relation('touchpoint', gone)}"
        new = " UNION ALL ".join(f"SELECT {_ROW} FROM ({part})" for part in after) or f"{old} WHERE false"
        parts.append(
            "SELECT actor_code, ts_us, channel FROM "
            f"((({old}) EXCEPT ALL ({new})) UNION ALL (({new}) EXCEPT ALL ({old})))"
        )
    if sources.count_repeated("touchpoint"):
        parts.append(sources.read_copies("touchpoint"))
    return " UNION ALL ".join(parts)


def _channels(snapshot: Snapshot, note: DerivedNote, rows: str, *, exact: bool) -> tuple[str, ...]:
    """Return the channels of all touchpoints; where rows have gone, only all rows can tell."""
    if not exact:
        return snapshot.channels()
    known = {name for name, n in zip(note.channels, note.channel_rows, strict=True) if n}
    if rows:
        query = f"SELECT DISTINCT channel FROM ({rows}) WHERE channel IS NOT NULL"
        known |= {str(name) for (name,) in snapshot.sources.connection.execute(query).fetchall()}
    return tuple(sorted(known))


def _day_of(path: str) -> str:
    """Return the day of a file by its name."""
    return file_name(path).partition("/")[0]
