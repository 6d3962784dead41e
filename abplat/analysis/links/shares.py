"""Shapley contributions with bootstrap intervals, of completion and of value."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abplat import stats
from abplat.analysis.gathered import FloatArray, Gathered
from abplat.analysis.links.chain import EXPOSED, count_chain, required_stages
from abplat.analysis.metrics import measure
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.domain.report_links import LinkShareFacts, LinkSharesFacts

REPLICATES = 2_000
VALUE = "value"
_SEED_DIGITS = 8


def share_out(gathered: Gathered, plan: AnalysisPlan) -> tuple[LinkSharesFacts, ...]:
    """Share completion out over the links, and value where a metric counts it."""
    if plan.journey.get("ordering") == "any":
        return ()
    chains = count_chain(gathered, plan)
    stages = plan.journey["stages"]
    names = [EXPOSED, *(stages[place]["key"] for place in required_stages(plan))]
    value = next((metric for metric in plan.metrics if metric.kind == "value"), None)
    worth = None if value is None else _worth(value, gathered, plan)
    found: list[LinkSharesFacts] = []
    for place, variant in enumerate(plan.variants[1:], start=1):
        seed = make_seed(plan, variant.key)
        pair = (chains[0], chains[place])
        shares = stats.bootstrap_links(*pair, alpha=plan.alpha, replicates=REPLICATES, seed=seed)
        found.append(_render(variant.key, None, names, shares, seed))
        if value is not None and worth is not None:
            shares = stats.bootstrap_links(
                *pair,
                control_value=worth[0],
                treatment_value=worth[place],
                alpha=plan.alpha,
                replicates=REPLICATES,
                seed=seed,
            )
            found.append(_render(variant.key, value.key, [*names, VALUE], shares, seed))
    return tuple(found)


def make_seed(plan: AnalysisPlan, variant: str) -> int:
    """Return what draws begin with: the same plan and variant begin alike."""
    digits = plan.definitions_hash[:_SEED_DIGITS] or "0"
    return (int(digits, 16) + sum(variant.encode())) % 2**32


def _worth(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> list[stats.ArmValue]:
    """Return what the customers of each arm are worth, with how that goes with completing."""
    values = measure(metric, gathered, plan).values
    completed = gathered.walked[plan.journey["key"]].rows.completed.astype(np.float64)
    return [
        _describe(values[gathered.arm(place)], completed[gathered.arm(place)])
        for place in range(len(plan.variants))
    ]


def _describe(values: FloatArray, completed: FloatArray) -> stats.ArmValue:
    """Return mean, spread and covariance with completion."""
    if len(values) < 2:
        return stats.ArmValue(mean=float(values.sum()), sd=0.0, with_completion=0.0)
    together = np.cov(values, completed)
    return stats.ArmValue(
        mean=float(values.mean()),
        sd=float(np.sqrt(together[0, 0])),
        with_completion=float(together[0, 1]),
    )


def _render(
    variant: str,
    metric: str | None,
    names: Sequence[str],
    shares: stats.Computed[stats.LinkShares],
    seed: int,
) -> LinkSharesFacts:
    """Put the shares of one treatment into the Report."""
    if isinstance(shares, stats.NotComputable):
        return LinkSharesFacts(
            variant=variant,
            metric=metric,
            difference=None,
            ci_lower=None,
            ci_upper=None,
            links=(),
            replicates=REPLICATES,
            seed=seed,
            reason=shares.reason,
        )
    links = tuple(
        LinkShareFacts(
            source=source, target=target, points=link.points, ci_lower=link.ci_lower, ci_upper=link.ci_upper
        )
        for source, target, link in zip(names, names[1:], shares.links, strict=False)
    )
    return LinkSharesFacts(
        variant=variant,
        metric=metric,
        difference=shares.difference,
        ci_lower=shares.ci_lower,
        ci_upper=shares.ci_upper,
        links=links,
        replicates=shares.replicates,
        seed=seed,
    )
