"""What an agent or a till has to know of a customer now, by whichever identifier is at hand.

Variants come from the ledger and the evaluator; touchpoints, captured fields and the stage reached come from
the read model of recent moments, through the same rules that analyses follow (the readable twin of the
matcher). Every look-up is written to the audit trail, in the transaction that also keeps new assignments,
under a pseudonym of the id.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from abplat.clock import from_micros
from abplat.db.queries.assignments import Entry
from abplat.domain.catalogue import Document
from abplat.domain.identities import fault_of_id
from abplat.errors import InvalidInputError
from abplat.facts.moments import KEPT, Moments, read_moments
from abplat.services import audit, experiments, identities, identity_tokens, sticky_decisions
from abplat.services.decisions import Question
from abplat.services.open_journeys import find_open, list_definitions
from abplat.services.platform import Platform
from abplat.services.sticky_decisions import Caller

NOUN: Final = "customers"
LOOK_UP: Final = "look_up"


class Inquiry(NamedTuple):
    """A look-up: who asks for whom, and for which channel.

    Attributes:
        caller: Project and kind of key.
        actor: Who asks, for the audit trail.
        id: Typed id; None where a token names it.
        identity_token: Signed note of who it is.
        channel: Where the customer is served; without it nothing is decided.
    """

    caller: Caller
    actor: str
    id: str | None
    identity_token: str | None
    channel: str | None


def get_context(platform: Platform, inquiry: Inquiry) -> Document:
    """Return what is known of a customer. A shared id tells nothing of those who share it.

    Raises:
        InvalidInputError: If the id or the token is not good.
        UnavailableError: If the look-up cannot be audited; then nothing is told.
    """
    now = platform.clock()
    presented = _presented(platform, inquiry, now)
    project = inquiry.caller.project

    def note(connection: Connection) -> None:
        with Session(connection) as session:
            audit.act_as(session, inquiry.actor)
            name = identities.pseudonym(connection, project, presented, now)
            audit.record(session, now, (project, LOOK_UP, NOUN, name), None, {"channel": inquiry.channel})
            session.flush()

    question = Question(presented, {}, {}, inquiry.channel, None if inquiry.channel else ())
    answer = sticky_decisions.decide_and(platform, inquiry.caller, question, presented, note)
    with platform.sessions() as session:
        return _describe(session, project, answer, now)


def _presented(platform: Platform, inquiry: Inquiry, now: datetime) -> str:
    """Return the one id that is asked for."""
    if (inquiry.id is None) == (inquiry.identity_token is None):
        raise InvalidInputError.at("id", "send either id or identity_token", "required")
    if inquiry.id is not None:
        if fault := fault_of_id(inquiry.id):
            raise InvalidInputError.at("id", fault, "bad_id")
        return inquiry.id
    with platform.sessions() as session:
        project = inquiry.caller.project
        return identity_tokens.redeem(session.connection(), project, inquiry.identity_token, now=now)


def _describe(session: Session, project: str, answer: sticky_decisions.Answered, now: datetime) -> Document:
    """Describe a customer; of a shared id only that it is one."""
    standing = answer.held.standing
    moments = {} if standing.shared else read_moments(session.connection(), project, standing.ids)
    plans = {
        plan["experiment"]["key"]: plan["experiment"] for _, plan in experiments.list_plans(session, project)
    }
    others = [] if standing.shared else [each for each in standing.ids if each != standing.unit]
    return {
        "unit": standing.unit,
        "shared": standing.shared,
        "joined": sorted(others),
        "pins": answer.held.pins,
        "assignments": [_describe_entry(entry) for _, entry in sorted(answer.held.entries.items())],
        "variants": [
            _describe_variant(decision._asdict(), plans.get(key, {}))
            for key, decision in sorted(answer.decided.decisions.items())
            if decision.reason != "off"
        ],
        "journeys": find_open(list_definitions(session, project), standing.unit, moments, now),
        "captured": _describe_captured(moments.values()),
        "touchpoints": _describe_touchpoints(moments),
    }


def _describe_entry(entry: Entry) -> Document:
    """Describe one line of the ledger."""
    return {"experiment": entry.experiment, "unit": entry.unit, **entry.pin._asdict()}


def _describe_variant(decision: Mapping[str, Any], experiment: Mapping[str, Any]) -> Document:
    """Describe what to show or to say."""
    titles = {each["key"]: each.get("title") for each in experiment.get("variants", [])}
    payload = decision["payload"]
    script = payload.get("script") if isinstance(payload, dict) else None
    return {
        "experiment": decision["key"],
        "title": experiment.get("title") or decision["key"],
        "variant": decision["variant"],
        "variant_title": titles.get(decision["variant"]) or decision["variant"],
        "payload": payload,
        "script": script if isinstance(script, str) else None,
        "in_experiment": decision["in_experiment"],
        "reason": decision["reason"],
        "config_version": decision["config_version"],
    }


def _describe_captured(moments: Iterable[Moments]) -> list[Document]:
    """Describe the fields that the customer was asked for, in any channel; the last time counts."""
    found: dict[str, Any] = {}
    for each in moments:
        for name, captured in each.fields.items():
            if name not in found or found[name].ts_us < captured.ts_us:
                found[name] = captured
    return [
        {"field": name, "value": last.value, "at": from_micros(last.ts_us), "channel": last.channel}
        for name, last in sorted(found.items())
    ]


def _describe_touchpoints(moments: Mapping[str, Moments]) -> list[Document]:
    """Describe the last touchpoints over all ids, the youngest first."""
    found = [(moment, unit) for unit, each in moments.items() for moment in each.last]
    found.sort(key=lambda item: (-item[0].ts_us, item[0].event_id))
    return [
        {"name": moment.name, "at": from_micros(moment.ts_us), "channel": moment.channel, "id": unit}
        for moment, unit in found[:KEPT]
    ]
