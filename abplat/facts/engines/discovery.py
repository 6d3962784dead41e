"""What the touchpoints of a project look like as a whole, asked of the engine.

Both questions read the view of a snapshot, in which every event id is there once.
"""

from __future__ import annotations

from typing import Any

from duckdb import DuckDBPyConnection

_SEEN = "t.ts_us >= {since} AND t.ts_us <= {as_of} AND t.received_us <= {as_of}"


def read_steps(connection: DuckDBPyConnection, customers: str, window: tuple[int, int]) -> dict[str, Any]:
    """Return customer, ts_us, name and channel of every touchpoint, by customer, time and event id.

    Args:
        connection: Holds the views of the facts.
        customers: The relation (actor, customer) that says whose.
        window: From when, and the snapshot, microseconds.
    """
    seen = _SEEN.format(since=int(window[0]), as_of=int(window[1]))
    query = (
        "SELECT c.customer, t.ts_us, t.name, t.channel FROM touchpoints t "  # noqa: S608  our names and numbers
        f"JOIN {customers} c USING (actor) WHERE {seen} ORDER BY c.customer, t.ts_us, t.event_id"
    )
    return dict(connection.execute(query).fetchnumpy())


def read_kinds(connection: DuckDBPyConnection, window: tuple[int, int]) -> list[tuple[Any, ...]]:
    """Return name, channel, events, ids, first and last time of each kind of touchpoint."""
    seen = _SEEN.format(since=int(window[0]), as_of=int(window[1]))
    query = (
        "SELECT t.name, t.channel, count(*), count(DISTINCT t.actor), min(t.ts_us), max(t.ts_us) "  # noqa: S608  our numbers
        f"FROM touchpoints t WHERE {seen} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 NULLS LAST"
    )
    return connection.execute(query).fetchall()
