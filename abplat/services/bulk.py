"""Assign many units at once: over HTTP for a list, column by column for a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from abplat_sdk.bulk import Attributes, decide_many
from abplat_sdk.document import Experiment
from abplat_sdk.evaluator import Decision, Evaluator, normalise_unit
from sqlalchemy import Connection

from abplat.db.queries import assignments, identities
from abplat.db.queries.assignments import Entry
from abplat.domain.components import SHARED, is_customer
from abplat.domain.identities import fault_of_id, is_nobody
from abplat.errors import InvalidInputError, NotFoundError, Problem

MAX_UNITS: Final = 10_000
_FIELDS: Final = ("experiment", "units", "attributes", "channel")
_MAX_SHOWN: Final = 100
_PIECE: Final = 5_000


class Question(NamedTuple):
    """Which units are to be assigned.

    Attributes:
        experiment: Key of the experiment.
        units: Identifiers of the units, as they are hashed.
        attributes: What targeting may look at: one object for all, or one per unit.
        channel: Channel of the call; chooses the payloads.
    """

    experiment: str
    units: list[str]
    attributes: Attributes
    channel: str | None


def parse_question(document: object) -> Question:
    """Check the body of a request for many assignments.

    Raises:
        InvalidInputError: With every fault found, but no more than a hundred.
    """
    if not isinstance(document, dict):
        raise InvalidInputError.at("", "must be an object with experiment and units", "not_an_object")
    problems = list(_find_faults(document))
    if problems:
        first = problems[0]
        raise InvalidInputError(f"{first.path}: {first.message}", problems=problems[:_MAX_SHOWN])
    units = [normalise_unit(unit) or "" for unit in document["units"]]
    return Question(document["experiment"], units, document.get("attributes"), document.get("channel"))


def _find_faults(document: dict[str, Any]) -> Iterable[Problem]:
    """Yield everything that is wrong with a question."""
    for name in document.keys() - set(_FIELDS):
        yield Problem(name, f"is not known; the fields are {', '.join(_FIELDS)}", "unknown_field")
    if not isinstance(document.get("experiment"), str):
        yield Problem("experiment", "must be the key of an experiment", "not_a_text")
    if not isinstance(document.get("channel"), str | None):
        yield Problem("channel", "must be a text", "not_a_text")
    units = document.get("units")
    if not isinstance(units, list) or not 1 <= len(units) <= MAX_UNITS:
        yield Problem("units", f"must be a list of 1 to {MAX_UNITS} units", "bad_units")
        return
    for index, unit in enumerate(units):
        if normalise_unit(unit) is None:
            yield Problem(
                f"units[{index}]", "must be a text of 1 to 256 characters, or a whole number", "bad_unit"
            )
    yield from _find_attribute_faults(document.get("attributes"), len(units))


def _find_attribute_faults(attributes: object, n_units: int) -> Iterable[Problem]:
    """Yield what is wrong with the attributes."""
    if isinstance(attributes, list):
        if len(attributes) != n_units or not all(isinstance(each, dict) for each in attributes):
            yield Problem("attributes", f"must hold one object per unit, {n_units} of them", "bad_attributes")
    elif not isinstance(attributes, dict | None):
        yield Problem("attributes", "must be an object, or a list of them", "bad_attributes")


class Presented(NamedTuple):
    """Who stands behind ids, and what holds for them in one experiment.

    Attributes:
        units: What is hashed for each id: the customer where one is known.
        pins: Variant per unit that the ledger holds.
        shared: Units that several customers share, such as a store tablet: no experiment takes them in.
        homes: The component of each id of those who stand behind.
    """

    units: list[str]
    pins: dict[str, str]
    shared: frozenset[str]
    homes: dict[str, str]


def look_up(connection: Connection, project: str, experiment: str, ids: Sequence[str]) -> Presented:
    """Resolve many ids as the ledger resolves one."""
    usable = dict.fromkeys(each for each in ids if fault_of_id(each) is None and not is_nobody(each))
    members = identities.members(connection, project, usable)
    shared = frozenset(key for key, member in members.items() if member.state == SHARED)
    component = {key: member.component for key, member in members.items() if key not in shared}
    unit_of = {key: name if is_customer(name) else key for key, name in component.items()}
    home = {each: component.get(each, each) for each in usable if each not in shared}
    for names in _in_pieces(dict.fromkeys(component.values())):
        home |= {member.id: member.component for member in identities.team(connection, project, names)}
    entries: list[Entry] = []
    for piece in _in_pieces(home):
        found = assignments.entries_of(connection, project, piece)
        entries.extend(entry for entry in found if entry.experiment == experiment)
    earliest: dict[str, Entry] = {}
    for entry in entries:
        kept = earliest.setdefault(home[entry.unit], entry)
        if entry.pin.assigned_at < kept.pin.assigned_at:
            earliest[home[entry.unit]] = entry
    pins = {
        unit_of.get(each, each): earliest[home[each]].pin.variant
        for each in usable
        if each not in shared and home[each] in earliest
    }
    return Presented([unit_of.get(each, each) for each in ids], pins, shared, home)


def _in_pieces(ids: Iterable[str]) -> Iterator[list[str]]:
    """Cut ids into lists that a statement takes."""
    rest = iter(ids)
    while piece := list(islice(rest, _PIECE)):
        yield piece


def turn_away(decision: Decision, experiment: Experiment, channel: str | None) -> Decision:
    """Return the decision for an id that several customers share: whoever it is, they are not in it."""
    if not decision.in_experiment:
        return decision
    control = next(each for each in experiment.variants if each.key == experiment.control)
    payload = None if channel is None else control.payloads.get(channel)
    return decision._replace(
        variant=control.key, payload=payload, in_experiment=False, reason="not_targeted", bucket=None
    )


def add_standings(
    presented: Presented, attributes: Attributes, standing_of: Mapping[str, Mapping[str, str]]
) -> Attributes:
    """Return the attributes of each unit with where it stands; what the caller says wins.

    Args:
        presented: Who stands behind the ids.
        attributes: As the caller says them: one mapping for all, one per unit, or none.
        standing_of: Attributes of a standing, by component.
    """
    if not standing_of:
        return attributes
    given: Sequence[Mapping[str, Any]] = (
        [attributes or {}] * len(presented.units)
        if attributes is None or isinstance(attributes, Mapping)
        else attributes
    )
    homes = (presented.homes.get(unit, unit) for unit in presented.units)
    return [{**standing_of.get(home, {}), **own} for home, own in zip(homes, given, strict=True)]


def assign(
    evaluator: Evaluator,
    connection: Connection,
    question: Question,
    find: Callable[[Mapping[str, str]], Mapping[str, Mapping[str, str]]] | None = None,
) -> dict[str, Any]:
    """Assign units by the ledger, so that a mailing shows what a customer has met elsewhere; nothing is kept.

    Args:
        evaluator: The compiled configuration.
        connection: Where the ledger is read.
        question: Which units.
        find: Returns where customers stand, by component, where the rules look at it.

    Raises:
        NotFoundError: If no experiment of this key has started.
    """
    key, ids, attributes, channel = question
    experiment, project = evaluator.find(key), evaluator.configuration.project
    if experiment is None:
        raise NotFoundError(f"no experiment {key[:64]!r} has started in this project")
    presented = look_up(connection, project, key, ids)
    if find is not None:
        attributes = add_standings(presented, attributes, find(presented.homes))
    made = decide_many(evaluator, key, presented.units, attributes, pins=presented.pins)
    decisions = [
        turn_away(each, experiment, channel) if each.unit in presented.shared else each for each in made
    ]
    return {
        "experiment": key,
        "config_version": evaluator.version,
        "payloads": _payloads(experiment, channel),
        "assignments": [
            {
                "unit": decision.unit,
                "variant": decision.variant,
                "in_experiment": decision.in_experiment,
                "reason": decision.reason,
                "bucket": decision.bucket,
            }
            for decision in decisions
        ],
    }


def _payloads(experiment: Experiment, channel: str | None) -> dict[str, Any]:
    """Return the payload of each variant for a channel."""
    if channel is None:
        return {variant.key: None for variant in experiment.variants}
    return {variant.key: variant.payloads.get(channel) for variant in experiment.variants}
