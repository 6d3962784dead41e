"""Read the audit trail: filtered, page by page, or as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.audit import AuditEntry, AuditSeal
from abplat.db.queries import audit as queries
from abplat.db.queries.audit import AuditFilter
from abplat.domain.audit_chain import NO_HASH, STRANGE_HEAD, UNSEALED, Fault, Link, Verification, find_faults
from abplat.domain.catalogue import Document
from abplat.services import audit
from abplat.services.report_table import FORMULA_STARTS

COLUMNS: Final = ("id", "at", "actor", "address", "verb", "noun", "key", "before", "after")
SEAL_COLUMNS: Final = ("position", "previous", "hash")
"""The place of an entry in the chain, the hash before it and its own."""
MAX_EXPORTED: Final = 100_000
MAX_FAULTS: Final = 100
"""Faults of a chain that are named; all are counted."""

__all__ = [
    "COLUMNS", "MAX_EXPORTED", "AuditFilter", "list_", "list_choices", "list_projects", "read_head", "verify",
    "write_csv", "write_json",
]  # fmt: skip


def list_(session: Session, project: str, wanted: AuditFilter, *, limit: int = 50) -> list[Document]:
    """Return what was done in a project, the latest first; ``wanted.before_id`` leads to the next page."""
    return [_describe(*row) for row in queries.list_filtered(session, project, wanted, limit)]


def list_choices(session: Session, project: str) -> dict[str, list[str]]:
    """Return the actors, nouns and verbs that the trail of a project holds."""
    return {name: queries.list_distinct(session, project, name) for name in ("actor", "noun", "verb")}


def write_csv(entries: Iterable[Document]) -> str:
    """Write entries as a table; no cell can run as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow((*COLUMNS, *SEAL_COLUMNS))
    for entry in entries:
        writer.writerow([_cell(entry[name]) for name in (*COLUMNS, *SEAL_COLUMNS)])
    return out.getvalue()


def write_json(entries: Iterable[Document]) -> bytes:
    """Write entries as one JSON object per line."""
    return b"".join(_lines(entries))


def _lines(entries: Iterable[Document]) -> Iterator[bytes]:
    """Write each entry as a line."""
    for entry in entries:
        yield msgspec.json.encode({**entry, "at": format_instant(entry["at"])}) + b"\n"


def _cell(value: Any) -> str:
    """Write one cell."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return format_instant(value)
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _describe(entry: AuditEntry, seal: AuditSeal | None) -> Document:
    """Return an entry as it is answered."""
    found = {name: getattr(entry, name) for name in COLUMNS}
    return found | {name: getattr(seal, name, None) for name in SEAL_COLUMNS}


def verify(session: Session, project: str, *, expected: str | None = None) -> Verification:
    """Walk along the chain of a project and tell whether nothing was changed, removed or slipped in.

    Args:
        session: Where to read.
        project: Key of the project.
        expected: A head that was noted earlier and kept elsewhere: a chain cut short no longer holds it.
    """
    n, head = 0, NO_HASH
    faults: list[Fault] = []
    n_faults = 0

    def walk() -> Iterator[Link]:
        nonlocal n, head
        for stored, entry in queries.list_chain(session, project):
            n, head = n + 1, stored.hash
            yield Link(
                position=stored.position,
                entry_id=stored.entry,
                previous=stored.previous,
                hash=stored.hash,
                entry=audit.describe(entry) if entry is not None else None,
            )

    for fault in chain(find_faults(walk()), _find_strangers(session, project, expected)):
        n_faults += 1
        if len(faults) < MAX_FAULTS:
            faults.append(fault)
    return Verification(project=project, n_entries=n, head=head, faults=tuple(faults), n_faults=n_faults)


def list_projects(session: Session) -> list[str]:
    """Return every project that the trail knows."""
    return list(queries.list_chained_projects(session))


def read_head(session: Session, project: str) -> Document:
    """Return the last place and hash of the chain of a project."""
    found = queries.find_head(session, project)
    return {"position": found.position if found else 0, "head": found.hash if found else NO_HASH}


def _find_strangers(session: Session, project: str, expected: str | None) -> Iterator[Fault]:
    """Yield entries that no seal stands for, and a head that the chain does not hold."""
    for entry in queries.list_unsealed(session, project, MAX_FAULTS):
        yield Fault(code=UNSEALED, position=None, entry=entry, message=f"entry {entry} was never sealed")
    if expected is not None and not queries.has_hash(session, project, expected):
        message = f"the chain does not hold {expected[:64]}: it was cut short or made anew since"
        yield Fault(code=STRANGE_HEAD, position=None, entry=None, message=message)
