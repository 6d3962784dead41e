"""Experiment definitions: what is changed for whom, and what decides."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from abplat.domain.breakdowns import Dimensions, read_breakdowns
from abplat.domain.fields import MAX_TEXT, MAX_TITLE, Fields, check_json, show, unstorable
from abplat.domain.layers import BUCKETS, Slot
from abplat.domain.mechanisms import ExpectedLink, read_mechanism
from abplat.domain.predictions import Prediction, parse_prediction
from abplat.domain.prerequisites import Prerequisite, read_prerequisites
from abplat.domain.schedules import Schedule, parse_schedule
from abplat.domain.targeting import check_rule

ID_TYPES: Final = ("cust", "anon", "device", "loyalty", "phone", "email", "card")
"""Types of identifiers; ``cust`` is the authoritative one."""
CLUSTER_TYPES: Final = ("store", "team", "household", "account")
"""Units of several people who see each other's variant: each is drawn and analysed as a whole."""
UNIT_TYPES: Final = (*ID_TYPES, *CLUSTER_TYPES)
SCALES: Final = ("relative", "absolute")
ROLES: Final = ("primary", "guardrail", "secondary", "touchpoint")
ANALYSIS_ONLY: Final = "analysis_only"
"""Assigned elsewhere: never served, only judged."""
AA: Final = "aa"
"""Everybody gets the same: it tries the pipeline."""
KINDS: Final = ("ab", AA, ANALYSIS_ONLY)
CLEAR_SIGNALS: Final = "clear_signals"
DO_NO_HARM: Final = "do_no_harm"
NON_INFERIORITY: Final = "non_inferiority"
DECISION_RULES: Final = (CLEAR_SIGNALS, DO_NO_HARM, NON_INFERIORITY)
"""What it takes to ship: a goal shown better; no harm shown at full power; a goal shown inside its margin."""
MAX_VARIANTS: Final = 20
MAX_METRICS: Final = 100
MAX_OVERRIDES: Final = 1_000
MAX_PAYLOAD_BYTES: Final = 65_536
MAX_UNIT: Final = 256
HASH_VERSION: Final = 1


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One arm: its weight of 10000 and one payload per channel (R43)."""

    key: str
    title: str
    weight: int
    payloads: dict[str, Any]


class MetricUse(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The role of a metric in one experiment; ``margin`` is what a guardrail may lose, on its ``scale``."""

    metric: str
    role: str
    margin: float | None
    scale: str = "relative"
    """relative: a share of control; absolute: an amount in the unit of the metric."""


class ExperimentDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that is fixed when the experiment starts. The first variant is control."""

    key: str
    title: str
    owner: str
    hypothesis: str
    journey: str
    unit_type: str
    layer: str | None
    slot: Slot | None
    holdouts: tuple[str, ...]
    prerequisites: tuple[Prerequisite, ...]
    included: int
    variants: tuple[Variant, ...]
    targeting: dict[str, Any] | None
    overrides: dict[str, str]
    metrics: tuple[MetricUse, ...]
    horizon: str
    alpha: float
    exposure_grace: str | None
    decide_after: str | None
    kind: str
    min_effect: float | None
    prediction: Prediction | None
    schedule: Schedule | None
    mechanism: tuple[ExpectedLink, ...] = ()
    """Which links should move and which must not, said before the start."""
    breakdowns: tuple[Dimensions, ...] = ()
    decision_rule: str = CLEAR_SIGNALS
    goal_margin: float | None = None
    """By which share the goal may be worse under the rule of non-inferiority."""

    @property
    def primary(self) -> str:
        """Return the key of the metric that decides."""
        return next(use.metric for use in self.metrics if use.role == "primary")


def parse_experiment(document: Any) -> ExperimentDefinition:
    """Read an experiment.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    layer, slot = _read_place(fields)
    variants = tuple(_read_variants(fields))
    experiment = ExperimentDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner"),
        hypothesis=fields.text("hypothesis", "", MAX_TEXT),
        journey=fields.key("journey"),
        unit_type=fields.choice("unit_type", UNIT_TYPES, "cust"),
        layer=layer,
        slot=slot,
        holdouts=tuple(_read_keys(fields, "holdouts", 20)),
        prerequisites=tuple(read_prerequisites(fields)),
        included=fields.integer("included", 0, BUCKETS, BUCKETS),
        variants=variants,
        targeting=_read_targeting(fields),
        overrides=_read_overrides(fields, {variant.key for variant in variants}),
        metrics=tuple(_read_metrics(fields)),
        horizon=fields.duration("horizon") or "",
        alpha=fields.share("alpha", 0.05, 0.0, 0.5) or 0.05,
        exposure_grace=_read_grace(fields),
        decide_after=fields.duration("decide_after", None),
        kind=fields.choice("kind", KINDS, "ab"),
        min_effect=fields.share("min_effect", None, 0.0, 10.0),
        prediction=_read_prediction(fields),
        schedule=_read_schedule(fields),
        mechanism=tuple(read_mechanism(fields)),
        breakdowns=tuple(read_breakdowns(fields)),
        decision_rule=fields.choice("decision_rule", DECISION_RULES, CLEAR_SIGNALS),
        goal_margin=fields.share("goal_margin", None, 0.0, 1.0),
    )
    _check_variants(fields, experiment.variants)
    _check_roles(fields, experiment.metrics)
    _check_kind(fields, experiment)
    _check_rule(fields, experiment)
    fields.finish("experiment")
    return experiment


