"""The metric table of the factory's reports: values from counts, effects from values."""

from __future__ import annotations

import math

from abplat.domain import report as shape
from tests.web.report_arms import Arm

Z = 1.959964


def make_metrics(control: Arm, treatment: Arm) -> tuple[shape.MetricResult, ...]:
    """Make every row of the table."""

    def chain(arm: Arm, index: int) -> float:
        return arm.chain[index]

    share = ("share", 0.0)
    arms = (control, treatment)
    return (
        _metric("completed", "Journey completed", "completion", "primary", "up", share, [chain(a, 4) for a in arms], arms),
        _metric("calls", "Calls per customer", "effort", "guardrail", "down", ("count", 0.9),
                [a.calls * a.chain[0] for a in arms], arms, margin=0.05),
        _metric("complaints", "Complaints", "touchpoint", "guardrail", "down", share,
                [a.chain[0] * (0.011 + 0.0004 * i) for i, a in enumerate(arms)], arms, margin=0.25),
        _metric("revenue", "Revenue per customer", "value", "secondary", "up", ("value", 120.0),
                [a.value * a.chain[0] for a in arms], arms),
        _metric("reach_quote", "Reached \u201cAsk for a quote\u201d", "reach", "secondary", "up", share,
                [chain(a, 3) for a in arms], arms),
        _metric("time", "Time to complete", "time_to_complete", "secondary", "down", ("seconds", 150_000.0),
                [a.chain[0] * (560_000 - 60 * a.chain[4]) for a in arms], arms),
        _metric("form_sent", "Quote form sent", "touchpoint", "touchpoint", "up", share, [a.form for a in arms], arms),
        _metric("advice_used", "Advice used", "touchpoint", "touchpoint", "up", share,
                [a.chain[0] * 0.121 + 3 for a in arms], arms),
    )  # fmt: skip


def _metric(  # noqa: PLR0917  # a row of a table
    key: str, title: str, kind: str, role: str, direction: str,
    scale: tuple[str, float], totals: list[float], arms: tuple[Arm, Arm], margin: float | None = None,
) -> shape.MetricResult:  # fmt: skip
    unit, deviation = scale
    values = tuple(
        shape.VariantValue(
            variant=arm.key,
            n=arm.chain[0],
            total=round(total, 4),
            value=round(total / arm.chain[0], 8) if arm.chain[0] else None,
            reason=None if arm.chain[0] else "no_units",
        )
        for arm, total in zip(arms, totals, strict=True)
    )
    effect = _effect(values, deviation, direction, "rmst" if unit == "seconds" else "welch")
    return shape.MetricResult(
        key=key, title=title, kind=kind, role=role, direction=direction, unit=unit, margin=margin,
        values=values, effects=(effect,),
    )  # fmt: skip


def _effect(
    values: tuple[shape.VariantValue, ...], deviation: float, direction: str, method: str
) -> shape.Effect:
    control, treatment = values
    if control.value is None or treatment.value is None:
        return no_effect("no_units", method)

    def variance(cell: shape.VariantValue) -> float:
        mean = cell.value or 0.0
        return (deviation**2 if deviation else mean * (1 - mean)) / cell.n

    effect = treatment.value - control.value
    se = math.sqrt(variance(control) + variance(treatment))
    rel = effect / control.value
    rel_se = math.sqrt(variance(treatment) + (1 + rel) ** 2 * variance(control)) / control.value
    oriented = effect if direction == "up" else -effect
    shown = abs(effect) > Z * se
    return shape.Effect(
        variant="treatment",
        effect=effect,
        se=se,
        ci_lower=effect - Z * se,
        ci_upper=effect + Z * se,
        rel_effect=rel,
        rel_ci_lower=rel - Z * rel_se,
        rel_ci_upper=rel + Z * rel_se,
        p_value=math.erfc(abs(effect) / se / math.sqrt(2)),
        verdict=("better" if oriented > 0 else "worse") if shown else "inconclusive",
        method=method,
    )


def no_effect(reason: str, method: str = "welch") -> shape.Effect:
    """Make an effect without any number."""
    return shape.Effect(
        variant="treatment", effect=None, se=None, ci_lower=None, ci_upper=None, rel_effect=None,
        rel_ci_lower=None, rel_ci_upper=None, p_value=None, verdict="not_computable", method=method,
        reason=reason, rel_reason=reason,
    )  # fmt: skip
