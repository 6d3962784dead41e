"""Decisions by the server itself: they consult the ledger and keep what they decide.

Local decisions of an SDK never come here; they get their pins at identify and context. A decision is made
whatever becomes of the ledger: where it cannot be read or written, the hash decides alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Decision, Evaluator
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from abplat.db.queries.assignments import FRESH, Pin
from abplat.domain.identities import fault_of_id, is_nobody
from abplat.domain.identity import id_type
from abplat.domain.keys import CLIENT
from abplat.errors import StorageFullError, UnavailableError
from abplat.facts.intake import Work
from abplat.services import decisions, identity_tokens, ledger, standings
from abplat.services.decisions import Question
from abplat.services.holdings import Known
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


class Answered(NamedTuple):
    """What was decided, and what the ledger holds for whoever was presented."""

    decided: Decided
    held: Held


def decide(platform: Platform, caller: Caller, question: Question, *, may_be_recent: bool = False) -> Decided:
    """Decide the experiments asked for, by the ledger where it knows the customer.

    Args:
        platform: What the process holds.
        caller: On whose behalf.
        question: What is to be decided.
        may_be_recent: Whether it is good enough what the ledger held a moment ago.

    Raises:
        InvalidInputError: If the identity token is not good.
    """
    desk = _Desk(platform, caller, question)
    presented = _presented(platform, caller, question)
    if not presented:
        return desk.decide(question.unit, {})
    try:
        held = desk.look_up_soon(presented) if may_be_recent else desk.look_up(presented)
    except DBAPIError as error:
        _log.error("the ledger cannot be read; decided by hash alone: %s", type(error.orig).__name__)
        return desk.decide(question.unit or presented[0], {})
    decided = desk.decide_for(held)
    if not desk.news(decided, held):
        return decided
    try:
        return desk.keep(presented, decided, desk.news(decided, held), None).decided
    except (UnavailableError, StorageFullError) as error:
        _log.error("the ledger cannot be written; the decision was made and not kept: %s", error.code)
        return decided


def decide_and(
    platform: Platform, caller: Caller, question: Question, presented: str, note: Work
) -> Answered:
    """Decide for one id and write a note, both or neither.

    Raises:
        UnavailableError: If the note cannot be written.
    """
    desk = _Desk(platform, caller, question)
    held = desk.look_up((presented,))
    decided = desk.decide_for(held)
    new = {} if is_nobody(presented) else desk.news(decided, held)
    return desk.keep((presented,), decided, new, note)


class _Desk:
    """One question, and all that answering it takes."""

    def __init__(self, platform: Platform, caller: Caller, question: Question) -> None:
        self.platform = platform
        self.project = caller.project
        self.question = question
        self.evaluator: Evaluator = platform.configurations.evaluator(caller.project)
        self.standing: Mapping[str, str] = {}

    def look_up(self, presented: tuple[str, ...]) -> Held:
        """Return what the ledger holds, and learn where the customer stands where a rule asks for it."""
        held, self.standing = self._ask(presented)
        return held

    def look_up_soon(self, presented: tuple[str, ...]) -> Held:
        """Return what the ledger holds, or held a moment ago."""
        holdings, project = self.platform.holdings, self.project
        known = holdings.get(project, presented)
        if known is None:
            generation = holdings.generation(project)
            known = self._ask(presented)
            holdings.put(project, presented, known, generation)
        held, self.standing = known
        return held

    def _ask(self, presented: tuple[str, ...]) -> Known:
        """Ask the database who was presented, and what is known of them."""
        platform, project = self.platform, self.project
        wants_standing = standings.is_wanted(platform.configurations.document(project))
        if not wants_standing and len(presented) == 1:
            alone = ledger.look_up_alone(platform.engine, project, presented[0])
            if alone is not None:
                return Known(alone, {})
        definitions = platform.journeys.of(project) if wants_standing else []
        with platform.engine.connect() as connection:
            held = ledger.look_up(connection, project, presented)
            if not wants_standing or held.standing.shared:
                return Known(held, {})
            ids, now = held.standing.ids, platform.clock()
            return Known(held, standings.find_standing(connection, project, definitions, ids, now))

    def decide_for(self, held: Held) -> Decided:
        """Decide by the ledger."""
        return self.turn_away(held) if held.standing.shared else self.decide(held.standing.unit, held.pins)

    def decide(self, unit: str, pins: Mapping[str, str]) -> Decided:
        """Decide with pins; what the device itself has shown comes before what the ledger holds."""
        given = self.question
        attributes = {**self.standing, **given.attributes} if self.standing else given.attributes
        asked = given._replace(unit=unit, pins={**pins, **given.pins}, attributes=attributes)
        return Decided(unit, decisions.decide(self.evaluator, asked), [])

    def news(self, decided: Decided, held: Held) -> dict[str, Pin]:
        """Return the assignments that the ledger does not hold yet."""
        now, channel = self.platform.clock(), self.question.channel
        return {
            key: Pin(decision.variant, now, FRESH, channel)
            for key, decision in decided.decisions.items()
            if decision.in_experiment and decision.variant is not None and key not in held.entries
        }

    def keep(
        self, presented: tuple[str, ...], decided: Decided, new: Mapping[str, Pin], note: Work | None
    ) -> Answered:
        """Keep new assignments and a note; where a rival was first, decide again by what holds then."""

        def work(connection: Connection) -> Held:
            if note is not None:
                note(connection)
            made_in = {key: decided.decisions[key].phase for key in new}
            return ledger.assign(connection, self.project, presented, new, made_in)

        holdings, project = self.platform.holdings, self.project
        generation = holdings.generation(project)
        held: Held = self.platform.intake.submit(project, [], work=work).answer
        holdings.put(project, presented, Known(held, self.standing), generation)
        kept = all(held.pins.get(key) == pin.variant for key, pin in new.items())
        if kept and held.standing.unit == decided.unit:
            return Answered(decided, held)
        if not held.standing.shared and any(
            key not in held.pins for key in new
        ):  # a reset was first: another draw decides
            self.platform.configurations.forget(self.project)
            self.evaluator = self.platform.configurations.evaluator(self.project)
        return Answered(self.decide_for(held), held)

    def turn_away(self, held: Held) -> Decided:
        """Serve the default to an id that belongs to several customers, and say so."""
        made = self.decide(held.standing.unit, {}).decisions
        document = self.platform.configurations.document(self.project)
        experiments = {each["key"]: each for each in document["experiments"]}
        refused = [key for key, decision in made.items() if decision.in_experiment]
        if refused:  # the type of the id alone: logs hold nobody's identifier
            kind = id_type(held.standing.unit)
            _log.info("not_enrolled: a shared %s: id of %s: %s", kind, self.project, ", ".join(refused))
        served = {key: _default(made[key], experiments[key], self.question.channel) for key in refused}
        return Decided(held.standing.unit, {**made, **served}, refused)


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


def _default(decision: Decision, experiment: Mapping[str, Any], channel: str | None) -> Decision:
    """Return the decision of somebody whom the experiment does not address."""
    control = next(each for each in experiment["variants"] if each["key"] == experiment["control"])
    payload = None if channel is None else (control.get("payloads") or {}).get(channel)
    return decision._replace(
        variant=control["key"], payload=payload, in_experiment=False, reason="not_targeted", bucket=None
    )
