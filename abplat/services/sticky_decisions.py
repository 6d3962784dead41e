"""Decisions by the server itself: they consult the ledger and keep what they decide.

Local decisions of an SDK never come here; they get their pins at identify and context. A decision is made
whatever becomes of the ledger: where it cannot be read or written, the hash decides alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Decision, Evaluator
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from abplat.db.queries.assignments import FRESH, Pin
from abplat.domain.identities import fault_of_id, is_nobody
from abplat.domain.identity import id_type
from abplat.domain.keys import CLIENT
from abplat.errors import StorageFullError, UnavailableError
from abplat.services import decisions, identity_tokens, ledger
from abplat.services.decisions import Question
from abplat.services.ledger import Held
from abplat.services.platform import Platform

ANONYMOUS: Final = frozenset({"anon", "device"})
"""Types of id that a public key may speak for without a token: they are random and tell nothing."""

_log = logging.getLogger(__name__)


class Decided(NamedTuple):
    """What was decided.

    Attributes:
        unit: What was hashed.
        decisions: One per experiment asked for.
        not_enrolled: Experiments that would have taken in an id, had it not belonged to several customers.
    """

    unit: str
    decisions: dict[str, Decision]
    not_enrolled: list[str]


class Caller(NamedTuple):
    """On whose behalf a decision is made: the project and the kind of its key."""

    project: str
    kind: str


def decide(platform: Platform, caller: Caller, question: Question) -> Decided:
    """Decide the experiments asked for, by the ledger where it knows the customer.

    Raises:
        InvalidInputError: If the identity token is not good.
    """
    evaluator: Evaluator = platform.configurations.evaluator(caller.project)
    presented = _presented(platform, caller, question)
    if not presented:
        return _decide(evaluator, question, question.unit, {})
    try:
        with platform.engine.connect() as connection:
            held = ledger.look_up(connection, caller.project, presented)
    except DBAPIError as error:
        _log.error("the ledger cannot be read; decided by hash alone: %s", error.orig)
        return _decide(evaluator, question, question.unit or presented[0], {})
    if held.standing.shared:
        return _turn_away(platform, caller, evaluator, question, held)
    decided = _decide(evaluator, question, held.standing.unit, held.pins)
    new = _news(decided.decisions, held, platform.clock(), question.channel)
    return _keep(platform, caller, evaluator, question, presented, decided, new) if new else decided


def _presented(platform: Platform, caller: Caller, question: Question) -> tuple[str, ...]:
    """Return the ids that the ledger is asked for: those that can tell a person, and that the key may use."""
    ids = []
    if question.identity_token is not None:
        with platform.sessions() as session:
            connection = session.connection()
            now = platform.clock()
            ids.append(identity_tokens.redeem(connection, caller.project, question.identity_token, now=now))
    unit = question.unit
    may_use = caller.kind != CLIENT or id_type(unit) in ANONYMOUS
    if unit and may_use and fault_of_id(unit) is None and not is_nobody(unit):
        ids.append(unit)
    return tuple(dict.fromkeys(ids))


def _decide(evaluator: Evaluator, question: Question, unit: str, pins: Mapping[str, str]) -> Decided:
    """Decide with pins; what the device itself has shown comes before what the ledger holds."""
    asked = question._replace(unit=unit, pins={**pins, **question.pins})
    return Decided(unit, decisions.decide(evaluator, asked), [])


def _news(
    made: Mapping[str, Decision], held: Held, now: datetime, channel: str | None
) -> dict[str, Pin]:
    """Return the assignments that the ledger does not hold yet."""
    return {
        key: Pin(decision.variant, now, FRESH, channel)
        for key, decision in made.items()
        if decision.in_experiment and decision.variant is not None and key not in held.entries
    }


def _keep(  # noqa: PLR0913, PLR0917  # all of one request
    platform: Platform,
    caller: Caller,
    evaluator: Evaluator,
    question: Question,
    presented: tuple[str, ...],
    decided: Decided,
    new: Mapping[str, Pin],
) -> Decided:
    """Keep new assignments; where a rival was first, decide again by what holds then."""

    def work(connection: Connection) -> Held:
        return ledger.assign(connection, caller.project, presented, new)

    try:
        held: Held = platform.intake.submit(caller.project, [], work=work).answer
    except (UnavailableError, StorageFullError) as error:
        _log.error("the ledger cannot be written; the decision was made and not kept: %s", error)
        return decided
    if held.standing.unit == decided.unit and all(held.pins.get(key) == pin.variant for key, pin in new.items()):
        return decided
    return _decide(evaluator, question, held.standing.unit, held.pins)


def _turn_away(
    platform: Platform, caller: Caller, evaluator: Evaluator, question: Question, held: Held
) -> Decided:
    """Serve the default to an id that belongs to several customers, and say so."""
    made = _decide(evaluator, question, held.standing.unit, {}).decisions
    document = platform.configurations.document(caller.project)
    controls = {each["key"]: each for each in document["experiments"]}
    refused = [key for key, decision in made.items() if decision.in_experiment]
    served = {
        key: _default(decision, controls[key], question.channel) if decision.in_experiment else decision
        for key, decision in made.items()
    }
    if refused:  # the type of the id alone: logs hold nobody's identifier
        kind = id_type(held.standing.unit)
        _log.info("not_enrolled: a shared %s: id of %s: %s", kind, caller.project, ", ".join(refused))
    return Decided(held.standing.unit, served, refused)


def _default(decision: Decision, experiment: Mapping[str, Any], channel: str | None) -> Decision:
    """Return the decision of somebody whom the experiment does not address."""
    control = next(each for each in experiment["variants"] if each["key"] == experiment["control"])
    payload = None if channel is None else (control.get("payloads") or {}).get(channel)
    return decision._replace(
        variant=control["key"], payload=payload, in_experiment=False, reason="not_targeted", bucket=None
    )
