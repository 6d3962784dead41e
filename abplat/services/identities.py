"""Identify customers, and merge or split them as an operator commands."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.db.queries import identities as queries
from abplat.domain.components import Join
from abplat.domain.fields import Fields
from abplat.domain.identities import Identification, parse_identification, read_joinable
from abplat.domain.identity_graph import MERGE, SPLIT
from abplat.errors import AbplatError, InvalidInputError, NotFoundError, Problem
from abplat.facts.identity_commands import keep_command
from abplat.facts.intake import Intake
from abplat.facts.rows import AliasRow
from abplat.services import audit, components, identity_tokens, ledger
from abplat.services.components import Standing
from abplat.services.ledger import Identified

MAX_BATCH: Final = 100
NOUN: Final = "identities"

Judged = Identification | AbplatError
"""What a device says at a log-in, or why it cannot be taken."""


class Desk(NamedTuple):
    """What identify works with.

    Attributes:
        intake: Keeps joins as facts, and the ledger with them.
        sessions: For looks at the database.
        project: Key of the project.
        configuration: The project's configuration document, which names experiments and variants.
        clock: Says what time it is.
        joined: Told when joins were kept.
    """

    intake: Intake
    sessions: Callable[[], Session]
    project: str
    configuration: Mapping[str, Any]
    clock: Callable[[], datetime]
    joined: Callable[[], None] = lambda: None


def identify(desk: Desk, document: Mapping[str, Any]) -> Identified:
    """Keep one identification and say which variants hold for the customer from now on.

    Raises:
        InvalidInputError: With every fault of the document.
        UnavailableError: If nothing can be written now.
    """
    (answer,) = _settle(desk, [judge(desk, document)])
    if isinstance(answer, AbplatError):
        raise answer
    return answer


def identify_batch(desk: Desk, document: Mapping[str, Any]) -> list[Identified | AbplatError]:
    """Keep several identifications, each judged alone, all good ones in one transaction.

    Raises:
        InvalidInputError: If the batch itself is not of its shape.
        UnavailableError: If nothing can be written now.
    """
    fields = Fields(document)
    entries = fields.items("identifications", 1, MAX_BATCH)
    fields.finish("batch")
    return _settle(desk, [judge(desk, entry) for entry in entries])


def judge(desk: Desk, document: object) -> Judged:
    """Read what a device says; a fault is returned, for the next one of a batch may be good."""
    try:
        if not isinstance(document, dict):
            raise InvalidInputError.at("", "is not an object; send anonymous and known", "not_an_object")
        token = document.get("identity_token")
        now = desk.clock()
        token_id = None
        if token is not None:
            with desk.sessions() as session:
                token_id = identity_tokens.redeem(session.connection(), desk.project, token, now=now)
        said = parse_identification(document, now, token_id)
        check_assignments(desk.configuration, said)
    except AbplatError as error:
        return error
    return said


def check_assignments(configuration: Mapping[str, Any], said: Identification) -> None:
    """Refuse assignments to experiments that have not started, or to variants that do not exist.

    Raises:
        InvalidInputError: With every fault found.
    """
    if not said.assignments:
        return
    started = {each["key"]: each["variants"] for each in configuration["experiments"]}
    problems = []
    for experiment, variant in said.assignments.items():
        variants = [each["key"] for each in started.get(experiment, [])]
        if variant not in variants:
            known = f"its variants: {', '.join(variants)}" if variants else "no such experiment has started"
            problems.append(
                Problem(f"assignments.{experiment}", f"{variant!r} is not known; {known}", "unknown_variant")
            )
    if problems:
        raise InvalidInputError(f"{problems[0].path}: {problems[0].message}", problems=problems)


def _settle(desk: Desk, judged: Sequence[Judged]) -> list[Identified | AbplatError]:
    """Keep the good ones, as facts and in the ledger, in one transaction."""
    good = [said for said in judged if isinstance(said, Identification)]
    if not good:
        return [each for each in judged if isinstance(each, AbplatError)]
    now = desk.clock()

    def work(connection: Connection) -> list[Identified]:
        return [ledger.identify(connection, desk.project, said, now) for said in good]

    answers = iter(desk.intake.submit(desk.project, list(map(make_alias, good)), work=work).answer)
    desk.joined()
    return [each if isinstance(each, AbplatError) else next(answers) for each in judged]


def make_alias(said: Identification) -> AliasRow:
    """Return the join as the fact that the intake keeps."""
    return AliasRow(said.id, said.anonymous, said.known, to_micros(said.at), "identify")


class Merged(NamedTuple):
    """What a merge or a split has done.

    Attributes:
        changed: False when it had been so before.
        unit: Who the first id belongs to now.
        ids: Everything that belongs together with it.
        conflicts: Experiments where the ids have met different variants.
    """

    changed: bool
    unit: str
    ids: list[str]
    conflicts: list[str]


def merge(session: Session, project: str, document: Mapping[str, Any], *, now: datetime) -> Merged:
    """Let two ids be one customer, also where both are customers; the id ``into`` names them from now on.

    Reversed by :func:`split` of the same two ids.

    Raises:
        InvalidInputError: With every fault of the document.
    """
    a, b, reason = _read_pair(document, "id", "into")
    connection = session.connection()
    queries.lock(connection, project)
    changed = components.merge(connection, project, Join(a, b, now))
    keep_command(connection, project, MERGE, Join(a, b, now))
    conflicts = ledger.record_conflicts(connection, project, b, now)
    return _tell(session, project, "merge", (a, b), now, reason, changed=changed, conflicts=conflicts)


def split(session: Session, project: str, document: Mapping[str, Any], *, now: datetime) -> Merged:
    """Take back the join of two ids, whoever made it; the ledger's records stay with their own ids.

    Reversed by :func:`merge` of the same two ids.

    Raises:
        InvalidInputError: With every fault of the document.
        NotFoundError: If the two ids were never joined directly.
    """
    a, b, reason = _read_pair(document, "id", "from")
    connection = session.connection()
    queries.lock(connection, project)
    if not components.split(connection, project, Join(a, b, now)):
        raise NotFoundError("these two ids are not joined directly; the context of either lists its joins")
    keep_command(connection, project, SPLIT, Join(a, b, now))
    return _tell(session, project, "split", (a, b), now, reason, changed=True, conflicts=[])


def _read_pair(document: Mapping[str, Any], first: str, second: str) -> tuple[str, str, str]:
    """Read two different ids and the reason of the change."""
    fields = Fields(document)
    a, b = read_joinable(fields, first), read_joinable(fields, second)
    reason = fields.text("reason", longest=1_000)
    if a and a == b:
        fields.fault(second, "is the same id; two different ids are needed", "same_id")
    fields.finish("request")
    return a, b, reason


def _tell(  # noqa: PLR0913  # one record of what was done
    session: Session,
    project: str,
    verb: str,
    pair: tuple[str, str],
    now: datetime,
    reason: str,
    *,
    changed: bool,
    conflicts: list[str],
) -> Merged:
    """Note the change in the audit trail, without the ids themselves, and describe the result."""
    standing = components.look_up(session.connection(), project, pair[:1])
    names = [pseudonym(session.connection(), project, each, now) for each in pair]
    after = {"ids": names, "reason": reason, "changed": changed, "conflicts": conflicts}
    audit.record(session, now, (project, verb, NOUN, names[0]), None, after)
    return Merged(changed, standing.unit, sorted(standing.ids), conflicts)


def pseudonym(connection: Connection, project: str, typed_id: str, now: datetime) -> str:
    """Return a name for an id that audit and logs may hold: nobody without the project's secret can undo it."""
    _, secret = identity_tokens.first_key(connection, project, now)
    return hmac.new(secret, f"audit\0{typed_id}".encode(), hashlib.sha256).hexdigest()[:32]


def describe_standing(standing: Standing) -> dict[str, Any]:
    """Return who was presented, for an answer."""
    return {"unit": standing.unit, "ids": sorted(standing.ids), "shared": standing.shared}
