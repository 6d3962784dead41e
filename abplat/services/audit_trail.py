"""Read the audit trail: filtered, page by page, or as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.audit import AuditEntry
from abplat.db.queries import audit as queries
from abplat.db.queries.audit import AuditFilter
from abplat.domain.catalogue import Document
from abplat.services.report_table import FORMULA_STARTS

COLUMNS: Final = ("id", "at", "actor", "address", "verb", "noun", "key", "before", "after")
MAX_EXPORTED: Final = 100_000

__all__ = ["COLUMNS", "MAX_EXPORTED", "AuditFilter", "list_", "list_choices", "write_csv", "write_json"]


def list_(session: Session, project: str, wanted: AuditFilter, *, limit: int = 50) -> list[Document]:
    """Return what was done in a project, the latest first; ``wanted.before_id`` leads to the next page."""
    return [_describe(entry) for entry in queries.list_filtered(session, project, wanted, limit)]


def list_choices(session: Session, project: str) -> dict[str, list[str]]:
    """Return the actors, nouns and verbs that the trail of a project holds."""
    return {name: queries.list_distinct(session, project, name) for name in ("actor", "noun", "verb")}


def write_csv(entries: Iterable[Document]) -> str:
    """Write entries as a table; no cell can run as a formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        writer.writerow([_cell(entry[name]) for name in COLUMNS])
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


def _describe(entry: AuditEntry) -> Document:
    """Return an entry as it is answered."""
    return {name: getattr(entry, name) for name in COLUMNS}
