"""Everything that is at hand of one customer in one line of time, and why they get what they get.

Read from what answers at once: the ledger, the joins of identities and the recent moments. Every fact
of a customer, however old, is in the copy that an export makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from abplat.db.models.assignments import AssignmentConflict
from abplat.db.queries import identities
from abplat.db.queries.assignments import INHERITED
from abplat.domain.catalogue import Document
from abplat.services import contexts, why
from abplat.services.contexts import Inquiry
from abplat.services.platform import Platform

ASSIGNMENT: Final = "assignment"
CONFLICT: Final = "conflict"
IDENTITY: Final = "identity"
JOURNEY: Final = "journey"
TOUCHPOINT: Final = "touchpoint"
KINDS: Final = (ASSIGNMENT, CONFLICT, IDENTITY, JOURNEY, TOUCHPOINT)


class Moment(NamedTuple):
    """One thing that happened to a customer.

    Attributes:
        at: When.
        kind: One of ``KINDS``.
        title: What, in a few words.
        detail: What more is known of it.
        channel: Where; None where that is not known.
        id: Under which identity.
        experiment: Key of the experiment that it belongs to, if any.
    """

    at: datetime
    kind: str
    title: str
    detail: str = ""
    channel: str | None = None
    id: str | None = None
    experiment: str | None = None


def get_timeline(platform: Platform, inquiry: Inquiry) -> Document:
    """Return what happened to a customer, youngest first, and why they get which variant; the look-up is audited.

    Raises:
        InvalidInputError: If the id is not good.
        UnavailableError: If the look-up cannot be audited; then nothing is told.
    """
    context = contexts.get_context(platform, inquiry)
    project, ids = inquiry.caller.project, [context["unit"], *context["joined"]]
    with platform.sessions() as session:
        moments = [*_of_context(context), *_of_identities(session, project, ids, context)]
        answers = _explain(platform, session, inquiry, context["unit"])
    moments.sort(key=lambda each: (each.at, each.kind, each.title), reverse=True)
    return {
        "unit": context["unit"],
        "shared": context["shared"],
        "joined": context["joined"],
        "journeys": context["journeys"],
        "captured": context["captured"],
        "moments": [each._asdict() for each in moments],
        "why": answers,
    }


def _of_context(context: Mapping[str, Any]) -> Iterator[Moment]:
    """Yield what the ledger and the recent moments tell."""
    for entry in context["assignments"]:
        inherited = f"taken over from {entry['origin']}" if entry.get("origin") else "taken over"
        detail = inherited if entry["source"] == INHERITED else "decided or shown for the first time"
        title = f"{entry['experiment']}: {entry['variant']}"
        where = (entry.get("channel"), entry["unit"], entry["experiment"])
        yield Moment(entry["assigned_at"], ASSIGNMENT, title, detail, *where)
    for each in context["touchpoints"]:
        yield Moment(each["at"], TOUCHPOINT, each["name"], "", each["channel"], each["id"])
    for journey in context["journeys"]:
        yield Moment(journey["started_at"], JOURNEY, f"{journey['title']}: began", "", None, None)
        reached = f"{journey['title']}: reached {journey['stage_title']}"
        following = f"next: {journey['next_stage']}" if journey["next_stage"] else ""
        yield Moment(journey["stage_at"], JOURNEY, reached, following)


def _of_identities(
    session: Session, project: str, ids: Iterable[str], context: Mapping[str, Any]
) -> Iterator[Moment]:
    """Yield when ids were joined, and which assignments gave way; of a shared id nothing."""
    if context["shared"]:
        return
    connection: Connection = session.connection()
    for join, outcome in identities.joins_of(connection, project, ids).items():
        detail = (
            f"by {join.source}" if outcome == "joined" else f"by {join.source}; {outcome.replace('_', ' ')}"
        )
        yield Moment(join.at, IDENTITY, f"{join.a} is {join.b}", detail, None, join.a)
    rows = session.scalars(
        select(AssignmentConflict).where(
            AssignmentConflict.project == project, AssignmentConflict.unit.in_(list(ids))
        )
    )
    for row in rows:
        title = f"{row.experiment}: {row.variant} gave way to {row.kept_variant}"
        detail = f"{row.kept_unit} had it earlier"
        yield Moment(row.found_at, CONFLICT, title, detail, None, row.unit, row.experiment)


def _explain(platform: Platform, session: Session, inquiry: Inquiry, unit: str) -> list[Document]:
    """Return for every experiment that is served why the customer gets what they get."""
    project = inquiry.caller.project
    document = platform.configurations.document(project)
    evaluator = platform.configurations.evaluator(project)
    asked = why.Inquiry(unit, {}, inquiry.channel, with_pins=True, now=platform.clock())
    return [
        why.explain_decision(session, project, each["key"], asked, evaluator, document)
        for each in document["experiments"]
        if each["state"] != "stopped"
    ]
