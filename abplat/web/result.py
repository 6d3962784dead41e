"""The result page as plain values, made from a Report and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from markupsafe import Markup

from abplat.clock import parse_instant
from abplat.domain.report import Finding, Report, Verdict
from abplat.errors import InvalidInputError
from abplat.web import wording
from abplat.web.charts import forest
from abplat.web.conflicts import ConflictPanel, list_conflict_panels
from abplat.web.link_rows import LinkTable, list_link_tables, variant_title
from abplat.web.metric_rows import Block, EffectRow, is_withheld, list_blocks
from abplat.web.path_map import PathMap, make_map
from abplat.web.timing import Endings, Timing, make_endings, make_timing

Facts = tuple[tuple[str, str], ...]
"""Pairs of a name and its value, in order."""


@dataclass(frozen=True, slots=True)
class Banner:
    """The decision on one variant."""

    variant: str
    word: wording.Word
    sentence: str
    why: str
    reasons: tuple[str, ...]
    rule: str


@dataclass(frozen=True, slots=True)
class HealthCard:
    """One check of the experiment itself."""

    word: wording.Word
    title: str
    detail: str
    action: str
    evidence: Facts


@dataclass(frozen=True, slots=True)
class Arm:
    """One variant as it was met."""

    title: str
    is_control: bool
    weight: str
    exposed: str
    mature: str
    crossover: str


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The metric table: blocks, the shared axis and one picture per row."""

    blocks: tuple[Block, ...]
    axis: Markup
    pictures: dict[tuple[str, str], Markup]
    has_many_variants: bool

    def picture(self, row: EffectRow) -> Markup:
        """Return the interval of a row."""
        return self.pictures[row.key, row.variant]


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Everything that the result page shows."""

    title: str
    state: wording.Word
    facts: Facts
    banners: tuple[Banner, ...]
    withheld: bool
    health: tuple[HealthCard, ...]
    hypothesis: str
    planned: Facts
    arms: tuple[Arm, ...]
    scorecard: Scorecard
    conflicts: tuple[ConflictPanel, ...]
    links: tuple[LinkTable, ...]
    maps: tuple[PathMap, ...]
    timing: Timing | None
    endings: Endings | None
    inputs: Facts
    has_exposures: bool


def make_page(report: Report, report_hash: str) -> ResultPage:
    """Turn a Report into the page's values."""
    treatments = [arm for arm in report.experiment.variants if not arm.is_control]
    maps = (make_map(report, arm.key, arm.title) for arm in treatments)
    return ResultPage(
        title=report.experiment.title,
        state=wording.say_word(wording.STATES, report.experiment.state),
        facts=_head_facts(report),
        banners=list_banners(report),
        withheld=is_withheld(report),
        health=tuple(_health(finding) for finding in _by_weight(report.findings)),
        hypothesis=report.experiment.hypothesis,
        planned=_planned(report),
        arms=_arms(report),
        scorecard=make_scorecard(report),
        conflicts=list_conflict_panels(report),
        links=list_link_tables(report),
        maps=tuple(map_ for map_ in maps if map_ is not None),
        timing=make_timing(report),
        endings=make_endings(report),
        inputs=_input_facts(report, report_hash),
        has_exposures=any(arm.n_exposed for arm in report.experiment.variants),
    )


def list_banners(report: Report) -> tuple[Banner, ...]:
    """Return one decision per variant; a finding that blocks takes the word away."""
    return tuple(_banner(report, verdict) for verdict in report.verdicts)


def _banner(report: Report, verdict: Verdict) -> Banner:
    """Say one decision."""
    name = variant_title(report, verdict.variant)
    block = next((finding for finding in report.findings if finding.severity == "block"), None)
    if block is None or verdict.code == "not_trusted":
        word = wording.say_word(wording.DECISIONS, verdict.code)
        return Banner(name, word, verdict.sentence, verdict.why, verdict.reasons, verdict.rule)
    sentence = "Do not act on these numbers: a check that they rest on has failed."
    word = wording.DECISIONS["not_trusted"]
    return Banner(
        name, word, sentence, block.title, (block.detail,), "not_trusted: a finding blocks every verdict"
    )


def _by_weight(findings: tuple[Finding, ...]) -> list[Finding]:
    """Put what must be read first in front."""
    order = {"block": 0, "warning": 1, "info": 2, "pass": 3}
    return sorted(findings, key=lambda finding: order.get(finding.severity, 2))


def _health(finding: Finding) -> HealthCard:
    """Say one finding."""
    evidence = tuple(
        (wording.humanise(key), _say_evidence(key, value)) for key, value in finding.evidence.items()
    )
    word = wording.say_word(wording.SEVERITIES, finding.severity)
    return HealthCard(word, finding.title, finding.detail, finding.action, evidence)


