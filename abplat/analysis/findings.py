"""Findings: what the analysis has to say about the experiment itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from abplat import stats
from abplat.analysis.gathered import Gathered
from abplat.analysis.identity_findings import identity_findings, is_recognition
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.plan_findings import check_plan
from abplat.domain.identity import mask_id
from abplat.domain.report import Conflict, Finding, VariantFacts
from abplat.domain.report_identity import IdentitySection

SAMPLE_RATIO_ALARM = 0.001
CROSSOVER_WARNING = 0.01
CROSSOVER_BLOCK = 0.05
COHERENCE_WARNING = 0.98
FEW_CUSTOMERS = 100
MANY_IMMATURE = 0.5


def collect_findings(
    gathered: Gathered,
    plan: AnalysisPlan,
    variants: Sequence[VariantFacts],
    identity: IdentitySection | None = None,
) -> tuple[Finding, ...]:
    """Return every check of the experiment, passed or not, gravest first."""
    found: list[Finding | None] = [check_exposures(variants)]
    if len(gathered.population):
        found += [
            check_split(variants, identity),
            check_crossover(gathered, variants),
            check_size(variants),
            check_maturity(gathered),
            check_coherence(gathered),
        ]
    found += identity_findings(identity) if identity else []
    found += [*_identity(gathered), *_strangers(gathered, plan), *check_plan(gathered, plan)]
    return rank(finding for finding in found if finding is not None)


def rank(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by gravity; within one the order of the checks stays."""
    gravity = {"block": 0, "warning": 1, "info": 2, "pass": 3}
    return tuple(sorted(findings, key=lambda finding: gravity[finding.severity]))


def check_exposures(variants: Sequence[VariantFacts]) -> Finding:
    """Say whether every arm was met by somebody."""
    counts: dict[str, float | int | str | None] = {variant.key: variant.n_exposed for variant in variants}
    empty = [variant.key for variant in variants if not variant.n_exposed and variant.weight]
    if not empty:
        return Finding(
            code="no_exposures",
            severity="pass",
            title="Every variant was met",
            detail="Exposures arrive for every variant.",
            evidence=counts,
        )
    nobody = len(empty) == len(variants)
    where = "no variant" if nobody else f"no customer for {', '.join(empty)}"
    return Finding(
        code="no_exposures",
        severity="warning",
        title="No exposures" if nobody else "A variant without exposures",
        detail=f"The facts hold exposures of {where}: nothing can be compared."
        if nobody
        else f"The facts hold exposures, but {where}.",
        evidence=counts,
        action="Check that the channel sends an exposure when the variant is shown, with this experiment's key.",
    )


def check_split(variants: Sequence[VariantFacts], identity: IdentitySection | None = None) -> Finding | None:
    """Test the split over customers, or over the groups that were drawn, against the plan.

    Where the ids were split as planned and the customers were not, the fault lies with identity,
    which has a finding of its own; this one then speaks of the ids.
    """
    counts = {variant.key: variant.n_exposed for variant in variants}
    who = "Customers"
    if any(variant.n_clusters is not None for variant in variants):
        counts, who = {variant.key: variant.n_clusters or 0 for variant in variants}, "Groups"
    if identity is not None and is_recognition(identity):
        counts, who = identity.splits[0].counts, "Fresh assignments"
    weights = {variant.key: float(variant.weight) for variant in variants}
    check = stats.check_sample_ratio(counts, weights)
    if isinstance(check, stats.NotComputable):
        return None
    total, planned = sum(counts.values()), sum(weights.values())
    seen = " / ".join(f"{100 * count / total:.1f}" for count in counts.values())
    wanted = " / ".join(f"{100 * weight / planned:.4g}" for weight in weights.values())
    evidence: dict[str, float | int | str | None] = {
        **counts,
        "p_value": float(check.p_value),
        "statistic": float(check.statistic),
    }
    if check.p_value >= SAMPLE_RATIO_ALARM:
        return Finding(
            code="sample_ratio",
            severity="pass",
            title="Split as planned",
            detail=f"{who} met the variants {seen} against {wanted} (p = {check.p_value:.3f}).",
            evidence=evidence,
        )
    return Finding(
        code="sample_ratio",
        severity="block",
        title=f"Split not as planned: {seen} against {wanted} (p < 0.001)",
        detail="Results are not shown as verdicts until this is explained. Most common causes: a redirect before "
        "the exposure is sent; a bot filter; identity changes at log-in; weights changed mid-run.",
        evidence=evidence,
        action="Compare the exposures per channel and day, and find where one variant loses customers.",
    )


