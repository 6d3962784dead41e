"""The frozen plan of an analysis: what was decided before a number was seen."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from abplat.analysis.registry import Registry, default_dimensions, list_attributes, read_registry
from abplat.clock import format_instant, parse_duration, to_micros
from abplat.domain.experiments import CLUSTER_TYPES
from abplat.domain.metric_kinds import find_kind
from abplat.errors import InvalidInputError

_MICROS = 1_000_000
Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedVariant:
    """One arm."""

    key: str
    title: str
    weight: int


@dataclass(frozen=True, slots=True)
class PlannedMetric:
    """One metric with the role it has in this experiment."""

    key: str
    title: str
    kind: str
    role: str
    direction: str
    margin: float | None = None
    journey: str = ""
    """Key of the journey it counts on."""
    stage: str | None = None
    measure: str = "customers"
    match: tuple[Document, ...] | None = None

    detail: Document = field(default_factory=dict)
    """The definition, for what only some kinds have."""
    scale: str = "relative"
    """Whether the margin is a share of control or an amount in the unit of the metric."""
    parts: tuple[tuple[float, PlannedMetric], ...] = ()
    """Weights and metrics of a composite."""

    @property
    def unit(self) -> str:
        """What a value of the metric is counted in."""
        return find_kind(self.kind).unit_of(self.measure if find_kind(self.kind).measures else None)

    @property
    def is_descriptive(self) -> bool:
        """Whether it compares people whom the treatment itself has selected, and so never gets a verdict."""
        return find_kind(self.kind).is_descriptive

    def micros(self, name: str) -> int | None:
        """Return a duration of the definition in microseconds."""
        return _micros(self.detail.get(name), name)


@dataclass(frozen=True, slots=True)
class AnalysisPlan:
    """Experiment, journey and metrics as they were frozen at the start."""

    project: str
    experiment: Document
    journey: Document
    journeys: Mapping[str, Document]
    """Every journey that a metric counts on, by key; the experiment's own is among them."""
    variants: tuple[PlannedVariant, ...]
    metrics: tuple[PlannedMetric, ...]
    horizon_us: int
    grace_us: int
    alpha: float
    state: str = "running"
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    journey_version: int = 1
    min_effect: float | None = None
    decide_after_us: int | None = None
    channels: tuple[str, ...] = field(default=())
    definitions_hash: str = ""
    kind: str = "ab"
    is_clustered: bool = False
    """Whether a unit is a group of people that is drawn, and so counted, as a whole."""
    phase: int = 1
    counts_from_us: int | None = None
    """Customers first exposed before this belong to an earlier phase; None where there is none."""
    counts_from_phase: int = 1
    """The first phase that drew customers as the present one does."""
    deviations: tuple[str, ...] = ()
    observations: tuple[Document, ...] = ()
    """What was observed beside the experiment; no number of it enters an estimate."""
    mask: str = ""
    """The secret that makes codes of ids; empty for plans frozen before there was one."""
    registry: Registry = field(default_factory=Registry)
    """What the project knew beside the experiment: touchpoints, segments, personas."""

    @property
    def dimensions(self) -> tuple[tuple[str, ...], ...]:
        """By what the effect is broken down: as planned, or by what every project has."""
        planned = self.experiment.get("breakdowns") or ()
        return tuple(tuple(item) for item in planned) or default_dimensions(self.registry)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that must be known to tell the groups of the breakdowns."""
        names = tuple(dict.fromkeys(name for item in self.dimensions for name in item))
        return list_attributes(self.registry.rules, names)

    @property
    def control(self) -> PlannedVariant:
        """The first variant: the one that the others are compared with."""
        return self.variants[0]

    @property
    def is_aa(self) -> bool:
        """Whether nothing differs between the arms: a test of the pipeline."""
        return self.experiment.get("kind") == "aa"

    @property
    def planned_end(self) -> datetime | None:
        """When the planned run time is over."""
        if self.started_at is None or self.decide_after_us is None:
            return None
        return self.started_at + timedelta(microseconds=self.decide_after_us)

    @property
    def primary(self) -> PlannedMetric:
        """The metric that decides."""
        return next(metric for metric in self.metrics if metric.role == "primary")


def make_plan(  # noqa: PLR0913  all but the first by name
    frozen: Document,
    *,
    state: str = "running",
    started_at: datetime | None = None,
    stopped_at: datetime | None = None,
    phases: Sequence[Document] = (),
    deviations: Sequence[str] = (),
    observations: Sequence[Document] = (),
    registry: Document | None = None,
) -> AnalysisPlan:
    """Read a frozen plan, as ``services.experiments.get_plan`` returns it.

    The present phase is judged: its weights are those the split is held against, and only customers
    first exposed since it began to count belong to it. Whoever was exposed under other weights or
    another salt is left out, because nothing was drawn for them in this phase.

    Args:
        frozen: ``project``, ``experiment``, ``journey`` and ``journeys`` (each with key, version and
            document) and ``metrics`` by key.
        state: State of the experiment now.
        started_at: When it started; None where it never did, as with imported results.
        stopped_at: When it stopped.
        phases: Phases up to the instant of the analysis, oldest first: ``number``, ``weights`` and
            ``counts_from``; none stands for the plan as it is.
        deviations: What was done otherwise than planned, a sentence each.
        observations: Evidence items and external series that are attached.
        registry: Touchpoints, segments and personas of the project as of the analysis.

    Raises:
        InvalidInputError: If the documents do not fit together.
    """
    experiment, journey = frozen["experiment"], frozen["journey"]
    metrics = tuple(_metric(item, frozen["metrics"], experiment["journey"]) for item in experiment["metrics"])
    if sum(metric.role == "primary" for metric in metrics) != 1:
        raise InvalidInputError.at("metrics", "needs exactly one primary metric", "one_primary")
    weights = phases[-1]["weights"] if phases else {}
    known = read_registry(registry or {})
    journeys = {key: found["document"] for key, found in frozen["journeys"].items()}
    return AnalysisPlan(
        project=frozen["project"],
        experiment=experiment,
        journey=journey["document"],
        journeys={journey["key"]: journey["document"], **journeys},
        variants=tuple(
            PlannedVariant(
                key=item["key"],
                title=item.get("title") or item["key"],
                weight=int(weights.get(item["key"], item["weight"])),
            )
            for item in experiment["variants"]
        ),
        metrics=metrics,
        horizon_us=_micros(experiment["horizon"], "horizon") or 0,
        grace_us=_micros(experiment.get("exposure_grace"), "exposure_grace") or 0,
        alpha=float(experiment.get("alpha", 0.05)),
        state=state,
        started_at=started_at,
        stopped_at=stopped_at,
        journey_version=int(journey["version"]),
        min_effect=experiment.get("min_effect"),
        decide_after_us=_micros(experiment.get("decide_after"), "decide_after"),
        channels=_payload_channels(experiment),
        definitions_hash=hash_definitions(frozen, phases, known),
        kind=experiment.get("kind") or "ab",
        is_clustered=experiment.get("unit_type") in CLUSTER_TYPES,
        phase=phases[-1]["number"] if phases else 1,
        counts_from_us=_counts_from(phases),
        counts_from_phase=_counts_from_phase(phases),
        deviations=tuple(deviations),
        observations=tuple(observations),
        mask=str(frozen.get("mask") or ""),
        registry=known,
    )


def hash_definitions(
    frozen: Document, phases: Sequence[Document] = (), registry: Registry | None = None
) -> str:
    """Return the SHA-256 over all that numbers depend on, whatever the order of fields.

    That is experiment, journeys and metrics, the phases where there is more than the first, and
    what the registry holds.
    """
    document = {name: frozen[name] for name in ("experiment", "journey", "journeys", "metrics")}
    if len(phases) > 1:
        document["phases"] = [
            [phase["number"], phase["weights"], to_micros(phase["counts_from"])] for phase in phases
        ]
    known = registry.as_document() if registry else {}
    if known:
        document["registry"] = known
    return hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()


def _counts_from(phases: Sequence[Document]) -> int | None:
    """Return the instant from which customers count; None where no phase drew them anew."""
    if not phases or phases[-1]["counts_from"] == phases[0]["counts_from"]:
        return None
    return to_micros(phases[-1]["counts_from"])


def _counts_from_phase(phases: Sequence[Document]) -> int:
    """Return the number of the first phase that counts from the same instant as the last."""
    if not phases:
        return 1
    since = phases[-1]["counts_from"]
    return min(int(phase["number"]) for phase in phases if phase["counts_from"] == since)


def _payload_channels(experiment: Document) -> tuple[str, ...]:
    """Return the channels that a variant says something in."""
    return tuple(
        sorted({channel for item in experiment["variants"] for channel in item.get("payloads") or ()})
    )


def _metric(item: Document, definitions: Mapping[str, Document], journey: str) -> PlannedMetric:
    """Join a metric's definition with its role."""
    key = item["metric"]
    if key not in definitions:
        raise InvalidInputError.at(
            "metrics", f"no metric is named {key!r}; define it first", "unknown_metric"
        )
    found = definitions[key]
    match, kind = found.get("match"), find_kind(found["kind"])
    return PlannedMetric(
        key=key,
        title=found.get("title") or key,
        kind=kind.key,
        role=item.get("role", "secondary"),
        direction=found.get("direction") or kind.direction,
        margin=item.get("margin"),
        journey=found.get("journey") or journey,
        stage=found.get("stage"),
        measure=found.get("measure") or (kind.measures[0] if kind.measures else "customers"),
        match=tuple(match) if match else None,
        detail=found,
        scale=item.get("scale") or "relative",
        parts=tuple(
            (float(part["weight"]), _metric({"metric": part["metric"]}, definitions, journey))
            for part in found.get("parts") or ()
        ),
    )


def _micros(text: str | int | None, path: str) -> int | None:
    """Return a duration in microseconds; 0 stands for none at all."""
    if text is None or text == 0:
        return None
    return int(parse_duration(str(text), path).total_seconds()) * _MICROS


def describe_instant(value: datetime | None) -> str | None:
    """Write an instant that may be missing."""
    return None if value is None else format_instant(value)
