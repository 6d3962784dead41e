"""Hand-offs from channel to channel, per arm, each cell tested over all exposed customers."""

from __future__ import annotations

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered
from abplat.analysis.journeymap import Walk, walk_arm
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report_links import HandOffEffect, HandOffMatrix

MIN_CUSTOMERS = 5
"""A cell with fewer customers in both arms together is left out."""
Counts = dict[tuple[str, str], int]


def compare_hand_offs(gathered: Gathered, plan: AnalysisPlan) -> tuple[HandOffMatrix, ...]:
    """Compare the hand-offs of each treatment with those of control."""
    stages = [stage["key"] for stage in plan.journey["stages"]]
    walked = gathered.walked[plan.journey["key"]]
    counts, sizes = [], []
    for place, variant in enumerate(plan.variants):
        counts.append(_count(walk_arm(gathered, walked, place, variant.key, stages)))
        sizes.append(int(gathered.arm(place).sum()))
    return tuple(
        HandOffMatrix(
            variant=variant.key,
            control_exposed=sizes[0],
            treatment_exposed=sizes[place],
            cells=_compare((counts[0], counts[place]), (sizes[0], sizes[place]), plan.alpha),
        )
        for place, variant in enumerate(plan.variants[1:], start=1)
    )


def _count(walk: Walk) -> Counts:
    """Count the customers who were handed from one channel to another between two stages."""
    n_stages = len(walk.stages)
    order = np.argsort(walk.order, axis=1, kind="stable")
    reached = (walk.order < n_stages).sum(axis=1)
    found = []
    for step in range(n_stages - 1):
        rows = np.flatnonzero(reached > step + 1)
        came = walk.channel[rows, order[rows, step]]
        went = walk.channel[rows, order[rows, step + 1]]
        moved = (came != went) & (came >= 0) & (went >= 0)
        found.append(np.stack([walk.unit[rows][moved], came[moved], went[moved]]))
    if not found:
        return {}
    customers = np.unique(np.concatenate(found, axis=1), axis=1)
    pairs, counts = np.unique(customers[1:], axis=1, return_counts=True)
    return {
        (walk.channels[came], walk.channels[went]): int(count)
        for came, went, count in zip(*pairs.tolist(), counts, strict=True)
    }


def _compare(counts: tuple[Counts, Counts], n: tuple[int, int], alpha: float) -> tuple[HandOffEffect, ...]:
    """Test every cell, with Holm over the cells."""
    control, treatment = counts
    if not all(n):
        return ()
    keys = sorted({*control, *treatment})
    keys = [key for key in keys if control.get(key, 0) + treatment.get(key, 0) >= MIN_CUSTOMERS]
    tested = {key: _test(control.get(key, 0), treatment.get(key, 0), n, alpha) for key in keys}
    known = [key for key in keys if not isinstance(tested[key], stats.NotComputable)]
    values = [found.p_value for found in tested.values() if isinstance(found, stats.Comparison)]
    adjusted = dict(zip(known, stats.adjust_p_values(values), strict=True)) if values else {}
    return tuple(
        _render(key, (control.get(key, 0), treatment.get(key, 0)), tested[key], adjusted.get(key), alpha)
        for key in keys
    )


def _test(control: int, treatment: int, n: tuple[int, int], alpha: float) -> stats.Computed[stats.Comparison]:
    """Compare two shares."""
    records = [
        stats.Moments.from_sums(size, {"y": float(count)}, {"y*y": float(count)})
        for count, size in ((treatment, n[1]), (control, n[0]))
    ]
    return stats.compare(records[0], records[1], stats.ComparisonPlan(alpha=alpha, kind="proportion"))


def _render(
    key: tuple[str, str],
    counts: tuple[int, int],
    found: stats.Computed[stats.Comparison],
    p_holm: float | None,
    alpha: float,
) -> HandOffEffect:
    """Put one cell into the Report."""
    known = None if isinstance(found, stats.NotComputable) else found
    is_shown = known is not None and p_holm is not None and p_holm < alpha
    state = "nothing_shown"
    if known is not None and is_shown:
        state = "more" if known.effect > 0 else "fewer"
    return HandOffEffect(
        from_channel=key[0],
        to_channel=key[1],
        control_n=counts[0],
        treatment_n=counts[1],
        effect=plain(known.effect) if known else None,
        ci_lower=plain(known.ci_lower) if known else None,
        ci_upper=plain(known.ci_upper) if known else None,
        p_value=plain(known.p_value) if known else None,
        p_holm=plain(p_holm),
        state=state,
    )
