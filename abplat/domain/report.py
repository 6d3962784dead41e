"""The Report: what an analysis says, frozen. Pages, the API and exports only render it.

A Report is a pure function of (facts, definitions, ``as_of``): the same inputs give the same
bytes. Where a number cannot be computed the number is ``None`` and ``reason`` names why; there
is no placeholder, no NaN and no infinity.
"""

from __future__ import annotations

import hashlib

import msgspec

from abplat.domain.report_base import Frozen
from abplat.domain.report_breakdowns import BreakdownsSection
from abplat.domain.report_conflicts import ConflictSection
from abplat.domain.report_estimates import EstimatesSection
from abplat.domain.report_evidence import EvidenceSection
from abplat.domain.report_identity import IdentitySection
from abplat.domain.report_links import LinkSection
from abplat.domain.report_maturity import MaturitySection
from abplat.domain.report_observations import ObservationFacts
from abplat.domain.report_paths import PathsSection
from abplat.domain.report_samples import SampleSection
from abplat.domain.report_scores import ScoreFacts

SCHEMA_VERSION = 1


class VariantFacts(Frozen, frozen=True, kw_only=True):
    """One arm as it was planned and as it was met by customers."""

    key: str
    title: str
    weight: int
    is_control: bool
    n_exposed: int
    n_mature: int
    """Exposed customers whose horizon has passed: the denominator of every metric."""
    n_crossover: int
    """Exposed customers who met more than one variant."""
    n_clusters: int | None = None
    """Groups that were drawn and met; None where customers were drawn."""


class StageFacts(Frozen, frozen=True, kw_only=True):
    """One stage of the journey."""

    key: str
    title: str
    optional: bool
    moment_of_truth: bool
    department: str | None


class JourneyFacts(Frozen, frozen=True, kw_only=True):
    """The version of the journey definition that was used."""

    key: str
    version: int
    title: str
    owner: str
    window: str
    stages: tuple[StageFacts, ...]


class ExperimentFacts(Frozen, frozen=True, kw_only=True):
    """The experiment as it was frozen at its start."""

    key: str
    title: str
    owner: str
    hypothesis: str
    state: str
    started_at: str | None
    stopped_at: str | None
    unit_type: str
    channels: tuple[str, ...]
    kind: str = "ab"
    """ab, or aa where nothing differs between the arms."""
    horizon: str
    alpha: float
    min_effect: float | None = None
    """Smallest relative effect worth acting on."""
    planned_end: str | None = None
    decision_rule: str = "clear_signals"
    """clear_signals, do_no_harm or non_inferiority: what it takes to ship."""
    goal_margin: float | None = None
    """By which share the goal may be worse under the rule of non-inferiority."""
    variants: tuple[VariantFacts, ...]


class Inputs(Frozen, frozen=True, kw_only=True):
    """Everything that the numbers depend on, so that they can be made again."""

    as_of: str
    data_through: str | None
    """Time of the youngest fact seen."""
    definitions_hash: str
    """SHA-256 over experiment, journey and metric definitions."""
    fact_versions: dict[str, int]
    """Delta table version read, per kind of fact; empty since the counts below say what was read."""
    fact_counts: dict[str, int] = msgspec.field(default_factory=dict)
    """Facts that existed as of the instant, per kind: the same whenever the report is made again."""
    n_events: int
    n_customers: int
    n_journeys: int
    code_version: str


class Finding(Frozen, frozen=True, kw_only=True):
    """One check of the experiment itself, passed or not."""

    code: str
    """For example sample_ratio, crossover, no_exposures, shared_ids, conflict, denominator_moved."""
    severity: str
    """pass, info, warning or block. A block withholds every verdict."""
    title: str
    detail: str
    evidence: dict[str, float | int | str | None] = msgspec.field(default_factory=dict)
    action: str = ""
    """What to do about it, in one sentence."""


class VariantValue(Frozen, frozen=True, kw_only=True):
    """A metric in one arm."""

    variant: str
    n: int
    total: float | None
    """Sum over customers: the numerator."""
    value: float | None
    reason: str | None = None


class Effect(Frozen, frozen=True, kw_only=True):
    """One variant against control. ``effect`` is in the unit of the metric, ``rel_effect`` a share."""

    variant: str
    effect: float | None
    se: float | None
    ci_lower: float | None
    ci_upper: float | None
    rel_effect: float | None
    rel_ci_lower: float | None
    rel_ci_upper: float | None
    p_value: float | None
    verdict: str
    """better, worse, inconclusive, too_early, not_trusted, not_computable or descriptive."""
    method: str
    reason: str | None = None
    rel_reason: str | None = None


class MetricResult(Frozen, frozen=True, kw_only=True):
    """One row of the metric table."""

    key: str
    title: str
    kind: str
    role: str
    """primary, guardrail, secondary or touchpoint."""
    direction: str
    """up or down: which way is good."""
    unit: str
    """share, count, seconds or value."""
    margin: float | None
    """Non-inferiority margin of a guardrail, positive, on ``margin_scale``."""
    values: tuple[VariantValue, ...]
    effects: tuple[Effect, ...]
    margin_scale: str = "relative"
    """relative: a share of control; absolute: an amount in ``unit``."""
    denominator: str = "N"
    """Over whom; N stands for the exposed mature customers of an arm."""
    is_descriptive: bool = False
    """Whether it compares people whom the treatment itself has selected: numbers, never a verdict."""


