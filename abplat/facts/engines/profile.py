"""What was known of customers when they were first exposed, asked of the engine.

Both questions read the views of a snapshot, in which every event id is there once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duckdb import DuckDBPyConnection

_ENTRANTS = """
CREATE OR REPLACE TEMP VIEW before_exposure AS
SELECT c.customer, t.ts_us, t.event_id, t.props
FROM touchpoints t JOIN {customers} c USING (actor_code) JOIN entrants e USING (customer)
WHERE t.ts_us < e.exposed_us AND t.ts_us <= {as_of} AND t.received_us <= {as_of}
"""


def open_entrants(connection: DuckDBPyConnection, customers: str, as_of_us: int) -> None:
    """Make the view of what happened before each customer's first exposure.

    Args:
        connection: Holds the views of the facts and the relation ``entrants`` (customer, exposed_us).
        customers: The relation (actor_code, customer).
        as_of_us: The snapshot.
    """
    connection.execute(_ENTRANTS.format(customers=customers, as_of=int(as_of_us)))


def read_returning(connection: DuckDBPyConnection) -> Any:
    """Return the customers who had a touchpoint before exposure."""
    return connection.execute("SELECT DISTINCT customer FROM before_exposure").fetchnumpy()["customer"]


def read_attribute(connection: DuckDBPyConnection, name: str) -> list[tuple[int, str]]:
    """Return customer and the JSON text of a property as the latest touchpoint before exposure told it."""
    pointer = "/" + name.replace("~", "~0").replace("/", "~1")
    query = """
        SELECT customer, arg_max(told, {'at': ts_us, 'id': event_id}) FROM (
            SELECT customer, ts_us, event_id, json_extract(props, ?) AS told FROM before_exposure
            WHERE props IS NOT NULL)
        WHERE told IS NOT NULL AND json_type(told) <> 'NULL' GROUP BY 1
    """
    return connection.execute(query, [pointer]).fetchall()


def read_attributes(connection: DuckDBPyConnection, names: Sequence[str]) -> dict[str, list[tuple[int, str]]]:
    """Return several properties, by name."""
    return {name: read_attribute(connection, name) for name in names}