def check_crossover(gathered: Gathered, variants: Sequence[VariantFacts]) -> Finding:
    """Say how many customers met more than one variant."""
    n = sum(variant.n_exposed for variant in variants)
    crossed = int(np.count_nonzero(gathered.population.crossover))
    share = crossed / n
    severity = "block" if share > CROSSOVER_BLOCK else "warning" if share > CROSSOVER_WARNING else "pass"
    action = "Find where one customer gets two variants: usually an anonymous id that is joined to a customer late."
    return Finding(
        code="crossover",
        severity=severity,
        title=f"{100 * share:.2f} % of customers met more than one variant",
        detail="They count in the variant they met first. "
        "Above 1 % the effect is diluted, above 5 % the result is not to be trusted.",
        evidence={"customers": n, "crossovers": crossed, "share": share},
        action="" if severity == "pass" else action,
    )


def check_size(variants: Sequence[VariantFacts]) -> Finding | None:
    """Warn where an arm has too few customers for its intervals."""
    few = [variant for variant in variants if variant.weight and variant.n_mature < FEW_CUSTOMERS]
    if not few:
        return None
    named = ", ".join(f"{variant.key} {variant.n_mature}" for variant in few)
    return Finding(
        code="too_few",
        severity="warning",
        title="Few customers",
        detail=f"Fewer than {FEW_CUSTOMERS} customers whose horizon has passed: {named}.",
        evidence={variant.key: variant.n_mature for variant in variants},
        action="Wait for more customers before reading the intervals.",
    )


def check_maturity(gathered: Gathered) -> Finding:
    """Say how many customers are too young to be counted."""
    n = len(gathered.population)
    young = n - int(np.count_nonzero(gathered.mature))
    share = young / n
    return Finding(
        code="immature",
        severity="info" if share > MANY_IMMATURE else "pass",
        title=f"{100 * share:.1f} % of customers are still inside their horizon",
        detail="They are left out whatever they have done, so that quick completions do not flatter the rate.",
        evidence={"customers": n, "immature": young, "share": share},
        action="Wait until most horizons have passed." if share > MANY_IMMATURE else "",
    )


def check_coherence(gathered: Gathered) -> Finding | None:
    """Say whether customers met in several channels got one variant everywhere."""
    several = int(np.count_nonzero(gathered.population.multi_channel()))
    if not several:
        return None
    coherent = int(np.count_nonzero(gathered.population.coherent()))
    share = coherent / several
    low = share < COHERENCE_WARNING
    return Finding(
        code="coherence",
        severity="warning" if low else "pass",
        title=f"{100 * share:.1f} % of customers met in several channels got one variant in all",
        detail="A journey across channels is judged only if the variant travels with the customer.",
        evidence={"multi_channel": several, "coherent": coherent, "share": share},
        action="Find the channel that decides by another id." if low else "",
    )


def _identity(gathered: Gathered) -> list[Finding]:
    """Report shared ids and refused links: counted, never dropped silently."""
    counts, found = gathered.counts, []
    if counts.shared_ids:
        found.append(
            Finding(
                code="shared_ids",
                severity="info",
                title=f"{len(counts.shared_ids)} ids are shared by several customers",
                detail="Such an id (a store tablet, a family phone) is joined to nobody; its events stay with it.",
                evidence={"shared_ids": len(counts.shared_ids), "example": mask_id(counts.shared_ids[0])},
            )
        )
    if counts.n_refused_links:
        found.append(
            Finding(
                code="refused_links",
                severity="info",
                title=f"{counts.n_refused_links} links between ids were refused",
                detail="They would have made one customer of two.",
                evidence={"refused_links": counts.n_refused_links},
            )
        )
    return found


def _strangers(gathered: Gathered, plan: AnalysisPlan) -> list[Finding]:
    """Report exposures that the plan does not know or that were no random assignment."""
    counts, found = gathered.counts, []
    if counts.unknown_variants:
        known = ", ".join(variant.key for variant in plan.variants)
        found.append(
            Finding(
                code="unknown_variant",
                severity="warning",
                title=f"{sum(counts.unknown_variants.values())} exposures name a variant that is not planned",
                detail=f"The plan knows {known}. The others are left out.",
                evidence=dict(sorted(counts.unknown_variants.items())),
                action="Correct the variant key where the exposure is sent.",
            )
        )
    if counts.n_overrides:
        found.append(
            Finding(
                code="overrides",
                severity="info",
                title=f"{counts.n_overrides} exposures were set by hand",
                detail="Units put into a variant by an override are not randomised and are left out.",
                evidence={"overrides": counts.n_overrides},
            )
        )
    return found


def conflict_findings(conflicts: Sequence[Conflict]) -> list[Finding]:
    """Raise each contradiction between touchpoint and journey to a finding of its own."""
    return [
        Finding(
            code="conflict",
            severity="warning",
            title="Touchpoint won, journey lost",
            detail=conflict.sentence,
            evidence={"variant": conflict.variant, "metric": conflict.metric, "p_value": conflict.p_holm},
            action="Do not ship: the local gain is paid for later on the journey.",
        )
        for conflict in conflicts
        if conflict.state == "conflict"
    ]
