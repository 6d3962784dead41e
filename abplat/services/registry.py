"""What a project knew at an instant beside its experiments: what their analyses read."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from abplat.db.queries import definitions as queries
from abplat.db.queries import versions
from abplat.db.queries.versions import VersionedDefinition
from abplat.domain.catalogue import PERSONAS, SEGMENTS, TOUCHPOINTS, Document


def get(session: Session, project: str, as_of: datetime) -> Document:
    """Return touchpoints, segments and personas as they were at an instant.

    Segments and personas are those of the version that was in force; touchpoints have no versions
    and are there as they are now, if they were there by then.
    """
    rows = queries.list_all(session, TOUCHPOINTS, project)
    return {
        TOUCHPOINTS: [{"key": row.key, **row.document} for row in rows if row.created_at <= as_of],
        SEGMENTS: _list_versions(session, SEGMENTS, project, as_of),
        PERSONAS: _list_versions(session, PERSONAS, project, as_of),
    }


def _list_versions(session: Session, noun: str, project: str, as_of: datetime) -> dict[str, Document]:
    """Return the document in force of every definition that was there."""
    found: dict[str, Document] = {}
    for row in queries.list_all(session, noun, project):
        known = versions.list_(session, cast("VersionedDefinition", row))
        present = [version.document for version in known if version.created_at <= as_of]
        if present:
            found[row.key] = present[-1]
    return found
