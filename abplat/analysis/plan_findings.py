"""Findings about the plan: what was done otherwise than planned, and who is judged because of it."""

from __future__ import annotations

from abplat.analysis.cluster_effects import MIN_CLUSTERS, count_drawn
from abplat.analysis.gathered import Gathered
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import Finding


def check_plan(gathered: Gathered, plan: AnalysisPlan) -> list[Finding]:
    """Return what a reader has to know of the plan before believing a number."""
    found = []
    if plan.counts_from_us is not None:
        found.append(_describe_phase(gathered, plan))
    if plan.deviations:
        found.append(_describe_deviations(plan))
    if plan.is_clustered:
        found += [_describe_clusters(gathered, plan), *_describe_ungrouped(gathered, plan)]
    return found


def _describe_phase(gathered: Gathered, plan: AnalysisPlan) -> Finding:
    """Say whom the present phase judges."""
    return Finding(
        code="phase",
        severity="info",
        title=f"Phase {plan.phase} is judged",
        detail=f"{gathered.n_earlier} customers were first exposed in an earlier phase, under other weights or "
        "another draw, and are left out.",
        evidence={"phase": plan.phase, "customers_of_earlier_phases": gathered.n_earlier},
    )


def _describe_deviations(plan: AnalysisPlan) -> Finding:
    """List what was done otherwise than planned."""
    n = len(plan.deviations)
    return Finding(
        code="deviations",
        severity="info",
        title=f"{n} deviation{'' if n == 1 else 's'} from the plan",
        detail="; ".join(plan.deviations) + ".",
        evidence={"deviations": n},
        action="Weigh them before the verdict: they were decided after the plan was frozen.",
    )


def _describe_clusters(gathered: Gathered, plan: AnalysisPlan) -> Finding:
    """Say that groups are counted, not people, and how many there are."""
    unit = str(plan.experiment.get("unit_type"))
    drawn = count_drawn(gathered, len(plan.variants))
    n, few = sum(drawn.counts), sum(drawn.counts) < MIN_CLUSTERS
    each = ", ".join(
        f"{variant.key} {count}" for variant, count in zip(plan.variants, drawn.counts, strict=True)
    )
    method = "a permutation test of the groups" if few else "CR2 errors between the groups"
    mixed = f" In {drawn.n_mixed} of them customers met more than one variant." if drawn.n_mixed else ""
    return Finding(
        code="clustered",
        severity="warning" if few or drawn.n_mixed else "info",
        title=f"The analysis is clustered: {n} {unit}s ({each})",
        detail=f"A whole {unit} gets one variant, so customers are added up to their {unit} first and compared with "
        f"{method}. Few {unit}s make wide intervals, however many people they hold. Strata, scores, paths, links, breakdowns and "
        f"the forecast, whose errors are those of customers, are left out.{mixed}",
        evidence={
            "unit_type": unit,
            "clusters": n,
            "mixed_clusters": drawn.n_mixed,
            "largest_share": drawn.largest_share,
            **{
                f"clusters_{variant.key}": count
                for variant, count in zip(plan.variants, drawn.counts, strict=True)
            },
        },
        action=f"Add {unit}s: below {MIN_CLUSTERS} little can be shown." if few else "",
    )


def _describe_ungrouped(gathered: Gathered, plan: AnalysisPlan) -> list[Finding]:
    """Say how many exposures were left out because they name no group."""
    n, unit = gathered.counts.n_ungrouped, str(plan.experiment.get("unit_type"))
    if not n:
        return []
    return [
        Finding(
            code="no_cluster",
            severity="warning",
            title=f"{n} exposures do not say which {unit} was drawn",
            detail=f"They are left out: customers can only be compared by {unit}.",
            evidence={"exposures": n},
            action=f"Decide with the id of the {unit}, and name the customer in expose().",
        )
    ]
