"""Assign many units at once: over HTTP for a list, column by column for a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from abplat_sdk.bulk import Attributes, decide_many
from abplat_sdk.evaluator import Evaluator, normalise_unit
from sqlalchemy.orm import Session

from abplat.db.queries import assignments as queries
from abplat.errors import InvalidInputError, NotFoundError, Problem

MAX_UNITS: Final = 10_000
_FIELDS: Final = ("experiment", "units", "attributes", "channel")
_MAX_SHOWN: Final = 100


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


def assign(evaluator: Evaluator, session: Session, question: Question) -> dict[str, Any]:
    """Assign units; the ledger's pins hold, so a mailing shows what the customer has seen elsewhere.

    Raises:
        NotFoundError: If no experiment of this key has started.
    """
    key, units, attributes, channel = question
    experiment = evaluator.experiment(key)
    if experiment is None:
        raise NotFoundError(f"no experiment {key[:64]!r} has started in this project")
    pins = queries.pinned_in(session, evaluator.project, key, units)
    decisions = decide_many(evaluator, key, units, attributes, pins=pins)
    payloads: Mapping[str, Any] = {
        variant.key: None if channel is None else variant.payloads.get(channel)
        for variant in experiment.variants
    }
    return {
        "experiment": key,
        "config_version": evaluator.version,
        "payloads": payloads,
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
