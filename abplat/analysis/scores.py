"""Satisfaction with those who did not answer: response rates, bounds, ranks, odds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import msgspec
import numpy as np

from abplat import stats
from abplat.analysis.effects import MeasuredMetric, plain
from abplat.analysis.gathered import Flags, Gathered
from abplat.analysis.metrics import measure
from abplat.analysis.metrics.on_scores import bounds_of, first_answers, response_metric, were_invited
from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.tally import spans_of, watched
from abplat.domain.report import Effect, Finding
from abplat.domain.report_scores import ScoreFacts

SCORE_KINDS: Final = ("csat", "ces", "nps", "emotion")
RANKED_KINDS: Final = ("ces", "lifecycle_progress")
"""Kinds that are called better or worse only where the ranks agree with the means."""


def describe_scores(gathered: Gathered, plan: AnalysisPlan) -> tuple[ScoreFacts, ...]:
    """Describe every score, and what is compared by ranks, of every treatment."""
    return tuple(
        _describe(metric, gathered, plan, place)
        for place in range(1, len(plan.variants))
        for metric in plan.metrics
        if metric.kind in {*SCORE_KINDS, *RANKED_KINDS}
    )


def _describe(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan, place: int) -> ScoreFacts:
    """Describe one score of one treatment."""
    asked = _asked(metric, gathered, plan)
    raw = [_count(metric, gathered, plan, arm, asked, is_raw=True) for arm in (0, place)]
    counted = [_count(metric, gathered, plan, arm, asked, is_raw=False) for arm in (0, place)]
    response = stats.check_response(raw[1], raw[0], plan.alpha)
    bounds = _bound(metric, counted, plan.alpha)
    ranks = stats.compare_ordinal(raw[1], raw[0], plan.alpha)
    odds = stats.compare_odds(raw[1], raw[0], plan.alpha)
    known = None if isinstance(response, stats.NotComputable) else response
    box = None if isinstance(bounds, stats.NotComputable) else bounds
    win = None if isinstance(ranks, stats.NotComputable) else ranks
    odd = None if isinstance(odds, stats.NotComputable) else odds
    return ScoreFacts(
        variant=plan.variants[place].key,
        metric=metric.key,
        title=metric.title,
        control_asked=raw[0].asked,
        control_answered=raw[0].answered,
        treatment_asked=raw[1].asked,
        treatment_answered=raw[1].answered,
        response_effect=plain(known.comparison.effect) if known else None,
        response_p_value=plain(known.comparison.p_value) if known else None,
        is_selected=known.alarm if known else False,
        lower=plain(box.lower) if box else None,
        upper=plain(box.upper) if box else None,
        ci_lower=plain(box.ci_lower) if box else None,
        ci_upper=plain(box.ci_upper) if box else None,
        win_share=plain(win.win_share) if win else None,
        win_ci_lower=plain(win.ci_lower) if win else None,
        win_ci_upper=plain(win.ci_upper) if win else None,
        win_p_value=plain(win.p_value) if win else None,
        odds_ratio=plain(odd.odds_ratio) if odd else None,
        odds_ci_lower=plain(odd.ci_lower) if odd else None,
        odds_ci_upper=plain(odd.ci_upper) if odd else None,
        reason=ranks.reason if isinstance(ranks, stats.NotComputable) else None,
    )


def _asked(metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan) -> Flags:
    """Return who was asked: the invited where a metric knows them, else everybody exposed."""
    everybody = watched(gathered, spans_of(metric, gathered.horizon_us))
    if metric.kind not in SCORE_KINDS:
        return everybody
    response = response_metric(plan, metric.detail["score"])
    if response is None:
        return everybody
    return np.asarray(everybody & (were_invited(response, gathered) | first_answers(metric, gathered).has))


def _count(
    metric: PlannedMetric, gathered: Gathered, plan: AnalysisPlan, arm: int, asked: Flags, *, is_raw: bool
) -> stats.Scores:
    """Count the answers of one arm, as they were given or as the metric counts them."""
    mine = gathered.arm(arm) & asked
    if metric.kind not in SCORE_KINDS:
        values = measure(metric, gathered, plan).values
        return stats.Scores.from_answers(values[mine].tolist(), asked=int(mine.sum()))
    answers = first_answers(metric, gathered)
    values = answers.value if is_raw else measure(metric, gathered, plan).values
    return stats.Scores.from_answers(values[mine & answers.has].tolist(), asked=int(mine.sum()))


def _bound(
    metric: PlannedMetric, counted: Sequence[stats.Scores], alpha: float
) -> stats.Computed[stats.ScoreBounds]:
    """Bound the effect by the worst that the silent ones could have said."""
    if metric.kind not in SCORE_KINDS:
        return stats.NotComputable("no_responses")
    low, high = bounds_of(metric)
    if metric.kind == "nps":
        low, high = -100.0, 100.0
    elif metric.measure == "share":
        low, high = 0.0, 1.0
    return stats.bound_scores(counted[1], counted[0], low, high, alpha)


def score_findings(scores: Sequence[ScoreFacts]) -> list[Finding]:
    """Flag the scores whose arms answered at different rates."""
    return [
        Finding(
            code="response_bias",
            severity="warning",
            title=f"{score.title}: the arms answered at different rates",
            detail=f"{score.control_answered:,} of {score.control_asked:,} answered in control, "
            f"{score.treatment_answered:,} of {score.treatment_asked:,} in {score.variant}. "
            "Who answers is itself an effect, so the answers alone mislead.",
            evidence={"variant": score.variant, "metric": score.metric, "p_value": score.response_p_value},
            action="Read the bounds, which assume nothing of the silent ones, not the answers.",
        )
        for score in scores
        if score.is_selected
    ]


def agree_with_ranks(rows: Sequence[MeasuredMetric], scores: Sequence[ScoreFacts]) -> list[MeasuredMetric]:
    """Take back the verdict of a ranked or selected score that ranks or response rates do not bear out."""
    facts = {(score.metric, score.variant): score for score in scores}
    return [
        _hold(row, [facts.get((row.metric.key, each.variant)) for each in row.result.effects]) for row in rows
    ]


def _hold(row: MeasuredMetric, facts: Sequence[ScoreFacts | None]) -> MeasuredMetric:
    """Hold the verdicts of one row against what is known of its scores."""
    if not any(facts):
        return row
    effects = tuple(
        _hold_effect(effect, row.metric.kind, fact)
        for effect, fact in zip(row.result.effects, facts, strict=True)
    )
    return replace(row, result=msgspec.structs.replace(row.result, effects=effects))


def _hold_effect(effect: Effect, kind: str, score: ScoreFacts | None) -> Effect:
    """Take a verdict back where the ranks say otherwise, or the answers are selected."""
    if score is None or effect.verdict not in {"better", "worse"} or effect.effect is None:
        return effect
    if score.is_selected:
        changes = {
            "verdict": "inconclusive",
            "method": f"{effect.method}; answers are selected, read the bounds",
        }
        return msgspec.structs.replace(effect, **changes)
    lower, upper = score.win_ci_lower, score.win_ci_upper
    agrees = lower is not None and upper is not None and (lower > 0.5 if effect.effect > 0 else upper < 0.5)
    if kind in RANKED_KINDS and not agrees:
        changes = {"verdict": "inconclusive", "method": f"{effect.method}; the ranks do not agree"}
        return msgspec.structs.replace(effect, **changes)
    return effect
