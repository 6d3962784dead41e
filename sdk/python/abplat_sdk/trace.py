"""Why a unit got its variant: every gate of a decision in its order, with what it saw.

The evaluator decides; a trace goes through the same configuration step by step and says the same, which the
tests compare over all vectors. It takes its time: it is for people, not for the path of a request.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from abplat_sdk.document import Experiment, listing_lookup
from abplat_sdk.evaluator import Decision, Evaluator, normalise_unit
from abplat_sdk.hashing import HASH_VERSION, N_BUCKETS, find_bucket, find_inclusion_bucket
from abplat_sdk.targeting import Groups, RuleError, ask_rule, check_rule, compile_rule, hash_identifier

PASSES, DECIDES, NOT_REACHED = "passes", "decides", "not_reached"


class Hashed(NamedTuple):
    """What a gate hashed: salt and word, the bucket that came out, and the range ``[first, end)`` it wants."""

    salt: str
    word: int
    bucket: int
    first: int
    end: int


class Gate(NamedTuple):
    """One step of a decision.

    Attributes:
        gate: ``state``, ``override``, ``holdout``, ``pin``, ``targeting``, ``prerequisite``, ``layer``, ``inclusion``
            or ``split``; also ``known`` and ``unit`` where these alone decide.
        name: What it belongs to, such as ``holdout global``.
        outcome: ``passes``, ``decides``, or ``not_reached`` behind the one that decides.
        reason: The reason of the decision, if this gate decides or would have.
        detail: What it saw, in words.
        hashed: What it hashed, if anything.
        parts: Of a targeting rule: each part with its place, whether it holds, and the value it saw.
    """

    gate: str
    name: str
    outcome: str
    reason: str | None
    detail: str
    hashed: Hashed | None = None
    parts: tuple[Mapping[str, Any], ...] = ()


class Trace(NamedTuple):
    """A decision and the gates on its way."""

    decision: Decision
    gates: tuple[Gate, ...]

    @property
    def deciding(self) -> Gate:
        """Return the gate that decided."""
        return next(gate for gate in self.gates if gate.outcome == DECIDES)


class _Call(NamedTuple):
    """One question about one experiment."""

    evaluator: Evaluator
    experiment: Experiment
    unit: str
    attributes: Mapping[str, Any]
    pins: Mapping[str, str]
    channel: str | None


def explain(
    evaluator: Evaluator,
    key: str,
    unit: str | int,
    attributes: Mapping[str, Any] | None = None,
    pins: Mapping[str, str] | None = None,
    channel: str | None = None,
) -> Trace:
    """Decide one experiment for one unit and say why.

    Args:
        evaluator: The compiled configuration.
        key: Key of the experiment.
        unit: Identifier of the unit.
        attributes: What targeting may look at.
        pins: Variants that the unit is bound to already, by experiment.
        channel: Channel of the call.
    """
    decision = evaluator.decide(key, unit, attributes, None, channel, pins)
    experiment, text = evaluator.find(key), normalise_unit(unit)
    if experiment is None:
        gates: list[Gate] = [
            Gate("known", key, "", "unknown_experiment", "the configuration has no such key")
        ]
    elif text is None:
        gates = [Gate("unit", key, "", "invalid_unit", "a unit is a text of 1 to 256 characters")]
    else:
        gates = list(_walk(_Call(evaluator, experiment, text, attributes or {}, pins or {}, channel)))
    return Trace(decision, tuple(_settle(gates)))


def _settle(gates: list[Gate]) -> Iterator[Gate]:
    """Say of each gate whether it lets pass, decides, or is never come to."""
    decided = False
    for gate in gates:
        outcome = NOT_REACHED if decided else PASSES if gate.reason is None else DECIDES
        decided = decided or gate.reason is not None
        yield gate._replace(outcome=outcome)


def _walk(call: _Call) -> Iterator[Gate]:
    """Go through the gates in the order of the contract."""
    yield _state(call.experiment)
    yield _override(call)
    for holdout in call.experiment.holdouts:
        bucket = find_bucket(holdout.salt, call.unit)
        inside = bucket < holdout.share
        detail = f"bucket {bucket} lies {'in' if inside else 'outside'} the {holdout.share} that are kept out"
        hashed = Hashed(holdout.salt, 0, bucket, 0, holdout.share)
        yield Gate("holdout", f"holdout {holdout.key}", "", "holdout" if inside else None, detail, hashed)
    yield _pin(call)
    yield _targeting(call)
    yield from _prerequisites(call)
    yield from _layer(call)
    yield _inclusion(call)
    yield _split(call)


def _state(experiment: Experiment) -> Gate:
    """Look at state and hash version."""
    off = experiment.state != "running" or experiment.hash_version != HASH_VERSION
    detail = f"the experiment is {experiment.state}, its hash version is {experiment.hash_version}"
    return Gate("state", f"experiment {experiment.key}", "", "off" if off else None, detail)


def _override(call: _Call) -> Gate:
    """Look the unit up in the overrides."""
    forced = listing_lookup(call.experiment.overrides, hash_identifier)(call.unit)
    known = forced in _variants(call.experiment)
    detail = f"listed for {forced}" if forced is not None else "the unit is not listed"
    detail += "" if known or forced is None else ", which is no variant"
    return Gate("override", f"experiment {call.experiment.key}", "", "override" if known else None, detail)


def _pin(call: _Call) -> Gate:
    """Look at what the unit is bound to."""
    pin = call.pins.get(call.experiment.key)
    known = isinstance(pin, str) and pin in _variants(call.experiment)
    detail = f"bound to {pin}" if pin is not None else "the unit is bound to nothing"
    detail += "" if known or pin is None else ", which is no variant"
    return Gate("pin", f"experiment {call.experiment.key}", "", "pinned" if known else None, detail)


def _variants(experiment: Experiment) -> frozenset[str]:
    """Return the keys of the variants."""
    return frozenset(variant.key for variant in experiment.variants)


def _targeting(call: _Call) -> Gate:
    """Ask the rule, and every part of it."""
    rule, groups = call.experiment.targeting, call.evaluator.groups
    name = f"experiment {call.experiment.key}"
    if rule is None:
        return Gate("targeting", name, "", None, "there is no rule: everybody is eligible")
    try:
        check_rule(rule, groups)
    except RuleError as error:
        return Gate(
            "targeting", name, "", "not_targeted", f"the rule has a fault, so nobody is eligible: {error}"
        )
    holds = _asks(rule, call, groups)
    parts = tuple(_parts(rule, "", call))
    detail = "the rule holds" if holds else "the rule does not hold"
    return Gate("targeting", name, "", None if holds else "not_targeted", detail, None, parts)


def _asks(rule: object, call: _Call, groups: Groups) -> bool:
    """Ask one rule."""
    return ask_rule(compile_rule(rule, groups), call.attributes, call.unit, call.channel)


def _parts(rule: dict[str, Any], path: str, call: _Call) -> Iterator[Mapping[str, Any]]:
    """Yield every condition of a sound rule with its place, whether it holds, and what it saw."""
    if "attribute" in rule:
        seen = {"unit": call.unit, "channel": call.channel}.get(rule["attribute"])
        seen = call.attributes.get(rule["attribute"]) if seen is None else seen
        yield {"path": path, "rule": rule, "seen": seen, "holds": _asks(rule, call, call.evaluator.groups)}
        return
    (word, inner), *_ = rule.items()
    parts = (
        [(f"{word}", inner)] if word == "not" else [(f"{word}[{i}]", part) for i, part in enumerate(inner)]
    )
    for place, part in parts:
        yield from _parts(part, f"{path}.{place}".lstrip("."), call)


def _prerequisites(call: _Call) -> Iterator[Gate]:
    """Decide what this experiment needs."""
    for need in call.experiment.prerequisites:
        made = call.evaluator.decide(
            need.experiment, call.unit, call.attributes, None, call.channel, call.pins
        )
        met = made.in_experiment and made.variant in need.variants
        detail = f"needs {' or '.join(need.variants) or 'nothing that there is'}; "
        detail += f"it gave {made.variant or 'nothing'} ({made.reason})"
        reason = None if met else "not_targeted"
        yield Gate("prerequisite", f"experiment {need.experiment}", "", reason, detail)


def _layer(call: _Call) -> Iterator[Gate]:
    """Look where the unit lies in the layer."""
    layer = call.experiment.layer
    if layer is None:
        return
    bucket = find_bucket(layer.salt, call.unit)
    inside = layer.first <= bucket < layer.end
    detail = f"bucket {bucket} lies {'in' if inside else 'outside'} the slot [{layer.first}, {layer.end})"
    hashed = Hashed(layer.salt, 0, bucket, layer.first, layer.end)
    yield Gate("layer", f"layer {layer.key}", "", None if inside else "not_in_layer", detail, hashed)


def _inclusion(call: _Call) -> Gate:
    """Look whether the share that is included has reached the unit."""
    experiment = call.experiment
    bucket = find_inclusion_bucket(experiment.salt, call.unit)
    inside = bucket < experiment.included
    detail = f"inclusion bucket {bucket} is {'' if inside else 'not '}below {experiment.included}"
    hashed = Hashed(experiment.salt, 1, bucket, 0, experiment.included)
    return Gate(
        "inclusion", f"experiment {experiment.key}", "", None if inside else "not_included", detail, hashed
    )


def _split(call: _Call) -> Gate:
    """Find the variant of the bucket."""
    experiment = call.experiment
    bucket, first = find_bucket(experiment.salt, call.unit), 0
    for variant in experiment.variants:
        if bucket < variant.bound:
            break
        first = variant.bound
    detail = f"bucket {bucket} of {N_BUCKETS} lies in [{first}, {variant.bound}), which is {variant.key}"
    hashed = Hashed(experiment.salt, 0, bucket, first, variant.bound)
    return Gate("split", f"experiment {experiment.key}", "", "split", detail, hashed)
