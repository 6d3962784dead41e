"""Flags for OpenFeature clients: an experiment is a flag, its variant the variant, its payload the value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Decision, Evaluator, normalise_unit
from abplat_sdk.flags import CHANNEL, metadata_of, reason_of, value_of

from abplat.errors import InvalidInputError
from abplat.services import decisions, sticky_decisions
from abplat.services.platform import Platform
from abplat.services.sticky_decisions import Caller

TARGETING_KEY: Final = "targetingKey"
EXPOSE: Final = "abplatExpose"
LEDGER: Final = "abplatLedger"
TOKEN: Final = "abplatIdentityToken"  # noqa: S105  # the name of an attribute
PINS: Final = "abplatPins"
NO_TARGETING_KEY: Final = "TARGETING_KEY_MISSING"
BAD_CONTEXT: Final = "INVALID_CONTEXT"


class Question(NamedTuple):
    """For whom flags are evaluated.

    Attributes:
        unit: Identifier of the unit, as it is hashed.
        attributes: What targeting may look at.
        pins: Variant per experiment that the unit is bound to already.
        channel: Channel of the call; chooses the payload.
        wants_exposure: Whether the caller asks that the exposure be recorded here.
        wants_ledger: Whether the ledger is consulted and kept: so it is, unless the caller says no.
        identity_token: Says for certain who is asked for.
    """

    unit: str
    attributes: Mapping[str, Any]
    pins: Mapping[str, str]
    channel: str | None
    wants_exposure: bool
    wants_ledger: bool
    identity_token: str | None = None


def parse_question(document: object) -> Question:
    """Read the body of an evaluation.

    Raises:
        InvalidInputError: With a problem whose code is the protocol's.
    """
    if not isinstance(document, dict):
        raise InvalidInputError.at("", 'must be an object such as {"context": {}}', BAD_CONTEXT)
    context = document.get("context", {})
    if not isinstance(context, dict):
        raise InvalidInputError.at("context", "must be an object", BAD_CONTEXT)
    attributes = dict(context)
    channel = attributes.get(CHANNEL)
    return Question(
        unit=_read_unit(attributes.pop(TARGETING_KEY, None)),
        attributes=attributes,
        pins=_read_pins(attributes.pop(PINS, None)),
        channel=channel if isinstance(channel, str) else None,
        wants_exposure=attributes.pop(EXPOSE, False) is True,
        wants_ledger=attributes.pop(LEDGER, True) is not False,
        identity_token=_read_token(attributes.pop(TOKEN, None)),
    )


def _read_unit(given: object) -> str:
    """Return the unit, or say what is wrong with it."""
    if given is None or given == "":
        message = "is missing; say for whom, such as cust:7 or anon:w1"
        raise InvalidInputError.at(f"context.{TARGETING_KEY}", message, NO_TARGETING_KEY)
    unit = normalise_unit(given)
    if unit is None:
        raise InvalidInputError.at(
            f"context.{TARGETING_KEY}", "must be a text of 1 to 256 characters", BAD_CONTEXT
        )
    return unit


def _read_pins(given: object) -> Mapping[str, str]:
    """Return the variants that the unit is bound to."""
    pins = given or {}
    if not isinstance(pins, dict) or not all(isinstance(variant, str) for variant in pins.values()):
        raise InvalidInputError.at(f"context.{PINS}", "must give a variant per experiment", BAD_CONTEXT)
    return pins


def _read_token(given: object) -> str | None:
    """Return the identity token."""
    if not isinstance(given, str | None):
        raise InvalidInputError.at(f"context.{TOKEN}", "must be a text", BAD_CONTEXT)
    return given


def decide(evaluator: Evaluator, key: str, question: Question) -> Decision:
    """Decide one flag, without a look at any database."""
    unit, attributes, pins, channel, *_ = question
    return evaluator.decide(key, unit, attributes, None, channel, pins or None)


def decide_by_ledger(
    platform: Platform, caller: Caller, question: Question, keys: tuple[str, ...] | None
) -> dict[str, Decision]:
    """Decide as ``POST /v1/decide`` does: by what the customer has met in any channel, which is kept.

    What the ledger held a moment ago is good enough, as a page asks for one flag after the other. The
    decisions name the unit that was asked for, not the customer behind it: a page need not learn that.
    """
    unit, attributes, pins, channel, *_, token = question
    asked = decisions.Question(unit, attributes, pins, channel, keys, token)
    decided = sticky_decisions.decide(platform, caller, asked, may_be_recent=True).decisions
    return {key: decision._replace(unit=unit) for key, decision in decided.items()}


def describe(evaluator: Evaluator, decision: Decision, channel: str | None) -> dict[str, Any]:
    """Return a decision as the protocol writes it.

    ``value`` is left out where the variant leaves it to the default in the code.
    """
    experiment = evaluator.find(decision.key)
    value = None if experiment is None else value_of(decision, experiment, channel)
    flag = {"key": decision.key, "reason": reason_of(decision), "variant": decision.variant}
    if value is not None:
        flag["value"] = value
    return {**flag, "metadata": metadata_of(decision, evaluator.configuration.project)}


def describe_all(evaluator: Evaluator, question: Question) -> dict[str, Any]:
    """Return every flag for one unit. Never an exposure: a page that asks for all shows a few."""
    unit, attributes, pins, channel, *_ = question
    return describe_each(evaluator, evaluator.decide_all(unit, attributes, pins, channel), channel)


def describe_each(
    evaluator: Evaluator, decided: Mapping[str, Decision], channel: str | None
) -> dict[str, Any]:
    """Return decisions as the protocol writes them all at once."""
    return {
        "flags": [describe(evaluator, decision, channel) for decision in decided.values()],
        "metadata": {"version": evaluator.version, "flagSetId": evaluator.configuration.project},
    }
