"""Shifted, not saved: completions and contacts by channel, each customer in one class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from abplat import stats
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered, IntArray
from abplat.analysis.metrics.on_journeys import abandonment_point, completed_in_time
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import inside, spans_of, watched
from abplat.domain.report_links import ShiftClass, ShiftFacts
from abplat.stats.shift import NONE, ShiftRow

COMPLETIONS = "completions"
ABANDONMENT = "abandonment"
SEVERAL = "several channels"
UNKNOWN = "unknown channel"
_NOBODY, _SEVERAL, _UNKNOWN = -1, -2, -3


def find_shifts(gathered: Gathered, plan: AnalysisPlan) -> tuple[ShiftFacts, ...]:
    """Test completions, and each metric of contacts, for having moved to another channel."""
    found = []
    for what, title, classes, names, keep in _questions(gathered, plan):
        arms = [gathered.arm(place) & keep for place in range(len(plan.variants))]
        counts = [_count(classes[arm], names) for arm in arms]
        for variant, count in zip(plan.variants[1:], counts[1:], strict=True):
            check = stats.check_shift(counts[0], count, plan.alpha)
            found.append(_render(variant.key, what, title, check))
    return tuple(sorted(found, key=lambda each: each.variant))


def find_abandonment(gathered: Gathered, plan: AnalysisPlan) -> tuple[ShiftFacts, ...]:
    """Test where journeys were left: over all stages at once, then stage by stage with Holm."""
    walked = gathered.walked[plan.journey["key"]]
    point = abandonment_point(walked, len(gathered.population))
    names = [stage["key"] for stage in plan.journey["stages"]]
    counts = [_count(point[gathered.arm(place)], names) for place in range(len(plan.variants))]
    return tuple(
        _render(variant.key, ABANDONMENT, "Abandonments", stats.check_shift(counts[0], count, plan.alpha))
        for variant, count in zip(plan.variants[1:], counts[1:], strict=True)
    )


Question = tuple[str, str, IntArray, Sequence[str], np.ndarray[tuple[int, ...], np.dtype[np.bool_]]]


def _questions(gathered: Gathered, plan: AnalysisPlan) -> list[Question]:
    """Return what may have moved, with the class of each customer and who counts."""
    walked = gathered.walked[plan.journey["key"]]
    everybody = np.ones(len(gathered.population), bool)
    found: list[Question] = [
        (COMPLETIONS, "Completions", _completion_channel(gathered, plan), walked.channels, everybody)
    ]
    for metric in plan.metrics:
        contacts = gathered.contacts.get(metric.key)
        if metric.kind == "contacts" and contacts is not None and contacts.label is not None:
            keep = watched(gathered, spans_of(metric, gathered.horizon_us))
            found.append(
                (metric.key, metric.title, _contact_channel(metric, gathered), contacts.labels, keep)
            )
    return found


def _completion_channel(gathered: Gathered, plan: AnalysisPlan) -> IntArray:
    """Return the channel in which each customer first completed the journey."""
    walked = gathered.walked[plan.journey["key"]]
    done = np.flatnonzero(completed_in_time(walked, gathered))[::-1]
    last = walked.journeys.stage_order[done].argmax(axis=1)
    channel = walked.journeys.stage_channel[done, last].astype(np.int64)
    found = np.full(len(gathered.population), _NOBODY, np.int64)
    found[walked.unit[done]] = np.where(channel < 0, _UNKNOWN, channel)
    return found


def _contact_channel(metric: PlannedMetric, gathered: Gathered) -> IntArray:
    """Return the one channel of each customer's contacts, or that there were several."""
    contacts, n = gathered.contacts[metric.key], len(gathered.population)
    hit = inside(gathered, contacts, spans_of(metric, gathered.horizon_us))
    label = (
        np.zeros(len(contacts.unit), np.int64) if contacts.label is None else contacts.label.astype(np.int64)
    )
    pairs = np.unique(np.stack([contacts.unit[hit], label[hit]]), axis=1)
    found = np.full(n, _NOBODY, np.int64)
    found[pairs[0]] = np.where(pairs[1] < 0, _UNKNOWN, pairs[1])
    found[np.bincount(pairs[0], minlength=n) > 1] = _SEVERAL
    return found


def _count(classes: IntArray, names: Sequence[str]) -> dict[str, int]:
    """Count the customers of each class."""
    words = {_NOBODY: NONE, _SEVERAL: SEVERAL, _UNKNOWN: UNKNOWN}
    counts = np.bincount(classes - _UNKNOWN)
    return {
        words.get(place + _UNKNOWN) or names[place + _UNKNOWN]: int(counts[place])
        for place in np.flatnonzero(counts).tolist()
    }


def _render(variant: str, what: str, title: str, check: stats.Computed[stats.ShiftCheck]) -> ShiftFacts:
    """Put one check into the Report."""
    if isinstance(check, stats.NotComputable):
        return ShiftFacts(
            variant=variant,
            what=what,
            state="not_computable",
            p_value=None,
            classes=(),
            total=None,
            sentence=f"{title}: cannot be told by channel ({check.reason}).",
            reason=check.reason,
        )
    return ShiftFacts(
        variant=variant,
        what=what,
        state=check.state,
        p_value=plain(check.p_value),
        classes=tuple(_class(row) for row in check.rows),
        total=_class(check.total),
        sentence=_say(title, check),
    )


def _class(row: ShiftRow) -> ShiftClass:
    """Put one class into the Report."""
    return ShiftClass(
        channel=row.key,
        control_n=row.control_count,
        treatment_n=row.treatment_count,
        effect=plain(row.effect),
        ci_lower=plain(row.ci_lower),
        ci_upper=plain(row.ci_upper),
        p_holm=plain(row.p_holm),
    )


def _say(title: str, check: stats.ShiftCheck) -> str:
    """Say what moved where."""
    shown = [row for row in check.rows if row.p_holm is not None and row.p_holm < check.alpha]
    fell = ", ".join(row.key for row in shown if (row.effect or 0) < 0)
    rose = ", ".join(row.key for row in shown if (row.effect or 0) > 0)
    return {
        "shifted": f"{title} shifted, not {'avoided' if title == 'Abandonments' else 'saved'}: fewer customers in {fell}, more in {rose}, the total unchanged.",
        "partly_shifted": f"{title} partly shifted: fewer customers in {fell}, more in {rose}, and the total changed.",
        "fewer": f"{title}: fewer customers in all ({fell or 'none by itself'}), none more.",
        "more": f"{title}: more customers in all ({rose or 'none by itself'}), none fewer.",
        "changed": f"{title}: the classes differ, and no single move explains it.",
        "nothing_shown": f"{title}: no move is shown.",
    }[check.state]
