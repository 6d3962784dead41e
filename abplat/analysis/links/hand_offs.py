"""Hand-offs from channel to channel, per arm, each cell tested over all exposed customers."""

from __future__ import annotations

import numpy as np

from abplat import stats
from abplat.analysis.counted import count_customers
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered
from abplat.analysis.journeymap import Walks, walk
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report_links import HandOffEffect, HandOffMatrix

MIN_CUSTOMERS = 5
"""A cell with fewer customers in both arms together is left out."""
Counts = dict[tuple[str, str], int]


def compare_hand_offs(gathered: Gathered, plan: AnalysisPlan) -> tuple[HandOffMatrix, ...]:
    """Compare the hand-offs of each treatment with those of control."""
    walks = walk(gathered, plan)
    counts = _count(walks)
    sizes = [int(np.count_nonzero(gathered.arm(place))) for place in range(len(plan.variants))]
    return tuple(
        HandOffMatrix(
            variant=variant.key,
            control_exposed=sizes[0],
            treatment_exposed=sizes[place],
            cells=_compare((counts[0], counts[place]), (sizes[0], sizes[place]), plan.alpha),
        )
        for place, variant in enumerate(plan.variants[1:], start=1)
    )


def _count(walks: Walks) -> list[Counts]:
    """Count per arm the customers who were handed from one channel to another between two stages."""
    n_channels = len(walks.channels)
    unknown = n_channels - 1
    labels = np.full((walks.journeys.rows.size, max(len(walks.stages) - 1, 1)), -1, np.int64)
    for step in range(len(walks.stages) - 1):
        link = walks.link(step)
        moved = (link.came != link.went) & (link.came < unknown) & (link.went < unknown)
        labels[link.rows[moved], step] = link.came[moved] * n_channels + link.went[moved]
    found = count_customers(walks.journeys, labels, n_channels**2, len(walks.variants))
    return [
        {
            (walks.channels[code // n_channels], walks.channels[code % n_channels]): int(counts[code])
            for code in np.flatnonzero(counts).tolist()
        }
        for counts in found
    ]


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
