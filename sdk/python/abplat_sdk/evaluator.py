"""Decisions: a pure function of configuration, unit, attributes and pin.

Everything that can be worked out from the configuration is worked out once, by ``compile_config``. What
is left for a decision is one look-up, one hash, one comparison and one tuple.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from abplat_sdk.document import Configuration, Experiment, Variant, listing_lookup, parse_config
from abplat_sdk.groups import compile_groups
from abplat_sdk.hashing import HASH_VERSION, N_BUCKETS, find_bucket, first_two_words, first_word, md5
from abplat_sdk.prerequisites import Decide, Others, compile_prerequisites, decide_each_once
from abplat_sdk.shortcuts import is_split_only, make_splitter
from abplat_sdk.targeting import Groups, ask_rule, compile_rule, hash_identifier

MAX_UNIT_LENGTH = 256
_MAX_DIGIT_BITS = 860  # 2**860 has 259 digits: no number above it can be a unit
_NO_ATTRIBUTES: Mapping[str, Any] = {}


class Decision(NamedTuple):
    """What was decided for one unit, and why.

    Attributes:
        key: Key of the experiment.
        variant: Key of the variant to show; None when there is no experiment to take it from.
        payload: Payload of that variant for the channel asked for; None without one.
        in_experiment: Whether the unit is part of the experiment: only then may an exposure be recorded.
        reason: ``off``, ``override``, ``holdout``, ``pinned``, ``not_targeted``, ``not_in_layer``, ``not_included``,
            ``split``, ``unknown_experiment``, ``invalid_unit`` or ``not_ready``.
        bucket: Split bucket, 0 to 9999, where the decision came as far as hashing it.
        config_version: Version of the configuration that decided.
        unit: The unit as it was hashed; empty when it was no valid one.
        unit_type: The kind of unit the experiment is meant for.
        hash_version: Version of the hash contract.
        phase: Number of the phase that the experiment is in; None where the configuration does not say.
    """

    key: str
    variant: str | None
    payload: Any
    in_experiment: bool
    reason: str
    bucket: int | None
    config_version: str
    unit: str
    unit_type: str
    hash_version: int
    phase: int | None = None


_Gate = Callable[[str, Mapping[str, Any], "str | None", "str | None", "Others | None"], "Decision | None"]
_new_tuple = tuple.__new__


def normalise_unit(unit: object) -> str | None:
    """Return the text that is hashed for a unit, or None when there is none.

    Whole numbers become decimal texts. Nothing is trimmed, folded or normalised.

    Examples:
        >>> normalise_unit(7)
        '7'
    """
    if isinstance(unit, int) and not isinstance(unit, bool):
        unit = str(int(unit)) if unit.bit_length() <= _MAX_DIGIT_BITS else ""
    if not isinstance(unit, str) or not 0 < len(unit) <= MAX_UNIT_LENGTH:
        return None
    try:
        unit.encode()
    except UnicodeEncodeError:  # a lone surrogate has no UTF-8
        return None
    return str.__str__(unit)


def unready_decision(key: object, unit: str, reason: str, version: str = "") -> Decision:
    """Make the decision for which there is nothing to decide from."""
    return Decision(
        key=key if isinstance(key, str) else "",
        variant=None,
        payload=None,
        in_experiment=False,
        reason=reason,
        bucket=None,
        config_version=version,
        unit=unit,
        unit_type="",
        hash_version=0,
    )


class Evaluator:
    """A compiled configuration. It never changes, so any number of threads may use it."""

    __slots__ = (
        "_compiled",
        "_dependent",
        "_experiments",
        "_shortcuts",
        "configuration",
        "groups",
        "version",
    )

    def __init__(self, configuration: Configuration) -> None:
        self.version = configuration.version
        self.configuration = configuration
        self.groups = compile_groups(configuration)
        self._experiments = {experiment.key: experiment for experiment in configuration.experiments}
        self._compiled: dict[str, Decide] = {}
        for key, experiment in self._experiments.items():
            self._compiled[key] = _compile_experiment(experiment, self.version, self.groups, self._compiled)
        self._dependent = frozenset(
            key for key, experiment in self._experiments.items() if experiment.prerequisites
        )
        self._shortcuts = {key: self._shorten(experiment) for key, experiment in self._experiments.items()}

    def _shorten(self, experiment: Experiment) -> Callable[[Any, Any], str | None]:
        """Build the shortest way to the variant alone."""
        if is_split_only(experiment) and experiment.included == N_BUCKETS:
            return make_splitter(experiment)
        decide = self._compiled[experiment.key]
        return lambda unit, attributes: decide(unit, attributes, None, None).variant

    def keys(self) -> tuple[str, ...]:
        """Return the keys of the experiments."""
        return tuple(self._compiled)

    def find(self, key: str) -> Experiment | None:
        """Return what the configuration says of one experiment."""
        return self._experiments.get(key)

    def decide(
        self,
        key: str,
        unit: str | int,
        attributes: Mapping[str, Any] | None = None,
        pin: str | None = None,
        channel: str | None = None,
        pins: Mapping[str, str] | None = None,
    ) -> Decision:
        """Decide one experiment for one unit. Never raises.

        Args:
            key: Key of the experiment.
            unit: Identifier of the unit; hashed as it stands.
            attributes: What targeting may look at.
            pin: Variant that this unit is bound to already.
            channel: Channel of the call; chooses the payload.
            pins: Variants that this unit is bound to in all experiments: what prerequisites go by, and
                what ``pin`` is taken from where it is not given.
        """
        if pins is not None:
            return self._decide_pinned(key, unit, attributes, pin, channel, pins)
        try:
            return self._compiled[key](unit, attributes, pin, channel)
        except Exception:  # noqa: BLE001, S110  # the SDK edge: whatever the host passed, it gets a decision
            pass
        return self._decide_carefully(key, unit, attributes, pin, channel)

    def variant(self, key: str, unit: str | int, attributes: Mapping[str, Any] | None = None) -> str | None:
        """Return the variant alone, as ``decide`` would give it, in two thirds of the time. Never raises."""
        try:
            return self._shortcuts[key](unit, attributes)
        except Exception:  # noqa: BLE001, S110  # the SDK edge, as in ``decide``
            pass
        return self.decide(key, unit, attributes).variant

    def decide_all(
        self,
        unit: str | int,
        attributes: Mapping[str, Any] | None = None,
        pins: Mapping[str, str] | None = None,
        channel: str | None = None,
    ) -> dict[str, Decision]:
        """Decide every experiment for one unit. Never raises."""
        if self._dependent and normalise_unit(unit) is not None:
            others = self._others(unit, attributes, channel, pins)
            return {key: others(key) for key in self._compiled}
        pin_of = pins.get if isinstance(pins, Mapping) else _NO_ATTRIBUTES.get
        return {key: self.decide(key, unit, attributes, pin_of(key), channel) for key in self._compiled}

    def _decide_pinned(
        self, key: Any, unit: Any, attributes: Any, pin: Any, channel: Any, pins: Any
    ) -> Decision:
        """Decide one experiment where the pins of others are known."""
        try:
            held = pins if pin is None else {**pins, key: pin}
            if key in self._dependent:
                return self._others(unit, attributes, channel, held)(key)
            pin = held.get(key)
        except Exception:  # noqa: BLE001, S110  # the SDK edge, as in ``decide``
            pass
        return self.decide(key, unit, attributes, pin, channel)

    def _others(self, unit: object, attributes: object, channel: object, pins: object) -> Others:
        """Return what decides any experiment for one call, and each no more than once."""
        held = pins if isinstance(pins, Mapping) else _NO_ATTRIBUTES
        return decide_each_once(
            self._compiled,
            normalise_unit(unit),
            attributes if isinstance(attributes, Mapping) else None,
            channel if isinstance(channel, str) else None,
            {key: pin for key, pin in held.items() if isinstance(pin, str)}.get,
        )

    def _decide_carefully(
        self, key: object, unit: object, attributes: object, pin: object, channel: object
    ) -> Decision:
        """Decide for arguments of which at least one is not what it should be."""
        text = normalise_unit(unit)
        experiment = self._experiments.get(key) if isinstance(key, str) else None
        if experiment is None:
            return unready_decision(key, text or "", "unknown_experiment", self.version)
        channel = channel if isinstance(channel, str) else None
        if text is None:
            payload = _control(experiment).payloads.get(channel) if channel else None
            return unready_decision(key, "", "invalid_unit", self.version)._replace(
                variant=experiment.control,
                payload=payload,
                unit_type=experiment.unit_type,
                hash_version=experiment.hash_version,
                phase=experiment.phase,
            )
        given = attributes if isinstance(attributes, Mapping) else _NO_ATTRIBUTES
        return self._compiled[experiment.key](text, given, pin if isinstance(pin, str) else None, channel)


def compile_config(document: object) -> Evaluator:
    """Check a configuration document and compile it.

    Raises:
        ConfigError: If the document is broken. A targeting rule that is malformed or unknown is no fault
            of the document: nobody is eligible for that one experiment.
    """
    return Evaluator(parse_config(document))


def _control(experiment: Experiment) -> Variant:
    """Return the control of an experiment."""
    return next(variant for variant in experiment.variants if variant.key == experiment.control)


def _compile_experiment(
    experiment: Experiment, version: str, groups: Groups, compiled: Mapping[str, Decide]
) -> Decide:
    """Build the function that decides one experiment.

    It raises for arguments that are not what they should be; ``Evaluator.decide`` then looks closer.
    """
    gate = _compile_gate(experiment, version, groups, compiled)
    if gate is None and experiment.included == N_BUCKETS and len(experiment.variants) == 2:
        return _compile_plain(experiment, version)
    return _compile_general(experiment, version, gate)


def _labels(experiment: Experiment) -> tuple[str, str, int, int | None]:
    """Return what every decision says of its experiment."""
    return experiment.key, experiment.unit_type, experiment.hash_version, experiment.phase


def _compile_plain(experiment: Experiment, version: str) -> Decide:
    """Build the shortest way to a decision: two variants, everybody included, nothing before the split."""
    key, unit_type, hash_version, phase = _labels(experiment)
    salt, bound = experiment.salt + ":", experiment.variants[0].bound
    first, second = (variant.key for variant in experiment.variants)
    new, cls, words, digest, total = _new_tuple, Decision, first_word, md5, N_BUCKETS
    general = _compile_general(experiment, version, None)

    def decide(
        unit: str,
        attributes: Mapping[str, Any] | None,
        pin: str | None,
        channel: str | None,
        _others: Others | None = None,
    ) -> Decision:
        if pin is not None or channel is not None or not 0 < len(unit) < 257:
            return general(unit, attributes, pin, channel)
        bucket = words(digest((salt + unit).encode()).digest())[0] % total
        variant = first if bucket < bound else second
        return new(
            cls, (key, variant, None, True, "split", bucket, version, unit, unit_type, hash_version, phase)
        )

    return decide


def _compile_general(experiment: Experiment, version: str, gate: _Gate | None) -> Decide:
    """Build the way to a decision for any experiment."""
    key, unit_type, hash_version, phase = _labels(experiment)
    salt, included = (experiment.salt + ":").encode(), experiment.included
    bounds = [variant.bound for variant in experiment.variants]
    variants = [(variant.key, variant.payloads) for variant in experiment.variants]
    variant_of = {variant.key: variant for variant in experiment.variants}
    answer, control = _answers(experiment, version), variant_of[experiment.control]
    new, cls, words, digest, total, find = _new_tuple, Decision, first_two_words, md5, N_BUCKETS, bisect_right

    def decide(
        unit: str,
        attributes: Mapping[str, Any] | None,
        pin: str | None,
        channel: str | None,
        others: Others | None = None,
    ) -> Decision:
        if type(unit) is not str or not 0 < len(unit) < 257:
            raise TypeError("not a unit as it stands")
        text = unit.encode()
        given = _NO_ATTRIBUTES if attributes is None else attributes
        if gate is not None and (decided := gate(unit, given, pin, channel, others)) is not None:
            return decided
        if gate is None and pin is not None and (pinned := variant_of.get(pin)) is not None:
            return answer(pinned, "pinned", None, unit, channel)
        word, inclusion_word = words(digest(salt + text).digest())
        bucket = word % total
        if inclusion_word % total >= included:
            return answer(control, "not_included", bucket, unit, channel)
        variant, payloads = variants[find(bounds, bucket)]
        payload = None if channel is None else payloads.get(channel)
        return new(
            cls, (key, variant, payload, True, "split", bucket, version, unit, unit_type, hash_version, phase)
        )

    return decide


def _compile_gate(
    experiment: Experiment, version: str, groups: Groups, compiled: Mapping[str, Decide]
) -> _Gate | None:
    """Build what comes before the split; None when nothing does."""
    answer = _answers(experiment, version)
    off = experiment.state != "running" or experiment.hash_version != HASH_VERSION
    variant_of = {variant.key: variant for variant in experiment.variants}
    has_overrides = bool(experiment.overrides.entries)
    override_of = listing_lookup(experiment.overrides, hash_identifier)
    control, holdouts, layer = variant_of[experiment.control], experiment.holdouts, experiment.layer
    targeting = None if experiment.targeting is None else compile_rule(experiment.targeting, groups)
    meets = compile_prerequisites(experiment.prerequisites, compiled)

    def gate(  # noqa: PLR0911  # one way out per reason, in their order
        unit: str,
        attributes: Mapping[str, Any],
        pin: str | None,
        channel: str | None,
        others: Others | None,
    ) -> Decision | None:
        if off:
            return answer(control, "off", None, unit, channel)
        if has_overrides and (forced := variant_of.get(override_of(unit) or "")) is not None:
            return answer(forced, "override", None, unit, channel)
        for holdout in holdouts:
            if find_bucket(holdout.salt, unit) < holdout.share:
                return answer(control, "holdout", None, unit, channel)
        if pin is not None and (pinned := variant_of.get(pin)) is not None:
            return answer(pinned, "pinned", None, unit, channel)
        if targeting is not None and not ask_rule(targeting, attributes, unit, channel):
            return answer(control, "not_targeted", None, unit, channel)
        if meets is not None and not meets(unit, attributes, channel, others):
            return answer(control, "not_targeted", None, unit, channel)
        if layer is not None and not layer.first <= find_bucket(layer.salt, unit) < layer.end:
            return answer(control, "not_in_layer", None, unit, channel)
        return None

    is_open = not (off or has_overrides or holdouts or targeting is not None or layer is not None)
    return None if is_open and meets is None else gate


def _answers(
    experiment: Experiment, version: str
) -> Callable[[Variant, str, int | None, str, str | None], Decision]:
    """Build the function that makes a decision other than the split."""
    key, unit_type, hash_version, phase = _labels(experiment)

    def answer(variant: Variant, reason: str, bucket: int | None, unit: str, channel: str | None) -> Decision:
        payload = None if channel is None else variant.payloads.get(channel)
        is_in = reason == "pinned"
        return Decision(
            key, variant.key, payload, is_in, reason, bucket, version, unit, unit_type, hash_version, phase
        )

    return answer
