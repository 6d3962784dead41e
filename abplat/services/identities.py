"""Identify a customer, and look up what is known of one id."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.orm import Session

from abplat.db.models.assignments import Assignment
from abplat.db.queries import assignments, identities
from abplat.db.queries import definitions as definition_queries
from abplat.domain.catalogue import EXPERIMENTS
from abplat.domain.identities import Identification
from abplat.errors import InvalidInputError, Problem
from abplat.facts.rows import AliasRow


class Identified(NamedTuple):
    """What a device has to know after a log-in."""

    unit: str
    pins: dict[str, str]
    shared: bool
    """The anonymous id belongs to several customers, such as a store tablet: nothing is inherited."""
    conflicts: list[str]
    """Experiments where the two ids had met different variants; the earlier one is served from now on."""


class Context(NamedTuple):
    """What is known of one id."""

    unit: str
    joined: list[str]
    assignments: list[Assignment]


def check_assignments(session: Session, project: str, identification: Identification) -> None:
    """Refuse assignments to experiments or variants that do not exist.

    Raises:
        InvalidInputError: With every fault found.
    """
    problems = []
    for experiment, variant in identification.assignments.items():
        row = definition_queries.find(session, EXPERIMENTS, project, experiment)
        variants = [each["key"] for each in row.document["variants"]] if row else []
        if variant not in variants:
            known = f"its variants: {', '.join(variants)}" if row else "there is no such experiment"
            problems.append(
                Problem(f"assignments.{experiment}", f"{variant!r} is not known; {known}", "unknown_variant")
            )
    if problems:
        raise InvalidInputError(f"{problems[0].path}: {problems[0].message}", problems=problems)


def identify(session: Session, project: str, identification: Identification) -> Identified:
    """Join an anonymous id with a known one and say which variants hold for the customer.

    The earliest assignment of either id is served from now on, in every channel, so that nobody
    sees another variant for having logged in. An id that belongs to several customers passes
    nothing on: one family member's variants are not another's.
    """
    anonymous, known, at = identification.anonymous, identification.known, identification.at
    reported = [(key, variant, at, "fresh") for key, variant in identification.assignments.items()]
    assignments.keep_earliest(session, project, anonymous, reported)
    identities.join(session, project, anonymous, known, at)
    shared = len(identities.known_ids(session, project, anonymous)) > 1
    before = _pins(session, project, anonymous), _pins(session, project, known)
    conflicts = sorted(key for key in before[0].keys() & before[1].keys() if before[0][key] != before[1][key])
    if not shared:
        _inherit(session, project, anonymous, known)
        _inherit(session, project, known, anonymous)
    return Identified(known, _pins(session, project, known), shared, [] if shared else conflicts)


def get_context(session: Session, project: str, unit: str) -> Context:
    """Return what is known of an id: the ids it was joined with and its assignments."""
    joined = identities.known_ids(session, project, unit) + identities.anonymous_ids(session, project, unit)
    return Context(unit, sorted(set(joined)), list(assignments.list_(session, project, unit)))


def _pins(session: Session, project: str, unit: str) -> dict[str, str]:
    """Return the variants that hold for a unit, by experiment."""
    return {row.experiment: row.variant for row in assignments.list_(session, project, unit)}


def _inherit(session: Session, project: str, source: str, target: str) -> None:
    """Pass on assignments that are earlier than those of the other id."""
    rows = assignments.list_(session, project, source)
    pins = [(row.experiment, row.variant, row.assigned_at, "inherited") for row in rows]
    assignments.keep_earliest(session, project, target, pins)


def make_alias(identification: Identification, ts_us: int) -> AliasRow:
    """Return the join as the fact that the intake keeps."""
    return AliasRow(identification.id, identification.anonymous, identification.known, ts_us, "identify")
