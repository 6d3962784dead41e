"""What was known of customers when they were first exposed, asked of the engine.

Both questions read the views of a snapshot, in which every event id is there once.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from duckdb import DuckDBPyConnection

_ENTRANTS = """
CREATE OR REPLACE TEMP VIEW before_exposure AS
SELECT c.customer, t.ts_us, t.event_id, t.props
FROM touchpoints t JOIN {customers} c USING (actor_code) JOIN entrants e USING (customer)
WHERE t.ts_us < e.exposed_us AND t.ts_us <= {as_of} AND t.received_us <= {as_of}
"""


class BeforeExposure:
    """What happened before each customer's first exposure."""

    def __init__(self, connection: DuckDBPyConnection, customers: str, as_of_us: int) -> None:
        """Look at what happened before.

        Args:
            connection: Holds the views of the facts and the relation ``entrants`` (customer, exposed_us).
            customers: The relation (actor_code, customer).
            as_of_us: The snapshot.
        """
        self._connection = connection
        connection.execute(_ENTRANTS.format(customers=customers, as_of=int(as_of_us)))

    def __enter__(self) -> Self:
        """Be usable in a with block."""
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Forget the entrants."""
        self._connection.execute("DROP VIEW before_exposure")
        self._connection.execute("DROP TABLE IF EXISTS told")
        self._connection.unregister("entrants")

    def returning(self) -> Any:
        """Return the customers who had a touchpoint before exposure."""
        query = "SELECT DISTINCT customer FROM before_exposure"
        return self._connection.execute(query).fetchnumpy()["customer"]

    def attributes(self, names: Sequence[str]) -> dict[str, tuple[Any, Any, list[str]]]:
        """Return properties as the latest touchpoint before exposure told them, in one pass over the facts.

        Returns:
            Per name the customers of whom something was told, what, as a position among the texts, and
            the JSON texts, sorted.
        """
        if names:
            self._connection.execute(_tell(len(names)), [_pointer(name) for name in names])
        return {name: self._read(place) for place, name in enumerate(names)}

    def _read(self, place: int) -> tuple[Any, Any, list[str]]:
        """Return one property."""
        told = f"(SELECT customer, told_{place} AS told FROM told WHERE told_{place} IS NOT NULL)"  # noqa: S608  # our own names
        texts = self._connection.execute(f"SELECT DISTINCT told FROM {told} ORDER BY 1").fetchall()  # noqa: S608
        found = self._connection.execute(
            f"SELECT customer, dense_rank() OVER (ORDER BY told) - 1 AS code FROM {told}"  # noqa: S608  # our own names
        ).fetchnumpy()
        return found["customer"], found["code"], [str(text) for (text,) in texts]


def _pointer(name: str) -> str:
    """Return the JSON pointer of a property: it can hold any name."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _tell(n: int) -> str:
    """Return the query that keeps the latest of so many properties, each under its pointer; null is none."""
    said = [f"said_{place}" for place in range(n)]
    read = ", ".join(f"json_extract(props, ?) AS {name}" for name in said)
    kept = ", ".join(
        f"arg_max({name}, {{'at': ts_us, 'id': event_id}}) FILTER (WHERE json_type({name}) <> 'NULL') AS told_{place}"
        for place, name in enumerate(said)
    )
    return (
        f"CREATE OR REPLACE TEMP TABLE told AS SELECT customer, {kept} FROM ("  # noqa: S608  # our own names
        f"SELECT customer, ts_us, event_id, {read} FROM before_exposure WHERE props IS NOT NULL) GROUP BY 1"
    )
