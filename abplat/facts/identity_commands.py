"""What operators command about identities, as facts: an analysis takes them as of its instant.

They go into the intake in the transaction that changes the ledger. Their sources are reserved: an alias that
comes as an event cannot pretend to be one.
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec
from sqlalchemy import Connection

from abplat.clock import to_micros
from abplat.db.driver import run
from abplat.domain.components import Join
from abplat.domain.identity_graph import COMMANDS
from abplat.facts.rows import AliasRow, kind_of

RESERVED: Final = "abplat:"
_KEEP: Final = "INSERT INTO intake (project, event_id, kind, body, received_us) VALUES (?, ?, ?, ?, ?)"


def keep_command(connection: Connection, project: str, command: str, join: Join) -> None:
    """Keep a merge or a split as a fact.

    Args:
        connection: Inside the transaction that does it.
        project: Key of the project.
        command: One of ``COMMANDS``.
        join: The two ids, the customer that stays second, and when.
    """
    if command not in COMMANDS:
        raise ValueError(command)
    at_us = to_micros(join.at)
    row = AliasRow(str(uuid.uuid4()), join.a, join.b, at_us, f"{RESERVED}{command}")
    body = msgspec.json.encode(row).decode()
    run(connection, _KEEP, (project, row.event_id, kind_of(row), body, at_us))
