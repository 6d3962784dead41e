"""Identify a customer, and look up what is known of one id."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.orm import Session

from abplat.db.models.assignments import Assignment
from abplat.db.queries import assignments, identities
from abplat.db.queries import definitions as definition_queries
from abplat.db.queries.assignments import Pin, Pins
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
    owners = identities.join(session, project, anonymous, known, at)
    held = assignments.pins_of(session, project, (anonymous, known))
    reported = {key: Pin(variant, at, "fresh") for key, variant in identification.assignments.items()}
    fresh = _merge_earliest(held[anonymous], reported, "fresh")
    shared = len(owners) > 1
    whole = held[known] if shared else _merge_earliest(held[known], fresh, "inherited")
    conflicts = [
        key
        for key in sorted(fresh.keys() & held[known].keys())
        if fresh[key].variant != held[known][key].variant
    ]
    changed = {known: whole, anonymous: fresh if shared else _merge_earliest(fresh, whole, "inherited")}
    assignments.keep(session, project, {unit: _news(pins, held[unit]) for unit, pins in changed.items()})
    pins = {key: pin.variant for key, pin in sorted(whole.items())}
    return Identified(known, pins, shared, [] if shared else conflicts)


def _merge_earliest(own: Pins, others: Pins, source: str) -> Pins:
    """Return the earlier assignment of each experiment, naming the source of those taken over."""
    merged = dict(own)
    for key, pin in others.items():
        if key not in own or pin.assigned_at < own[key].assigned_at:
            merged[key] = pin._replace(source=source)
    return merged


def _news(pins: Pins, held: Pins) -> Pins:
    """Return the assignments that the ledger does not hold yet."""
    return {key: pin for key, pin in pins.items() if pin != held.get(key)}


def get_context(session: Session, project: str, unit: str) -> Context:
    """Return what is known of an id: the ids it was joined with and its assignments."""
    joined = identities.known_ids(session, project, unit) + identities.anonymous_ids(session, project, unit)
    return Context(unit, sorted(set(joined)), list(assignments.list_(session, project, unit)))


def make_alias(identification: Identification, ts_us: int) -> AliasRow:
    """Return the join as the fact that the intake keeps."""
    return AliasRow(identification.id, identification.anonymous, identification.known, ts_us, "identify")
