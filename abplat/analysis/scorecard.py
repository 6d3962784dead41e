"""The scorecard: gathered facts in, a frozen Report out.

A Report is a pure function of facts, plan and ``as_of``; nothing here reads a clock, and nothing
depends on the order in which a set or a table was walked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from datetime import datetime
from functools import partial

import msgspec
import numpy as np

from abplat import __version__
from abplat.analysis.breakdown_findings import breakdown_findings
from abplat.analysis.breakdowns import break_down
from abplat.analysis.cluster_effects import count_drawn
from abplat.analysis.conflicts import scan_conflicts, scan_findings
from abplat.analysis.effects import MeasuredMetric, Standing, adjust_family, measure_metric
from abplat.analysis.estimates import list_estimates
from abplat.analysis.evidence import list_queries
from abplat.analysis.findings import collect_findings, conflict_findings, rank
from abplat.analysis.flag_findings import flag_findings
from abplat.analysis.gather import gather, prepare
from abplat.analysis.gathered import Gathered
from abplat.analysis.identity_checks import check_identity
from abplat.analysis.journeymap import draw_journey_map
from abplat.analysis.links import decompose, describe_links
from abplat.analysis.maturity import describe_maturity
from abplat.analysis.maturity_findings import maturity_findings
from abplat.analysis.observations import list_observations
from abplat.analysis.path_findings import path_findings
from abplat.analysis.paths import draw_paths
from abplat.analysis.plan import AnalysisPlan, PlannedMetric, describe_instant
from abplat.analysis.scores import agree_with_ranks, describe_scores, score_findings
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.strata import check_strata, strata_findings
from abplat.analysis.survival import draw_curves
from abplat.analysis.verdict import decide, hold_against_journey, is_final
from abplat.clock import format_instant, from_micros, to_micros
from abplat.config import Settings
from abplat.domain.experiments import CLEAR_SIGNALS
from abplat.domain.report import (
    Conflict,
    ExperimentFacts,
    Finding,
    Inputs,
    JourneyFacts,
    Report,
    StageFacts,
    VariantFacts,
    Verdict,
)
from abplat.domain.report_conflicts import ConflictSection
from abplat.domain.report_evidence import EvidenceSection
from abplat.domain.report_identity import IdentitySection
from abplat.facts.lake import Lake

_LOG = logging.getLogger(__name__)


def analyse(lake: Lake, plan: AnalysisPlan, as_of: datetime, settings: Settings) -> Report:
    """Analyse one experiment as of an instant.

    Args:
        lake: The facts.
        plan: The frozen plan.
        as_of: The snapshot: what happened or arrived later does not exist.
        settings: What the engine may use before it spills to disk, and where to.
    """
    with Snapshot(lake, plan.project, to_micros(as_of), settings) as snapshot:
        return score(gather(snapshot, plan), plan, as_of)


def analyse_all(
    lake: Lake, plans: Sequence[AnalysisPlan], as_of: datetime, settings: Settings
) -> Iterator[Report]:
    """Analyse several experiments of one project with one reading of the facts.

    Each Report is the one that :func:`analyse` gives.

    Args:
        lake: The facts.
        plans: The frozen plans, of one project.
        as_of: The snapshot.
        settings: What the engine may use before it spills to disk, and where to.
    """
    for found in analyse_each(lake, plans, as_of, settings):
        if isinstance(found, Exception):
            raise found
        yield found


def analyse_each(
    lake: Lake, plans: Sequence[AnalysisPlan], as_of: datetime, settings: Settings
) -> Generator[Report | Exception]:
    """Analyse several experiments as :func:`analyse_all`; one that fails gives its error, and stops no other."""
    if not plans:
        return
    with Snapshot(lake, plans[0].project, to_micros(as_of), settings) as snapshot:
        for plan, take in zip(plans, _prepare(snapshot, plans), strict=True):
            try:
                yield score(take(), plan, as_of)
            except Exception as error:  # noqa: BLE001  # whatever it is, the next one is still to be analysed
                yield error


def _prepare(snapshot: Snapshot, plans: Sequence[AnalysisPlan]) -> list[Callable[[], Gathered]]:
    """Read the facts for all plans; where that fails, each plan for itself."""
    try:
        return prepare(snapshot, plans)
    except Exception:
        if len(plans) == 1:
            raise
        _LOG.exception("the experiments cannot be read together; each is read for itself")
        return [partial(gather, snapshot, plan) for plan in plans]


def score(gathered: Gathered, plan: AnalysisPlan, as_of: datetime) -> Report:
    """Compute every part of a Report from gathered facts."""
    variants = _count_variants(gathered, plan)
    judged = measure_metric(plan.primary, gathered, plan, Standing(is_final=True, is_trusted=True))
    identity = check_identity(gathered, plan, judged)
    strata, scores = check_strata(gathered, plan), describe_scores(gathered, plan)
    maturity, paths = describe_maturity(gathered, plan), draw_paths(gathered, plan)
    breakdowns = break_down(gathered, plan)
    if plan.is_clustered:
        # Their errors count customers one by one, which is wrong where groups were drawn.
        strata, scores, maturity, paths, breakdowns = (), (), None, None, None
    checks = [*strata_findings(strata), *score_findings(scores)]
    checks += [*maturity_findings(maturity), *breakdown_findings(breakdowns)]
    checks += path_findings(paths, identity)
    findings = rank([*collect_findings(gathered, plan, variants, identity), *checks])
    trusted = not any(finding.severity == "block" for finding in findings)
    final = is_final(plan, as_of, min(variant.n_mature for variant in variants))
    rows = _measure(gathered, plan, Standing(is_final=final, is_trusted=trusted))
    flagged = flag_findings(row.result for row in rows if not row.metric.is_descriptive)
    if trusted and any(finding.severity == "block" for finding in flagged):
        rows = _measure(gathered, plan, Standing(is_final=final, is_trusted=False))
    findings = (*findings, *flagged)
    rows = agree_with_ranks(rows, scores)
    scan = scan_conflicts(rows, plan)
    verdicts, conflicts = _judge(rows, plan, findings, final=final)
    links = decompose(gathered, plan) if not plan.is_clustered else ()
    return Report(
        project=plan.project,
        experiment=_experiment(gathered, plan, variants),
        journey=_journey(plan),
        inputs=_inputs(gathered, plan, as_of),
        verdicts=tuple(_with_identity(verdict, identity) for verdict in verdicts),
        findings=rank([*findings, *conflict_findings(conflicts), *scan_findings(scan, conflicts)]),
        metrics=tuple(row.result for row in rows),
        links=links,
        conflicts=conflicts,
        survival=draw_curves(gathered, plan),
        journey_map=draw_journey_map(gathered, plan),
        observations=list_observations(plan),
        link_detail=None if plan.is_clustered else describe_links(gathered, plan, links),
        conflict_scan=ConflictSection(scan=scan, strata=strata),
        scores=scores,
        identity=identity,
        maturity=maturity,
        paths=paths,
        breakdowns=breakdowns,
        evidence=_keep_evidence(rows, gathered, plan),
        samples=gathered.samples,
        estimates=None if plan.is_clustered else list_estimates(rows, gathered, plan),
    )


def _keep_evidence(rows: Sequence[MeasuredMetric], gathered: Gathered, plan: AnalysisPlan) -> EvidenceSection:
    """Keep what the metric table follows from."""
    kept = tuple(row.evidence for row in rows if row.evidence is not None)
    return EvidenceSection(metrics=kept, queries=list_queries(plan, gathered.as_of_us))


def _with_identity(verdict: Verdict, identity: IdentitySection | None) -> Verdict:
    """Say beside the result that it depends on who is taken for whom, where it does."""
    found = identity.verdicts if identity else ()
    said = [
        each.sentence
        for each in found
        if each.variant == verdict.variant and each.code == "depends_on_identity_resolution"
    ]
    return msgspec.structs.replace(verdict, reasons=(*verdict.reasons, *said)) if said else verdict


def _measure(gathered: Gathered, plan: AnalysisPlan, standing: Standing) -> list[MeasuredMetric]:
    """Measure the planned metrics, then the reach of each required stage as a family."""
    planned = [measure_metric(metric, gathered, plan, standing) for metric in plan.metrics]
    reach = [measure_metric(metric, gathered, plan, standing) for metric in reach_metrics(plan)]
    by_role = {
        role: adjust_family([row for row in planned if row.metric.role == role], plan.alpha)
        for role in ("touchpoint", "secondary")
    }
    rest = {row.metric.key: row for rows in by_role.values() for row in rows}
    return [*(rest.get(row.metric.key, row) for row in planned), *adjust_family(reach, plan.alpha)]


def reach_metrics(plan: AnalysisPlan) -> list[PlannedMetric]:
    """Return a row for each stage that no planned metric covers, optional ones too."""
    stages = plan.journey["stages"]
    covered = {
        metric.stage
        for metric in plan.metrics
        if metric.kind == "reach" and metric.journey == plan.journey["key"]
    }
    return [
        PlannedMetric(
            key=f"reach:{stages[position]['key']}",
            title=f"Reached {stages[position].get('title') or stages[position]['key']}",
            kind="reach",
            role="secondary",
            direction="up",
            journey=plan.journey["key"],
            stage=stages[position]["key"],
        )
        for position in range(len(stages))
        if stages[position]["key"] not in covered
    ]


def _judge(
    rows: Sequence[MeasuredMetric], plan: AnalysisPlan, findings: Sequence[Finding], *, final: bool
) -> tuple[tuple[Verdict, ...], tuple[Conflict, ...]]:
    """Return the verdict and the conflicts of each treatment."""
    verdicts: list[Verdict] = []
    shown: list[Conflict] = []
    for treatment in range(len(plan.variants) - 1):
        conflicts, rendered = hold_against_journey(rows, plan, treatment)
        shown += rendered
        verdicts.append(decide(rows, plan, treatment, findings, final=final, conflicts=conflicts))
    return tuple(verdicts), tuple(shown)


def _count_variants(gathered: Gathered, plan: AnalysisPlan) -> tuple[VariantFacts, ...]:
    """Count the customers of each arm."""
    population = gathered.population
    drawn = count_drawn(gathered, len(plan.variants)).counts if plan.is_clustered else None
    found = []
    for position, variant in enumerate(plan.variants):
        mine = population.variant == position
        found.append(
            VariantFacts(
                key=variant.key,
                title=variant.title,
                weight=variant.weight,
                is_control=position == 0,
                n_exposed=int(np.count_nonzero(mine)),
                n_mature=int(np.count_nonzero(mine & gathered.mature)),
                n_crossover=int(np.count_nonzero(mine & population.crossover)),
                n_clusters=None if drawn is None else drawn[position],
            )
        )
    return tuple(found)


def _experiment(
    gathered: Gathered, plan: AnalysisPlan, variants: tuple[VariantFacts, ...]
) -> ExperimentFacts:
    """Describe the experiment."""
    document = plan.experiment
    return ExperimentFacts(
        key=document["key"],
        title=document.get("title") or document["key"],
        owner=document.get("owner") or "",
        hypothesis=document.get("hypothesis") or "",
        state=plan.state,
        started_at=describe_instant(plan.started_at),
        stopped_at=describe_instant(plan.stopped_at),
        unit_type=document.get("unit_type") or "cust",
        channels=plan.channels or gathered.population.channels,
        kind=document.get("kind") or "ab",
        horizon=document["horizon"],
        alpha=plan.alpha,
        min_effect=plan.min_effect,
        planned_end=describe_instant(plan.planned_end),
        decision_rule=document.get("decision_rule") or CLEAR_SIGNALS,
        goal_margin=document.get("goal_margin"),
        variants=variants,
    )


def _journey(plan: AnalysisPlan) -> JourneyFacts:
    """Describe the journey."""
    document = plan.journey
    return JourneyFacts(
        key=document["key"],
        version=plan.journey_version,
        title=document.get("title") or document["key"],
        owner=document.get("owner") or "",
        window=document["window"],
        stages=tuple(
            StageFacts(
                key=stage["key"],
                title=stage.get("title") or stage["key"],
                optional=bool(stage.get("optional")),
                moment_of_truth=bool(stage.get("moment_of_truth")),
                department=stage.get("department"),
            )
            for stage in document["stages"]
        ),
    )


def _inputs(gathered: Gathered, plan: AnalysisPlan, as_of: datetime) -> Inputs:
    """Name everything the numbers depend on."""
    counts = gathered.counts
    through = counts.data_through_us
    return Inputs(
        as_of=format_instant(as_of),
        data_through=None if through is None else format_instant(from_micros(through)),
        definitions_hash=plan.definitions_hash,
        fact_versions={},
        fact_counts=dict(sorted(counts.fact_counts.items())),
        n_events=counts.n_events,
        n_customers=counts.n_customers,
        n_journeys=len(gathered.walked[plan.journey["key"]].journeys),
        code_version=__version__,
    )
