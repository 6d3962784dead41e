"""Flags for OpenFeature clients: an experiment is a flag, its variant the variant, its payload the value."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Decision, Evaluator, normalise_unit
from abplat_sdk.flags import CHANNEL, metadata_of, reason_of, value_of

from abplat.clock import format_instant
from abplat.errors import InvalidInputError, StorageFullError, UnavailableError
from abplat.facts.intake import Intake
from abplat.services import events

TARGETING_KEY: Final = "targetingKey"
EXPOSE: Final = "abplatExpose"
PINS: Final = "abplatPins"
NO_TARGETING_KEY: Final = "TARGETING_KEY_MISSING"
BAD_CONTEXT: Final = "INVALID_CONTEXT"
_MAX_RECENT = 100_000


class Question(NamedTuple):
    """For whom flags are evaluated.

    Attributes:
        unit: Identifier of the unit, as it is hashed.
        attributes: What targeting may look at.
        pins: Variant per experiment that the unit is bound to already.
        channel: Channel of the call; chooses the payload.
        wants_exposure: Whether the caller asks that the exposure be recorded here.
    """

    unit: str
    attributes: Mapping[str, Any]
    pins: Mapping[str, str]
    channel: str | None
    wants_exposure: bool


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


def decide(evaluator: Evaluator, key: str, question: Question) -> Decision | None:
    """Decide one flag; None where there is no experiment of this key."""
    if evaluator.experiment(key) is None:
        return None
    unit, attributes, pins, channel, _ = question
    return evaluator.decide(key, unit, attributes, pins.get(key), channel)


def describe(evaluator: Evaluator, decision: Decision, channel: str | None) -> dict[str, Any]:
    """Return a decision as the protocol writes it.

    ``value`` is left out where the variant leaves it to the default in the code.
    """
    experiment = evaluator.experiment(decision.key)
    value = None if experiment is None else value_of(decision, experiment, channel)
    flag = {"key": decision.key, "reason": reason_of(decision), "variant": decision.variant}
    if value is not None:
        flag["value"] = value
    return {**flag, "metadata": metadata_of(decision, evaluator.project)}


def describe_all(evaluator: Evaluator, question: Question) -> dict[str, Any]:
    """Return every flag for one unit. Never an exposure: a page that asks for all shows a few."""
    unit, attributes, pins, channel, _ = question
    decisions = evaluator.decide_all(unit, attributes, pins, channel)
    return {
        "flags": [describe(evaluator, decision, channel) for decision in decisions.values()],
        "metadata": {"version": evaluator.version, "flagSetId": evaluator.project},
    }


class RecentExposures:
    """Exposures that this process has put on disk: the same one again costs no write.

    An exposure is named by unit, experiment, variant, channel and day. So the second server of an
    installation, or this one after a restart, makes the same id, and it is counted once a day.
    """

    def __init__(self, capacity: int = _MAX_RECENT) -> None:
        """Start empty."""
        self._capacity = capacity
        self._held: dict[str, None] = {}
        self._lock = threading.Lock()

    def expose(
        self, intake: Intake, project: str, decision: Decision, channel: str | None, *, now: datetime
    ) -> bool:
        """Record that a unit met its variant; say whether it is on disk.

        A full disk or a busy database costs the exposure, never the answer.
        """
        if not decision.in_experiment or decision.variant is None:
            return False
        event_id = _name_exposure(project, decision, channel, now)
        if event_id in self._held:
            return True
        event = {
            "kind": "exposure", "id": event_id, "ts": format_instant(now), "actor": decision.unit,
            "experiment": decision.key, "variant": decision.variant, "channel": channel or None,
            "reason": decision.reason, "config_version": decision.config_version,
        }  # fmt: skip
        try:
            done = events.record(intake, project, {"events": [event]}, now=now)
        except (UnavailableError, StorageFullError):
            return False
        if done.refused:
            return False
        self._remember(event_id)
        return True

    def _remember(self, event_id: str) -> None:
        """Keep an id, and let go of the oldest where there are too many."""
        with self._lock:
            if len(self._held) >= self._capacity:
                del self._held[next(iter(self._held))]
            self._held[event_id] = None


def _name_exposure(project: str, decision: Decision, channel: str | None, now: datetime) -> str:
    """Return the id of an exposure, the same for the whole day."""
    parts = (project, decision.unit, decision.key, decision.variant or "", channel or "", f"{now:%Y-%m-%d}")
    text = "\x1f".join(part.replace("\x1f", "\x1f\x1f") for part in parts)
    return f"ofrep-{hashlib.sha256(text.encode()).hexdigest()[:32]}"