def _read_place(fields: Fields) -> tuple[str | None, Slot | None]:
    """Read the layer and the slot in it; a layer without a slot means the whole layer."""
    layer = fields.key("layer", None)
    numbers = fields.items("slot", 2, 2, [0, BUCKETS] if layer else [None, None])
    if layer is None:
        if fields.document.get("slot") is not None:
            fields.fault(
                "slot", "has no meaning without a layer; name the layer or remove the slot", "not_used"
            )
        return None, None
    whole = all(isinstance(number, int) and not isinstance(number, bool) for number in numbers)
    if len(numbers) == 2 and whole and 0 <= numbers[0] < numbers[1] <= BUCKETS:
        return layer, Slot(*numbers)
    message = (
        f"{show(numbers)} is not a slot; write two whole numbers [from, to] with 0 <= from < to <= {BUCKETS}"
    )
    fields.fault("slot", message, "bad_slot")
    return layer, None


def _read_keys(fields: Fields, name: str, most: int) -> Iterator[str]:
    """Read a list of keys without repetition."""
    seen: set[str] = set()
    for index, entry in enumerate(fields.items(name, 0, most, [])):
        part = Fields({"key": entry}, problems=[])
        key = part.key("key")
        if part.problems or key in seen:
            message = f"{show(entry)} is listed twice" if key in seen else f"{show(entry)} is not a key"
            fields.fault(f"{name}[{index}]", message, "bad_key")
        else:
            seen.add(key)
            yield key


def _read_variants(fields: Fields) -> Iterator[Variant]:
    """Read the variants."""
    for part in fields.parts("variants", 2, MAX_VARIANTS):
        key = part.key("key") or ""
        yield Variant(
            key=key,
            title=part.text("title", key) or key,
            weight=part.integer("weight", 0, BUCKETS),
            payloads=_read_payloads(part),
        )
        part.no_more()


def _read_payloads(part: Fields) -> dict[str, Any]:
    """Read the payload of each channel: any JSON, bounded in size and depth."""
    payloads = part.mapping("payloads", 100)
    faults = list(check_json(payloads, part.where("payloads")))
    part.problems.extend(faults)
    if faults:
        return {}
    size = len(msgspec.json.encode(payloads))
    if size > MAX_PAYLOAD_BYTES:
        part.fault(
            "payloads", f"are {size} bytes of JSON; at most {MAX_PAYLOAD_BYTES} are served", "too_large"
        )
    return payloads


def _check_variants(fields: Fields, variants: tuple[Variant, ...]) -> None:
    """Check what the variants must be together."""
    if not variants:
        return
    total = sum(variant.weight for variant in variants)
    if total != BUCKETS:
        message = f"the weights sum to {total}; they are shares of {BUCKETS} and must sum to {BUCKETS}"
        fields.fault("variants", message, "bad_weights")
    if variants[0].weight == 0:
        fields.fault("variants[0].weight", "is 0; control is the baseline and needs customers", "bad_weights")
    keys = [variant.key for variant in variants]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            fields.fault(f"variants[{index}].key", f"{show(key)} is used twice", "duplicate_variant")


def _read_targeting(fields: Fields) -> dict[str, Any] | None:
    """Read the targeting rule."""
    rule: dict[str, Any] | None = fields.value("targeting", None)
    if rule is not None:
        check_rule(rule, fields)
    return rule


def _read_overrides(fields: Fields, variants: set[str]) -> dict[str, str]:
    """Read the units that always get one variant."""
    overrides = fields.mapping("overrides", MAX_OVERRIDES)
    for unit, variant in overrides.items():
        if not 1 <= len(unit) <= MAX_UNIT or unstorable(unit):
            fields.fault("overrides", f"{show(unit)} is not a unit of 1 to {MAX_UNIT} characters", "bad_unit")
        if not isinstance(variant, str) or variant not in variants:
            where = f"overrides.{unit[:MAX_TITLE]}"
            fields.fault(where, f"{show(variant)} is not a variant of this experiment", "unknown_variant")
    return overrides


