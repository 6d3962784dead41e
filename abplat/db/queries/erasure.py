"""Erase one customer from the tables of identities and of the ledger, and from what follows the drain.

What else of a person there is, is listed in ``docs/reference/identity.md``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from typing import Final

import msgspec
from sqlalchemy import Connection

from abplat.db.driver import fetch, run, run_many
from abplat.db.queries import identities

_DELETES: Final = {
    "assignments": ("DELETE FROM assignments WHERE project = ? AND unit IN []",),
    "assignment_conflicts": (
        "DELETE FROM assignment_conflicts WHERE project = ? AND unit IN []",
        "DELETE FROM assignment_conflicts WHERE project = ? AND kept_unit IN []",
    ),
    "identity_joins": (
        "DELETE FROM identity_joins WHERE project = ? AND anonymous IN []",
        "DELETE FROM identity_joins WHERE project = ? AND known IN []",
    ),
    "identity_members": ("DELETE FROM identity_members WHERE project = ? AND id IN []",),
    "customer_moments": ("DELETE FROM customer_moments WHERE project = ? AND unit IN []",),
}
_FORGET_ORIGIN: Final = "UPDATE assignments SET origin = NULL WHERE project = ? AND origin IN []"
_WAITING: Final = "SELECT id, body FROM read_model_rows WHERE project = ? AND id > ? ORDER BY id LIMIT 1000"
_DROP: Final = "DELETE FROM read_model_rows WHERE id = ?"
_CHUNK: Final = 500


class _Waiting(msgspec.Struct):
    """Whose row it is; the rest does not matter."""

    actor: str = ""


def erase_component(connection: Connection, project: str, ids: Collection[str]) -> dict[str, int]:
    """Erase some ids and all that is kept under them; return how many rows of each table are gone.

    Take the ids from ``services.components.look_up``: all of one customer, so that nobody else loses
    anything. Of an id that the customer shared with others only the join with this customer goes; it stays
    shared until it is joined again. What another id had inherited stays with that id, without saying from whom.

    Args:
        connection: Inside the transaction that the erasure is part of.
        project: Key of the project.
        ids: Every id of the customer.
    """
    identities.lock(connection, project)
    gone: Counter[str] = Counter(dict.fromkeys((*_DELETES, "read_model_rows"), 0))
    for chunk in _chunks(ids):
        for table, statements in _DELETES.items():
            for sql in statements:
                gone[table] += max(run(connection, sql, [project], chunk).rowcount, 0)
        run(connection, _FORGET_ORIGIN, [project], chunk)
    gone["read_model_rows"] = _drop_waiting(connection, project, frozenset(ids))
    return dict(gone)


def _drop_waiting(connection: Connection, project: str, ids: frozenset[str]) -> int:
    """Erase events on their way from the drain to the read model: seconds' worth, not indexed by whom they are of."""
    dropped, last = 0, 0
    while rows := fetch(connection, _WAITING, (project, last)):
        mine = [(number,) for number, body in rows if msgspec.json.decode(body, type=_Waiting).actor in ids]
        run_many(connection, _DROP, mine)
        dropped, last = dropped + len(mine), rows[-1][0]
    return dropped


def _chunks(ids: Collection[str]) -> Iterator[Sequence[str]]:
    """Cut ids into lists that a statement can take."""
    rest = iter(sorted(ids))
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk
