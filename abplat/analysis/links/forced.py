"""Changes of channel that customers were forced to: how many of all they made, and why.

Customers choose to change channel, or have to: the form failed, the shop could not help. A touchpoint that
records the second kind says why in its property ``reason``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Contacts, Flags, Gathered, IntArray
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import inside, spans_of, watched
from abplat.domain.report_links import ForcedReason, ForcedSwitches

KIND: Final = "channel_switches"
MIN_CUSTOMERS: Final = 5
"""Reasons of fewer customers in all arms together are put together."""
MAX_REASONS: Final = 12
NOT_RECORDED: Final = "not recorded"
OTHER: Final = "other"


def list_forced(gathered: Gathered, plan: AnalysisPlan) -> tuple[ForcedSwitches, ...]:
    """Describe the forced changes of channel of every treatment, for each metric that counts them."""
    return tuple(
        row
        for metric in plan.metrics
        if metric.kind == KIND and metric.key in gathered.contacts
        for row in _describe(metric, gathered, plan)
    )


def _describe(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> list[ForcedSwitches]:
    """Describe what one metric counts."""
    contacts, span = gathered.contacts[metric.key], spans_of(metric, gathered.horizon_us)
    n, arms = len(plan.variants), np.where(watched(gathered, span), gathered.arms, -1)
    hit = inside(gathered, contacts, span) & (arms[contacts.unit] >= 0)
    names, counts = _count(contacts, hit, arms, n)
    sizes = np.bincount(arms + 1, minlength=n + 1)[1:]
    forced = np.bincount(arms[contacts.unit[hit]], minlength=n)
    switches = np.bincount(arms + 1, weights=gathered.walked[metric.journey].rows.switches, minlength=n + 1)[
        1:
    ]
    return [
        ForcedSwitches(
            variant=variant.key,
            metric=metric.key,
            title=metric.title,
            control_switches=int(switches[0]),
            treatment_switches=int(switches[place]),
            control_forced=int(forced[0]),
            treatment_forced=int(forced[place]),
            reasons=_compare(names, counts[[0, place]], sizes[[0, place]], plan.alpha),
        )
        for place, variant in enumerate(plan.variants[1:], start=1)
    ]


def _count(contacts: Contacts, hit: Flags, arms: IntArray, n_arms: int) -> tuple[list[str], IntArray]:
    """Return the reasons, and [arm, reason] the customers who have each, counted once."""
    label = np.full(contacts.unit.size, -1) if contacts.label is None else contacts.label.astype(np.int64)
    names, unit = [*contacts.labels, NOT_RECORDED], contacts.unit[hit]
    reason = label[hit] % len(names)  # events without a reason have the last place
    total = _count_customers(unit, reason, arms, (n_arms, len(names))).sum(axis=0)
    order = sorted(np.flatnonzero(total).tolist(), key=lambda at: (-total[at], names[at]))
    shown = [at for at in order if total[at] >= MIN_CUSTOMERS][:MAX_REASONS]
    place = np.full(len(names), len(shown))
    place[shown] = np.arange(len(shown))
    listed = [names[at] for at in shown] + [OTHER] * (len(order) > len(shown))
    return listed, _count_customers(unit, place[reason], arms, (n_arms, len(listed)))


def _count_customers(unit: IntArray, kind: IntArray, arms: IntArray, shape: tuple[int, int]) -> IntArray:
    """Return [arm, kind] customers with anything of a kind."""
    unit, kind = np.divmod(np.unique(unit * shape[1] + kind), max(shape[1], 1))
    return np.bincount(arms[unit] * shape[1] + kind, minlength=shape[0] * shape[1]).reshape(shape)


def _compare(
    names: Sequence[str], counts: IntArray, sizes: IntArray, alpha: float
) -> tuple[ForcedReason, ...]:
    """Compare the shares of customers per reason, with Holm over the reasons."""
    if not sizes.all():
        return ()
    how = stats.ComparisonPlan(alpha=alpha, kind="proportion")
    found = [
        stats.compare(_record(treated, sizes[1]), _record(control, sizes[0]), how)
        for control, treated in counts.T
    ]
    asked = [each.p_value for each in found if isinstance(each, stats.Comparison)]
    adjusted = iter(stats.adjust_p_values(asked, method="holm") if asked else ())
    return tuple(
        _render(name, pair, each, None if isinstance(each, stats.NotComputable) else next(adjusted))
        for name, pair, each in zip(names, counts.T.tolist(), found, strict=True)
    )


def _record(count: int, size: int) -> stats.Moments:
    """Return the record of a count."""
    return stats.Moments.from_sums(int(size), {"y": float(count)}, {"y*y": float(count)})


def _render(
    reason: str, counts: Sequence[int], found: stats.Computed[stats.Comparison], p_holm: float | None
) -> ForcedReason:
    """Put one reason into the Report."""
    known = None if isinstance(found, stats.NotComputable) else found
    return ForcedReason(
        reason=reason,
        control_n=counts[0],
        treatment_n=counts[1],
        effect=plain(known.effect) if known else None,
        ci_lower=plain(known.ci_lower) if known else None,
        ci_upper=plain(known.ci_upper) if known else None,
        p_value=plain(known.p_value) if known else None,
        p_holm=plain(p_holm),
    )