def _read_metrics(fields: Fields) -> Iterator[MetricUse]:
    """Read which metrics are watched, and as what."""
    for part in fields.parts("metrics", 1, MAX_METRICS):
        role = part.choice("role", ROLES)
        margin = part.share("margin", None, 0.0, 10.0 if part.document.get("scale") != SCALES[1] else 1e9)
        if role == "guardrail" and part.document.get("margin") is None:
            message = "is missing; say what share the guardrail may lose, such as 0.05"
            part.fault("margin", message, "required")
        if role != "guardrail" and margin is not None:
            part.fault("margin", f"has no meaning for role {role}; remove it", "not_used")
        scale = part.choice("scale", SCALES, SCALES[0])
        if role != "guardrail" and part.document.get("scale") is not None:
            part.fault("scale", f"has no meaning for role {role}; remove it", "not_used")
        yield MetricUse(metric=part.key("metric") or "", role=role or "", margin=margin, scale=scale)
        part.no_more()


def _check_roles(fields: Fields, metrics: tuple[MetricUse, ...]) -> None:
    """Check that exactly one metric decides and that none stands twice."""
    primaries = [use.metric for use in metrics if use.role == "primary"]
    if metrics and len(primaries) != 1:
        seen = ", ".join(primaries) or "none"
        message = f"needs exactly one metric of role primary, has {len(primaries)} ({seen})"
        fields.fault("metrics", message, "one_primary")
    keys = [use.metric for use in metrics]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            fields.fault(f"metrics[{index}].metric", f"{show(key)} is listed twice", "duplicate_metric")


def _read_grace(fields: Fields) -> str | None:
    """Read the exposure grace: a duration; 0 and null mean none."""
    if fields.document.get("exposure_grace") in (0, "0") and fields.document["exposure_grace"] is not False:
        fields.value("exposure_grace", None)
        return None
    return fields.duration("exposure_grace", None)


def _read_prediction(fields: Fields) -> Prediction | None:
    """Read the structured hypothesis; it speaks of a metric of this experiment."""
    document = fields.value("prediction", None)
    if document is None:
        return None
    prediction: Prediction | None = fields.collect("prediction", parse_prediction, document)
    uses = fields.document.get("metrics")
    known = [use.get("metric") for use in uses if isinstance(use, dict)] if isinstance(uses, list) else []
    if prediction is not None and prediction.metric not in known:
        message = f"{show(prediction.metric)} is not among the metrics of this experiment"
        fields.fault("prediction.metric", message, "unknown_metric")
    return prediction


def _read_schedule(fields: Fields) -> Schedule | None:
    """Read the schedule; its ramp opens up to what is included."""
    document = fields.value("schedule", None)
    if document is None:
        return None
    included = fields.document.get("included")
    most = included if isinstance(included, int) and not isinstance(included, bool) else BUCKETS
    found: Schedule | None = fields.collect("schedule", lambda each: parse_schedule(each, most), document)
    return found


def _check_rule(fields: Fields, experiment: ExperimentDefinition) -> None:
    """Check that a rule has what it judges by: a margin, or an effect that the power is planned for."""
    if experiment.decision_rule == NON_INFERIORITY and fields.document.get("goal_margin") is None:
        fields.fault("goal_margin", "is missing; say what share the goal may lose, such as 0.02", "required")
    if experiment.decision_rule != NON_INFERIORITY and experiment.goal_margin is not None:
        message = (
            f"has no meaning for the rule {experiment.decision_rule}; remove it, or choose {NON_INFERIORITY}"
        )
        fields.fault("goal_margin", message, "not_used")
    if experiment.decision_rule == DO_NO_HARM and experiment.min_effect is None:
        message = (
            "is missing; no harm counts only where a change of this size would have been seen, such as 0.02"
        )
        fields.fault("min_effect", message, "required")


def _check_kind(fields: Fields, experiment: ExperimentDefinition) -> None:
    """Refuse what says how to serve where nothing is served, and a difference where nothing may differ."""
    if experiment.kind == AA:
        _check_sameness(fields, experiment.variants)
    if experiment.kind != ANALYSIS_ONLY:
        return
    for name in ("layer", "holdouts", "targeting", "overrides", "schedule"):
        if getattr(experiment, name):
            message = f"has no meaning for kind {ANALYSIS_ONLY}: nothing is served; remove it"
            fields.fault(name, message, "not_used")


def _check_sameness(fields: Fields, variants: tuple[Variant, ...]) -> None:
    """Refuse payloads that differ from those of control: what an A/A test finds would be no fault of the pipeline."""
    for index, variant in enumerate(variants[1:], start=1):
        for channel in sorted({*variants[0].payloads, *variant.payloads}):
            given, wanted = variant.payloads.get(channel), variants[0].payloads.get(channel)
            if msgspec.json.encode(given, order="sorted") != msgspec.json.encode(wanted, order="sorted"):
                message = (
                    f"is {show(given)}, and control gets {show(wanted)}; in an A/A test everybody gets the same: "
                    "give both the same payload, or make it kind ab"
                )
                fields.fault(f"variants[{index}].payloads.{channel}", message, "differs")
