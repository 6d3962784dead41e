"""Findings about the plan: what was done otherwise than planned, and who is judged because of it."""

from __future__ import annotations

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
        found.append(_describe_clusters(plan))
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


def _describe_clusters(plan: AnalysisPlan) -> Finding:
    """Say that groups are counted, not people."""
    unit = str(plan.experiment.get("unit_type"))
    return Finding(
        code="clustered",
        severity="info",
        title=f"The analysis is clustered: every {unit} counts once",
        detail=f"A whole {unit} gets one variant, so it is the unit of every mean and interval: the facts that "
        f"carry its id are added up first. Few {unit}s make wide intervals, however many people they hold.",
        evidence={"unit_type": unit},
    )
