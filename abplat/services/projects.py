"""What can be done with projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import parse_duration
from abplat.db.models.projects import Project
from abplat.db.queries import definitions
from abplat.db.queries import projects as queries
from abplat.domain.catalogue import Document
from abplat.domain.projects import Approvals, parse_project
from abplat.errors import InvalidInputError, NotAllowedError, StaleVersionError
from abplat.services import audit

BOOTSTRAP: Final = "main"
"""The project of the first start; only its admin keys may create other projects."""


def create(session: Session, document: Any, *, now: datetime) -> Document:
    """Create a project.

    Raises:
        InvalidInputError: With every fault found.
        DuplicateKeyError: If there is one of this key.
    """
    definition = parse_project(document)
    row = Project(**msgspec.to_builtins(definition), version=1, created_at=now, updated_at=now)
    definitions.add(session, row, f"project {definition.key!r}")
    after = msgspec.to_builtins(definition)
    audit.record(session, now, (definition.key, "create", "projects", definition.key), after=after)
    return describe(row)


def get(session: Session, key: str) -> Document:
    """Return a project.

    Raises:
        NotFoundError: If there is none of this key.
    """
    return describe(queries.get(session, key))


def list_(session: Session) -> list[Document]:
    """Return every project in the order of their keys."""
    return [describe(row) for row in queries.list_all(session)]


def list_retention(session: Session) -> dict[str, timedelta | None]:
    """Return how long each project keeps its facts; None is for ever."""
    return {
        row.key: parse_duration(row.keep_facts) if row.keep_facts else None
        for row in queries.list_all(session)
    }


def update(
    session: Session, key: str, changes: Mapping[str, Any], *, now: datetime, revision: int | None = None
) -> Document:
    """Change the title of a project, or what it asks for.

    Raises:
        StaleVersionError: If it was changed since that revision.
    """
    row = queries.get(session, key)
    if revision is not None and revision != row.version:
        raise StaleVersionError(
            f"{key} is at revision {row.version}, not {revision}; read it again and repeat"
        )
    before = definition_of(row)
    definition = parse_project({**before, **changes})
    if definition.key != key:
        raise InvalidInputError.at("key", f"is {key!r} for good; create another instead", "immutable")
    approvals = definition.approvals or Approvals()
    after = {**msgspec.to_builtins(definition), "approvals": msgspec.to_builtins(approvals)}
    if after != before:
        _require_person_to_loosen(session, before["approvals"]["required"], approvals.required)
        row.title, row.fill_standing = definition.title, definition.fill_standing
        row.keep_facts, row.updated_at = definition.keep_facts, now
        row.approvals = after["approvals"]
        definitions.save(session, f"project {key}")
        audit.record(session, now, (key, "update", "projects", key), before, after)
    return describe(row)


def _require_person_to_loosen(session: Session, before: Sequence[str], after: Sequence[str]) -> None:
    """Refuse a key that asks for fewer approvals: it could then do alone what two people should.

    Raises:
        NotAllowedError: If a key does it.
    """
    if set(before) - set(after) and audit.actor_of(session).startswith("key:"):
        raise NotAllowedError("only a person can ask for fewer approvals; sign in, or send a personal token")


def definition_of(row: Project) -> Document:
    """Return what somebody said of a project."""
    return {
        "key": row.key,
        "title": row.title,
        "fill_standing": row.fill_standing,
        "approvals": {"required": list((row.approvals or {}).get("required", ()))},
        "keep_facts": row.keep_facts,
    }


def describe(row: Project) -> Document:
    """Return a project with what the server knows of it."""
    return {
        **definition_of(row),
        "revision": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