class LinkEffect(Frozen, frozen=True, kw_only=True):
    """One link of the chain: exposed to first stage, then stage to stage."""

    source: str
    target: str
    control_rate: float | None
    treatment_rate: float | None
    log_ratio: float | None
    log_ratio_se: float | None
    points: float | None
    """Shapley contribution to the difference in completion, as a share (0.01 is one point)."""
    points_ci_lower: float | None
    points_ci_upper: float | None
    points_lmdi: float | None
    reason: str | None = None


class LinkDecomposition(Frozen, frozen=True, kw_only=True):
    """The total effect on completion, accounted for link by link."""

    variant: str
    control_counts: tuple[int, ...]
    """n_0 exposed, then customers reaching each required stage."""
    treatment_counts: tuple[int, ...]
    difference: float | None
    ci_lower: float | None
    ci_upper: float | None
    log_ratio: float | None
    log_ratio_se: float | None
    links: tuple[LinkEffect, ...]
    caption: str
    reason: str | None = None


class Conflict(Frozen, frozen=True, kw_only=True):
    """One touchpoint metric held against the journey."""

    variant: str
    metric: str
    state: str
    """journey_win, journey_harm, conflict, local_win_only or nothing_shown."""
    p_value: float | None
    p_holm: float | None
    sentence: str


class SurvivalCurve(Frozen, frozen=True, kw_only=True):
    """Kaplan-Meier curve of time to complete, in seconds since exposure."""

    variant: str
    times: tuple[float, ...]
    survival: tuple[float, ...]
    ci_lower: tuple[float, ...]
    ci_upper: tuple[float, ...]
    at_risk: tuple[int, ...]
    n_events: int
    n_censored: int
    rmst: float | None
    median: float | None
    """None where fewer than half complete."""
    tau: float


class StageChannel(Frozen, frozen=True, kw_only=True):
    """A cell of the journey map: customers of one arm who reached a stage in a channel."""

    variant: str
    stage: str
    channel: str
    n: int


class HandOff(Frozen, frozen=True, kw_only=True):
    """An arrow of the journey map: journeys of one arm that crossed a link between channels."""

    variant: str
    source: str
    target: str
    from_channel: str
    to_channel: str
    n: int
    median_seconds: float | None


class Ending(Frozen, frozen=True, kw_only=True):
    """How the journeys of one arm ended."""

    variant: str
    status: str
    """completed, abandoned, aborted, superseded or open."""
    next_stage: str | None
    n: int


class JourneyMap(Frozen, frozen=True, kw_only=True):
    """Where customers walked, per arm: counts only."""

    stages: tuple[StageChannel, ...]
    hand_offs: tuple[HandOff, ...]
    endings: tuple[Ending, ...]


class Verdict(Frozen, frozen=True, kw_only=True):
    """The decision on one variant, in words, with the rule that fired."""

    variant: str
    code: str
    """not_trusted, rollback, conflict, ship, ship_neutral, extend, stop_no_effect, inconclusive."""
    word: str
    """Better, Worse, Inconclusive, Too early or Not trusted."""
    sentence: str
    """What to do."""
    why: str
    """Why, with three numbers."""
    reasons: tuple[str, ...]
    rule: str
    """The rule of the verdict table that fired."""
    may_ship: bool


class Report(Frozen, frozen=True, kw_only=True):
    """Everything one analysis found."""

    schema_version: int = SCHEMA_VERSION
    project: str
    experiment: ExperimentFacts
    journey: JourneyFacts
    inputs: Inputs
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    metrics: tuple[MetricResult, ...]
    links: tuple[LinkDecomposition, ...]
    conflicts: tuple[Conflict, ...]
    survival: tuple[SurvivalCurve, ...]
    journey_map: JourneyMap
    observations: tuple[ObservationFacts, ...] = ()
    link_detail: LinkSection | None = None
    conflict_scan: ConflictSection | None = None
    scores: tuple[ScoreFacts, ...] = ()
    identity: IdentitySection | None = None
    maturity: MaturitySection | None = None
    paths: PathsSection | None = None
    breakdowns: BreakdownsSection | None = None
    evidence: EvidenceSection | None = None
    samples: SampleSection | None = None
    estimates: EstimatesSection | None = None


def encode_report(report: Report) -> bytes:
    """Write a Report as canonical JSON: the same Report gives the same bytes."""
    return msgspec.json.encode(report, order="deterministic")


def decode_report(document: bytes) -> Report:
    """Read a Report back from its JSON."""
    return msgspec.json.decode(document, type=Report)


def hash_report(document: bytes) -> str:
    """Return the SHA-256 of a Report's JSON, by which it is named and checked."""
    return hashlib.sha256(document).hexdigest()
