"""The chain of links: how many customers reach each required stage, and what each link adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import LinkDecomposition, LinkEffect

EXPOSED = "exposed"
_CAPTION = "Accounting of the total effect, not the effect of changing this link alone."


def required_stages(plan: AnalysisPlan) -> list[int]:
    """Return the positions of the required stages."""
    return [position for position, stage in enumerate(plan.journey["stages"]) if not stage.get("optional")]


def count_chain(gathered: Gathered, plan: AnalysisPlan) -> list[tuple[int, ...]]:
    """Return per variant the mature customers, then those who reached each required stage."""
    reached, n = gathered.walked[plan.journey["key"]].rows.reached, len(plan.variants)
    counts = [np.bincount(gathered.arms + 1, minlength=n + 1)]
    counts += [
        np.bincount(gathered.arms[reached[:, stage]] + 1, minlength=n + 1) for stage in required_stages(plan)
    ]
    return [tuple(int(count[place + 1]) for count in counts) for place in range(n)]


def decompose(gathered: Gathered, plan: AnalysisPlan) -> tuple[LinkDecomposition, ...]:
    """Account for each treatment's difference in completion link by link."""
    stages = plan.journey["stages"]
    names = [EXPOSED, *(stages[position]["key"] for position in required_stages(plan))]
    chains = count_chain(gathered, plan)
    return tuple(
        _decompose_one(variant.key, names, (chains[0], chain), plan)
        for variant, chain in zip(plan.variants[1:], chains[1:], strict=True)
    )


def _decompose_one(
    variant: str, names: Sequence[str], chains: tuple[tuple[int, ...], tuple[int, ...]], plan: AnalysisPlan
) -> LinkDecomposition:
    """Decompose one treatment."""
    control, treatment = chains
    if plan.journey.get("ordering") == "any":
        return _without_links(variant, chains, "any_order")
    found = stats.decompose_links(control, treatment, plan.alpha)
    if isinstance(found, stats.NotComputable):
        return _without_links(variant, chains, found.reason)
    links = tuple(
        LinkEffect(
            source=source,
            target=target,
            control_rate=plain(link.control_rate),
            treatment_rate=plain(link.treatment_rate),
            log_ratio=plain(link.log_ratio),
            log_ratio_se=plain(link.se),
            points=plain(link.points),
            points_ci_lower=plain(link.points_ci_lower),
            points_ci_upper=plain(link.points_ci_upper),
            points_lmdi=plain(link.points_lmdi),
            reason=link.reason,
        )
        for source, target, link in zip(names, names[1:], found.links, strict=False)
    )
    return LinkDecomposition(
        variant=variant,
        control_counts=control,
        treatment_counts=treatment,
        difference=plain(found.difference),
        ci_lower=plain(found.ci_lower),
        ci_upper=plain(found.ci_upper),
        log_ratio=plain(found.log_ratio),
        log_ratio_se=plain(found.log_ratio_se),
        links=links,
        caption=found.caption,
        reason=found.reason,
    )


def _without_links(
    variant: str, chains: tuple[tuple[int, ...], tuple[int, ...]], reason: str
) -> LinkDecomposition:
    """Return the counts alone, with the reason."""
    return LinkDecomposition(
        variant=variant,
        control_counts=chains[0],
        treatment_counts=chains[1],
        difference=None,
        ci_lower=None,
        ci_upper=None,
        log_ratio=None,
        log_ratio_se=None,
        links=(),
        caption=_CAPTION,
        reason=reason,
    )
