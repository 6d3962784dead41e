"""What can be done with discoveries: ask for one, read it. They are made in ``abplat.analysis.discovery``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.discoveries import StoredDiscovery
from abplat.db.queries import definitions
from abplat.db.queries import discoveries as queries
from abplat.domain.catalogue import CHANNELS, JOURNEYS, TOUCHPOINTS, Document
from abplat.domain.discoveries import UNNAMED_OWNER, Discovery, make_key
from abplat.services import jobs


def request(session: Session, project: str, *, now: datetime) -> int:
    """Queue a look at the events of a project; return the number of the job."""
    return jobs.enqueue(session, "discover", {"project": project}, key=project, now=now)


def store(session: Session, found: Discovery, *, now: datetime) -> None:
    """Keep what was found."""
    document = msgspec.to_builtins(found)
    session.add(StoredDiscovery(project=found.project, created_at=now, document=document))
    session.flush()


def get(session: Session, project: str) -> Document:
    """Return what was found last, with when that was.

    Raises:
        NotFoundError: If nothing was looked for yet.
    """
    row = queries.latest(session, project)
    return {**row.document, "created_at": row.created_at}


def list_unknown(session: Session, project: str) -> Document:
    """Return the kinds of events that the registry does not know now, each with a definition to edit.

    Raises:
        NotFoundError: If nothing was looked for yet.
    """
    row = queries.latest(session, project)
    known = {(each["event"], each["channel"]) for each in read_known(session, project)["touchpoints"]}
    taken = [each.key for each in definitions.list_all(session, TOUCHPOINTS, project)]
    items = []
    for each in row.document["unknown_touchpoints"]:
        if (each["event"], each["channel"]) not in known:
            items.append({**each, "definition": _suggest(each, taken)})
            taken += [items[-1]["definition"]["key"]] if items[-1]["definition"] else []
    return {"as_of": row.document["as_of"], "created_at": row.created_at, "items": items}


def _suggest(each: Document, taken: list[str]) -> Document | None:
    """Return the definition of an unknown touchpoint; an event without a channel has none."""
    if each["channel"] is None:
        return None
    return {
        "key": make_key(f"{each['event']}-{each['channel']}", taken),
        "title": f"{each['event']} ({each['channel']})"[:200],
        "event": each["event"],
        "channel": make_key(each["channel"]),
        "owner": UNNAMED_OWNER,
    }


def read_known(session: Session, project: str) -> dict[str, Any]:
    """Return what the project has defined: touchpoints, journeys by key, channels."""
    found = {noun: definitions.list_all(session, noun, project) for noun in (TOUCHPOINTS, JOURNEYS, CHANNELS)}
    return {
        "touchpoints": [row.document for row in found[TOUCHPOINTS]],
        "journeys": {row.key: row.document for row in found[JOURNEYS]},
        "channels": [row.key for row in found[CHANNELS]],
    }


def describe_as_document(found: Discovery, title: str) -> Document:
    """Return the proposals as a document that ``abplat apply`` takes."""
    return {
        "project": {"key": found.project, "title": title},
        "journeys": [each.definition for each in found.proposals],
    }
