"""The result page as plain values, made from a Report and from nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from abplat.clock import parse_instant
from abplat.domain.report import Report, Verdict
from abplat.errors import InvalidInputError
from abplat.web import wording
from abplat.web.health import HealthCard, list_cards
from abplat.web.link_rows import variant_title
from abplat.web.looks import LiftPanel, make_lifts
from abplat.web.metric_rows import is_withheld
from abplat.web.report_sources import Record
from abplat.web.result_words import HistoryRow, list_history
from abplat.web.scorecard import Scorecard, make_scorecard
from abplat.web.similar import SimilarRow, list_similar
from abplat.web.totals import Totals, make_totals
from abplat.web.view_options import ViewOptions

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
class Arm:
    """One variant as it was met."""

    title: str
    is_control: bool
    weight: str
    exposed: str
    mature: str
    crossover: str


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
    lifts: tuple[LiftPanel, ...]
    totals: tuple[Totals, ...]
    history: tuple[HistoryRow, ...]
    similar: tuple[SimilarRow, ...]
    inputs: Facts
    as_of: str
    hash: str
    has_exposures: bool


def make_page(
    report: Report, report_hash: str, record: Record | None = None, options: ViewOptions | None = None
) -> ResultPage:
    """Turn a Report, and what is known of the life of its experiment, into the page's values."""
    record = record or Record()
    return ResultPage(
        title=report.experiment.title,
        state=wording.say_word(wording.STATES, report.experiment.state),
        facts=_head_facts(report),
        banners=list_banners(report),
        withheld=is_withheld(report),
        health=list_cards(report, record.board),
        hypothesis=report.experiment.hypothesis,
        planned=_planned(report),
        arms=_arms(report),
        scorecard=make_scorecard(report, options),
        lifts=make_lifts(report, record),
        totals=make_totals(report),
        history=list_history(record, report_hash),
        similar=list_similar(record),
        inputs=_input_facts(report, report_hash),
        as_of=wording.instant(report.inputs.as_of),
        hash=report_hash,
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
        *([("Decision due", wording.instant(facts.planned_end))] if facts.planned_end else []),
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
