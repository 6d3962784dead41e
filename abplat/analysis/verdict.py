"""From measured rows to conflicts and the verdict on each treatment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import cast

import msgspec

from abplat import stats
from abplat.analysis.effects import Direction, MeasuredMetric, plain
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.experiments import CLEAR_SIGNALS, DO_NO_HARM, NON_INFERIORITY
from abplat.domain.report import Conflict, Finding, Verdict

_POWER = 0.8


def is_final(plan: AnalysisPlan, as_of: datetime, n_mature: int) -> bool:
    """Tell whether the planned end is reached, so that a verdict may be given.

    An experiment that was never started here (its data were imported) lies in the past as a whole.
    """
    if not n_mature:
        return False
    if plan.stopped_at is not None and plan.stopped_at <= as_of:
        return True
    if plan.started_at is None:
        return True
    if plan.decide_after_us is None:
        return False
    return plan.started_at + timedelta(microseconds=plan.decide_after_us) <= as_of


def hold_against_journey(
    rows: Sequence[MeasuredMetric], plan: AnalysisPlan, treatment: int
) -> tuple[tuple[stats.TouchpointConflict, ...], tuple[Conflict, ...]]:
    """Hold the touchpoint metrics of one treatment against its journey metric."""
    primary = next(row for row in rows if row.metric.role == "primary")
    journey = orient(primary, treatment)
    named = [(row, orient(row, treatment)) for row in rows if row.metric.role == "touchpoint"]
    touchpoints = {row.metric.key: found for row, found in named if found is not None}
    if journey is None or not touchpoints:
        return (), ()
    rows_by_key = {row.metric.key: row for row in rows}
    found = tuple(
        replace(conflict, sentence=_sentence(conflict, rows_by_key[conflict.key], primary, treatment))
        for conflict in stats.find_conflicts(journey, touchpoints, plan.alpha)
    )
    shown = tuple(
        Conflict(
            variant=plan.variants[treatment + 1].key,
            metric=conflict.key,
            state=conflict.state,
            p_value=plain(conflict.p_value),
            p_holm=plain(conflict.p_holm),
            sentence=conflict.sentence,
        )
        for conflict in found
    )
    return found, shown


def orient(row: MeasuredMetric, treatment: int) -> tuple[float, float] | None:
    """Return effect and standard error with up as good."""
    found = row.comparisons[treatment]
    if isinstance(found, stats.NotComputable):
        return None
    return (found.effect if row.metric.direction == "up" else -found.effect), found.se


def _sentence(
    conflict: stats.TouchpointConflict, touchpoint: MeasuredMetric, journey: MeasuredMetric, treatment: int
) -> str:
    """Say in words, with numbers, how touchpoint and journey stand to each other."""
    local = f"{touchpoint.metric.title} {describe(touchpoint, treatment)}"
    whole = f"{journey.metric.title} {describe(journey, treatment, interval=True)}"
    ends = {
        "conflict": "The touchpoint won and the journey lost",
        "journey_harm": "The journey got worse, and the touchpoint is not shown to have gained",
        "journey_win": "The journey itself got better",
        "local_win_only": "The touchpoint won, and nothing is shown for the journey",
        "nothing_shown": "Nothing is shown for touchpoint or journey",
    }
    return f"{ends[conflict.state]}: {local}, while {whole}."


def describe(row: MeasuredMetric, treatment: int, *, interval: bool = False) -> str:
    """Say an effect as people read it: relative where that exists, in its unit otherwise."""
    effect = row.result.effects[treatment]
    if effect.rel_effect is not None:
        text = f"{_percent(effect.rel_effect)}"
        bounds = (effect.rel_ci_lower, effect.rel_ci_upper)
    elif effect.effect is not None:
        text, bounds = f"{effect.effect:+.4g}", (None, None)
    else:
        return f"has no number ({effect.reason})"
    if interval and bounds[0] is not None and bounds[1] is not None:
        return f"{text} ({_percent(bounds[0])} to {_percent(bounds[1])})"
    return text


def _percent(share: float) -> str:
    """Write a relative change."""
    return f"{100 * share:+.1f} %".replace("-", "\u2212")


def decide(
    rows: Sequence[MeasuredMetric],
    plan: AnalysisPlan,
    treatment: int,
    findings: Sequence[Finding],
    *,
    final: bool,
    conflicts: Sequence[stats.TouchpointConflict],
) -> Verdict:
    """Return the verdict on one treatment by the table of the stats."""
    primary = next(row for row in rows if row.metric.role == "primary")
    alpha, needed = plan.alpha / max(len(plan.variants) - 1, 1), _needed(primary, plan, treatment)
    decision = stats.decide_verdict(
        _goal(primary, treatment),
        [_guardrail(row, treatment) for row in rows if row.metric.role == "guardrail"],
        conflicts,
        failed_checks=[finding.title for finding in findings if finding.severity == "block"],
        is_final=final,
        n_needed=needed,
        plan=_plan_verdict(plan, alpha, needed),
        touchpoints={
            row.metric.key: _goal(row, treatment) for row in rows if row.metric.role == "touchpoint"
        },
    )
    verdict = Verdict(
        variant=plan.variants[treatment + 1].key,
        code=decision.code,
        word=decision.word,
        sentence=decision.sentence,
        why=decision.why,
        reasons=decision.reasons,
        rule=decision.rule,
        may_ship=decision.may_ship,
    )
    return _read_as_check(verdict) if plan.is_aa else verdict


def _plan_verdict(plan: AnalysisPlan, alpha: float, needed: int | None) -> stats.VerdictPlan:
    """Return what was fixed before the start; where the power is unknown, no harm is worth nothing."""
    experiment = plan.experiment
    rule = experiment.get("decision_rule") or CLEAR_SIGNALS
    return stats.VerdictPlan(
        alpha=alpha,
        min_effect=plan.min_effect,
        goal_margin=experiment.get("goal_margin") if rule == NON_INFERIORITY else None,
        accepts_no_harm=rule == DO_NO_HARM and needed is not None,
    )


def _read_as_check(verdict: Verdict) -> Verdict:
    """Read a verdict as that of an A/A test: there is nothing to ship, and a difference is a fault."""
    if verdict.code in {"inconclusive", "stop_no_effect", "local_win"}:
        sentence = "As it should be: this A/A test finds no difference in its goal."
        rule = "Nothing differs between the arms, so at the planned end nothing may be found."
        return msgspec.structs.replace(verdict, code="inconclusive", sentence=sentence, rule=rule)
    if verdict.code in {"not_trusted", "extend"}:
        return verdict
    return msgspec.structs.replace(
        verdict,
        code="not_trusted",
        word="Not trusted",
        sentence="Look for the fault: an A/A test found a difference.",
        rule="Nothing differs between the arms, so a difference is chance or a fault of assignment or logging.",
        may_ship=False,
    )


def _goal(row: MeasuredMetric, treatment: int) -> stats.Goal:
    """Return a row as the verdict reads it."""
    return stats.Goal(
        title=row.metric.title,
        effect=row.comparisons[treatment],
        direction=cast("Direction", row.metric.direction),
        unit=row.metric.unit,
    )


def _guardrail(row: MeasuredMetric, treatment: int) -> stats.Guardrail:
    """Return the evidence on one guardrail."""
    margin = row.margins[treatment]
    return stats.Guardrail(
        title=row.metric.title,
        effect=row.comparisons[treatment],
        margin_test=stats.NotComputable("no_margin", "The guardrail has no margin.")
        if margin is None
        else margin,
        direction=cast("Direction", row.metric.direction),
        unit=row.metric.unit,
    )


def _needed(primary: MeasuredMetric, plan: AnalysisPlan, treatment: int) -> int | None:
    """Return the customers per arm still missing to see the smallest worthwhile effect."""
    found = primary.comparisons[treatment]
    if plan.min_effect is None or isinstance(found, stats.NotComputable):
        return None
    base, n = primary.result.values[0].value, primary.result.values[treatment + 1].n
    if not base or found.se <= 0:
        return None
    normal = NormalDist()
    wanted = normal.inv_cdf(1 - plan.alpha / 2) + normal.inv_cdf(_POWER)
    factor = (wanted * found.se / (plan.min_effect * abs(base))) ** 2
    return max(round(n * factor) - n, 0)
