"""Decisions over HTTP, by the SDK's own evaluator: both answer alike because they are the same code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Decision, Evaluator, normalise_unit
from abplat_sdk.targeting import hash_identifier

from abplat.errors import InvalidInputError, Problem

MAX_KEYS: Final = 500
_FIELDS: Final = ("unit", "identity_token", "attributes", "pins", "channel", "keys")


class Question(NamedTuple):
    """What is to be decided.

    Attributes:
        unit: Identifier of the unit, as it is hashed.
        attributes: What targeting may look at.
        pins: Variant per experiment that the unit is bound to already.
        channel: Channel of the call; chooses the payload.
        keys: Experiments asked for; None for all.
        identity_token: Says for certain who is asked for.
    """

    unit: str
    attributes: Mapping[str, Any]
    pins: Mapping[str, str]
    channel: str | None
    keys: tuple[str, ...] | None
    identity_token: str | None = None


def parse_question(document: object) -> Question:
    """Check the body of a request for decisions.

    Raises:
        InvalidInputError: With every fault found.
    """
    if not isinstance(document, dict):
        raise InvalidInputError.at("", "must be an object with a unit", "not_an_object")
    problems = list(_find_faults(document))
    if problems:
        raise InvalidInputError(f"{problems[0].path}: {problems[0].message}", problems=problems)
    keys = document.get("keys")
    return Question(
        unit=normalise_unit(document.get("unit")) or "",
        attributes=document.get("attributes") or {},
        pins=document.get("pins") or {},
        channel=document.get("channel"),
        keys=None if keys is None else tuple(keys),
        identity_token=document.get("identity_token"),
    )


def _find_faults(document: dict[str, Any]) -> Iterable[Problem]:
    """Yield everything that is wrong with a question."""
    for name in document.keys() - set(_FIELDS):
        yield Problem(name, f"is not known; the fields are {', '.join(_FIELDS)}", "unknown_field")
    token = document.get("identity_token")
    if not isinstance(token, str | None):
        yield Problem("identity_token", "must be a text", "bad_token")
    if normalise_unit(document.get("unit")) is None and ("unit" in document or token is None):
        yield Problem("unit", "must be a text of 1 to 256 characters, or a whole number", "bad_unit")
    if not isinstance(document.get("attributes") or {}, dict):
        yield Problem("attributes", "must be an object", "not_an_object")
    pins = document.get("pins") or {}
    if not isinstance(pins, dict) or not all(isinstance(variant, str) for variant in pins.values()):
        yield Problem("pins", "must give a variant per experiment", "bad_pins")
    if not isinstance(document.get("channel"), str | None):
        yield Problem("channel", "must be a text", "not_a_text")
    keys = document.get("keys", [])
    if keys is not None and not (isinstance(keys, list) and all(isinstance(key, str) for key in keys)):
        yield Problem("keys", "must be a list of experiment keys", "bad_keys")
    elif keys is not None and len(keys) > MAX_KEYS:
        yield Problem("keys", f"holds {len(keys)} keys; at most {MAX_KEYS} are taken", "too_many")


def decide(evaluator: Evaluator, question: Question) -> dict[str, Decision]:
    """Decide the experiments asked for; an unknown one is answered as such."""
    unit, attributes, pins, channel, *_ = question
    if question.keys is None:
        return evaluator.decide_all(unit, attributes, pins, channel)
    return {key: evaluator.decide(key, unit, attributes, None, channel, pins) for key in question.keys}


def hide_identifiers(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the configuration that the public may see: identifiers hashed, decisions unchanged.

    A browser needs to find itself in a list; it must not be able to read who else is in it.
    """
    segments = {key: _hide_members(key, segment) for key, segment in document["segments"].items()}
    experiments = [
        {**experiment, "overrides": _hide_units(experiment["salt"], experiment["overrides"])}
        for experiment in document["experiments"]
    ]
    return {**document, "segments": segments, "experiments": experiments}


def _hide_members(key: str, segment: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hash the members of a segment, in an order that tells nothing."""
    if segment.get("hashed") is True or "members" not in segment:
        return segment
    members = sorted(hash_identifier(key, member) for member in segment["members"])
    return {**segment, "hashed": True, "salt": key, "members": members}


def _hide_units(salt: str, overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """Hash the units of overrides, in an order that tells nothing."""
    if not overrides or overrides.get("hashed") is True:
        return overrides
    hashed = {hash_identifier(salt, unit): variant for unit, variant in overrides.items()}
    return {"hashed": True, "salt": salt, "units": dict(sorted(hashed.items()))}
