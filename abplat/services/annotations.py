"""What can be done with annotations: what else happened while experiments ran."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from abplat.clock import parse_instant
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import ANNOTATIONS
from abplat.services.definitions import Verbs

_verbs = Verbs(ANNOTATIONS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive


class Happening(NamedTuple):
    """An annotation with its instants read."""

    key: str
    title: str
    kind: str
    starts: datetime
    ends: datetime | None
    channel: str | None
    touchpoint: str | None
    text: str


def list_between(
    session: Session,
    project: str,
    *,
    since: datetime,
    until: datetime,
    channels: Iterable[str] | None = None,
) -> list[Happening]:
    """Return what happened between two instants, oldest first.

    Args:
        session: To read in.
        project: Key of the project.
        since: What ended before is left out.
        until: What began after is left out.
        channels: What touched none of these channels is left out; None for everything.
    """
    met = None if channels is None else set(channels)
    found = []
    for row in queries.list_all(session, ANNOTATIONS, project):
        document = row.document
        starts = parse_instant(document["starts_at"])
        ends = parse_instant(document["ends_at"]) if document.get("ends_at") else None
        channel = document.get("channel")
        if starts > until or (ends or starts) < since or (met is not None and channel and channel not in met):
            continue
        found.append(
            Happening(
                row.key, document["title"], document["kind"], starts, ends, channel,
                document.get("touchpoint"), document.get("text") or "",
            )
        )  # fmt: skip
    return sorted(found, key=lambda each: (each.starts, each.key))
