"""Completion of those who started, by the channel they entered through: mix and rate."""

from __future__ import annotations

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Flags, Gathered, IntArray
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report_links import EntryChannel, MixAndRateFacts

OTHER = "other"
MIN_STARTERS = 10
"""Channels with fewer starters in an arm are taken together."""
Cells = dict[str, tuple[int, int]]


def split_mix_and_rate(gathered: Gathered, plan: AnalysisPlan) -> tuple[MixAndRateFacts, ...]:
    """Split the difference of each treatment."""
    entry, completed = _entries(gathered, plan)
    names = (*gathered.walked[plan.journey["key"]].channels, "unknown")
    arms = [_count(entry, completed, gathered.arm(place), names) for place in range(len(plan.variants))]
    return tuple(
        _split(variant.key, *_merge_small(arms[0], arm), plan.alpha)
        for variant, arm in zip(plan.variants[1:], arms[1:], strict=True)
    )


def _entries(gathered: Gathered, plan: AnalysisPlan) -> tuple[IntArray, Flags]:
    """Return the channel in which each customer's first journey began (-2: none began), and who completed."""
    walked = gathered.walked[plan.journey["key"]]
    entry = np.full(len(gathered.population), -2, np.int64)
    counted = np.flatnonzero(walked.counted)[::-1]
    # Journeys stand in the order of their start, so the first one is written last.
    entry[walked.unit[counted]] = walked.journeys.stage_channel[counted, 0]
    return entry, walked.rows.completed


def _count(entry: IntArray, completed: Flags, arm: Flags, names: tuple[str, ...]) -> Cells:
    """Count starters and completers per channel of entry; the last name is for unknown channels."""
    mine = arm & (entry > -2)
    size = len(names)
    starters = np.bincount(entry[mine] % size, minlength=size).tolist()
    done = np.bincount(entry[mine & completed] % size, minlength=size).tolist()
    return {name: (starters[place], done[place]) for place, name in enumerate(names)}


def _merge_small(control: Cells, treatment: Cells) -> tuple[Cells, Cells]:
    """Take channels with few starters together."""
    small = {key for key in control if min(control[key][0], treatment[key][0]) < MIN_STARTERS}
    merged = []
    for arm in (control, treatment):
        cells = {key: pair for key, pair in arm.items() if key not in small}
        rest = [arm[key] for key in small]
        if any(pair[0] for key in small for pair in (control[key], treatment[key])):
            cells[OTHER] = (sum(pair[0] for pair in rest), sum(pair[1] for pair in rest))
        merged.append(cells)
    return merged[0], merged[1]


def _split(variant: str, control: Cells, treatment: Cells, alpha: float) -> MixAndRateFacts:
    """Split the difference of one treatment."""
    is_empty = not control or any(not pair[0] for arm in (control, treatment) for pair in arm.values())
    found = stats.NotComputable("too_few_units") if is_empty else _decompose(control, treatment, alpha)
    if isinstance(found, stats.NotComputable):
        return MixAndRateFacts(
            variant=variant,
            difference=None,
            mix=None,
            mix_ci_lower=None,
            mix_ci_upper=None,
            rate=None,
            rate_ci_lower=None,
            rate_ci_upper=None,
            mix_p_value=None,
            channels=(),
            reason=found.reason,
        )
    return MixAndRateFacts(
        variant=variant,
        difference=plain(found.difference),
        mix=plain(found.mix),
        mix_ci_lower=plain(found.mix_ci_lower),
        mix_ci_upper=plain(found.mix_ci_upper),
        rate=plain(found.rate),
        rate_ci_lower=plain(found.rate_ci_lower),
        rate_ci_upper=plain(found.rate_ci_upper),
        mix_p_value=plain(found.mix_p_value),
        channels=tuple(
            EntryChannel(
                channel=key,
                control_share=part.control_share,
                treatment_share=part.treatment_share,
                control_rate=part.control_rate,
                treatment_rate=part.treatment_rate,
                mix=part.mix,
                rate=part.rate,
            )
            for key, part in found.by_channel.items()
        ),
    )


def _decompose(control: Cells, treatment: Cells, alpha: float) -> stats.Computed[stats.MixAndRate]:
    """Split a difference whose cells are all filled."""
    return stats.decompose_mix_and_rate(control, treatment, alpha)