def _say_evidence(key: str, value: float | str | None) -> str:
    """Say one piece of evidence."""
    if value is None or isinstance(value, str):
        return value or wording.DASH
    if key.startswith("p_"):
        return wording.p_value(float(value))
    if key == "share" or key.endswith("_share"):
        return wording.percent(value)
    return (
        wording.count(value) if isinstance(value, int) else wording.number(value, 4 if abs(value) < 1 else 2)
    )


def _head_facts(report: Report) -> Facts:
    """Return what stands under the title."""
    facts = report.experiment
    channels = ", ".join(wording.humanise(channel) for channel in facts.channels)
    started = wording.instant(facts.started_at)
    return (
        ("Journey", report.journey.title),
        ("Owner", facts.owner or "nobody yet"),
        ("Started", started + _running(report)),
        ("Customers so far", wording.count(sum(arm.n_exposed for arm in facts.variants))),
        ("Channels", channels or "none yet"),
        (
            "Randomised by",
            {"cust": "customer"}.get(facts.unit_type, wording.humanise(facts.unit_type).lower()),
        ),
    )


def _running(report: Report) -> str:
    """Say for how long the experiment has run."""
    facts = report.experiment
    try:
        start = parse_instant(facts.started_at or "")
        end = parse_instant(facts.stopped_at or report.inputs.as_of)
    except InvalidInputError:
        return ""
    days = (end - start) / timedelta(days=1)
    return f" ({wording.number(days, 0 if days >= 10 else 1)} days)" if days >= 0 else ""


def _planned(report: Report) -> Facts:
    """Return what was fixed before the start."""
    planned_end, min_effect = report.experiment.planned_end, report.experiment.min_effect
    names = {role: [m.title for m in report.metrics if m.role == role] for role in ("primary", "guardrail")}
    guardrails = [
        m.title + (f" (margin {wording.level(m.margin)})" if m.margin is not None else "")
        for m in report.metrics
        if m.role == "guardrail"
    ]
    return (
        ("Goal", ", ".join(names["primary"]) or "none"),
        ("Guardrails", "; ".join(guardrails) or "none"),
        ("Each customer is watched for", wording.span(report.experiment.horizon)),
        *([("Planned end", wording.instant(planned_end))] if planned_end else []),
        *([("Smallest change worth acting on", wording.level(min_effect))] if min_effect else []),
        ("Level of the test", wording.level(report.experiment.alpha)),
    )


def _arms(report: Report) -> tuple[Arm, ...]:
    """Return the variants as they were met."""
    whole = sum(arm.weight for arm in report.experiment.variants) or 1
    return tuple(
        Arm(
            title=arm.title or arm.key,
            is_control=arm.is_control,
            weight=wording.percent(arm.weight / whole, digits=0),
            exposed=wording.count(arm.n_exposed),
            mature=wording.count(arm.n_mature),
            crossover=wording.count(arm.n_crossover),
        )
        for arm in report.experiment.variants
    )


def make_scorecard(report: Report) -> Scorecard:
    """Draw every interval on one axis."""
    blocks = list_blocks(report)
    rows = [row for block in blocks for row in block.rows]
    axis = forest.axis_of([row.bar for row in rows if row.bar])
    pictures = {
        (row.key, row.variant): forest.draw_bar(axis, row.bar, row.sentence)
        if row.bar
        else forest.draw_ground(axis, row.sentence)
        for row in rows
    }
    many = sum(not arm.is_control for arm in report.experiment.variants) > 1
    return Scorecard(blocks, forest.draw_axis(axis), pictures, many)


def _input_facts(report: Report, report_hash: str) -> Facts:
    """Return all that the numbers depend on."""
    inputs = report.inputs
    tables = ", ".join(f"{kind} {version}" for kind, version in sorted(inputs.fact_versions.items()))
    read = ", ".join(f"{kind} {wording.count(n)}" for kind, n in sorted(inputs.fact_counts.items()))
    return (
        ("As of", wording.instant(inputs.as_of)),
        ("Youngest fact", wording.instant(inputs.data_through)),
        ("Events read", wording.count(inputs.n_events)),
        ("Customers", wording.count(inputs.n_customers)),
        ("Journeys", wording.count(inputs.n_journeys)),
        ("Journey definition", f"{report.journey.key}, version {report.journey.version}"),
        ("Facts read", read) if read else ("Versions of the facts", tables or "no facts yet"),
        ("Definitions", inputs.definitions_hash),
        ("This report", report_hash),
        ("Code", f"abplat {inputs.code_version}"),
    )
