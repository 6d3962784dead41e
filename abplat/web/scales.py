"""One effect on the scale that a reader asked for, against the baseline that they asked for.

Nothing is estimated here: an effect of the Report is turned round, or multiplied by a number of the Report.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from abplat.clock import parse_instant
from abplat.domain.report import Effect, MetricResult, Report, VariantValue
from abplat.errors import InvalidInputError
from abplat.web import wording
from abplat.web.metric_rows import EffectRow, make_row
from abplat.web.view_options import ViewOptions

SUMMED = ("share", "count", "value")
"""Units that can be added up over customers; a time cannot."""
NO_TEST = "compared by the point estimates only: the report tests against control"


@dataclass(frozen=True, slots=True)
class Factor:
    """By what an effect per customer is multiplied, and in which words the product is said."""

    size: float
    words: str


def make_rows(
    report: Report, metric: MetricResult, options: ViewOptions, *, withheld: bool
) -> list[EffectRow]:
    """Return the rows of one metric: a row for each variant that is compared."""
    titles = {arm.key: arm.title or arm.key for arm in report.experiment.variants}
    rows = []
    for viewed, effect in list_effects(report, metric, options):
        row = make_row(viewed, effect, titles, withheld=withheld)
        rows.append(_rescale(report, viewed, effect, row, options.scale))
    return rows


def list_effects(
    report: Report, metric: MetricResult, options: ViewOptions
) -> Iterator[tuple[MetricResult, Effect]]:
    """Yield what is compared, with the metric seen from its baseline (the value of the baseline first)."""
    if not options.baseline:
        for effect in metric.effects:
            if options.arm in ("", effect.variant):
                yield metric, effect
        return
    base = _value(metric, options.baseline)
    others = [value for value in metric.values if value.variant != options.baseline]
    for value in others:
        if base is not None and options.arm in ("", value.variant):
            values = (base, *(each for each in metric.values if each is not base))
            yield (
                msgspec.structs.replace(metric, values=values, margin=None),
                _rebase(report, metric, value, base),
            )


def _value(metric: MetricResult, variant: str) -> VariantValue | None:
    """Return a metric in one arm."""
    return next((value for value in metric.values if value.variant == variant), None)


def _rebase(report: Report, metric: MetricResult, value: VariantValue, base: VariantValue) -> Effect:
    """Compare an arm with a baseline other than control."""
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), "")
    against = next((effect for effect in metric.effects if effect.variant == base.variant), None)
    if value.variant == control and against is not None:
        return _turn(against, control)
    known = value.value is not None and base.value is not None
    effect = (value.value or 0.0) - (base.value or 0.0) if known else None
    rel = effect / base.value if effect is not None and base.value else None
    return Effect(
        variant=value.variant, effect=effect, se=None, ci_lower=None, ci_upper=None, rel_effect=rel,
        rel_ci_lower=None, rel_ci_upper=None, p_value=None, verdict="not_computable", method="points",
        reason=None if known else value.reason or base.reason,
    )  # fmt: skip


def _turn(effect: Effect, control: str) -> Effect:
    """Turn an effect round: control against the variant. Exact, as a ratio and its bounds turn over."""

    def minus(number: float | None) -> float | None:
        return None if number is None else -number

    def over(share: float | None) -> float | None:
        return None if share is None or share <= -1 else 1 / (1 + share) - 1

    turned = {"better": "worse", "worse": "better"}
    lower = effect.rel_ci_lower is not None and effect.rel_ci_lower > -1
    return msgspec.structs.replace(
        effect,
        variant=control,
        effect=minus(effect.effect),
        ci_lower=minus(effect.ci_upper),
        ci_upper=minus(effect.ci_lower),
        rel_effect=over(effect.rel_effect),
        rel_ci_lower=over(effect.rel_ci_upper) if lower else None,
        rel_ci_upper=over(effect.rel_ci_lower) if lower else None,
        verdict=turned.get(effect.verdict, effect.verdict),
    )


def _rescale(report: Report, metric: MetricResult, effect: Effect, row: EffectRow, scale: str) -> EffectRow:
    """Say a row on another scale; the verdict stays what it was."""
    if effect.method == "points" and effect.effect is not None:
        row = replace(row, word=wording.Word("Not tested", "dash", "calm"), plausible="", notes=(NO_TEST,))
    if scale == "relative":
        return _say_points(row, effect) if effect.method == "points" else _with_zone(report, row)
    factor = factor_of(report, metric, scale)
    if effect.effect is None or factor is None:
        return replace(row, bar=None)
    change = say_scaled(effect.effect, metric.unit, factor, signed=True)
    bounds = (effect.ci_lower, effect.ci_upper)
    lower, upper = (None if bound is None else bound * factor.size for bound in bounds)
    plausible = ""
    if lower is not None and upper is not None:
        plausible = f"{_amount(lower, metric.unit, factor)} to {_amount(upper, metric.unit, factor)}"
    bar = row.bar
    if bar is not None and lower is not None and upper is not None:
        base = abs((metric.values[0].value or 0.0) * factor.size) if metric.values else 0.0
        margin = _margin(metric, base, factor)
        bar = replace(
            bar, point=effect.effect * factor.size, lower=lower, upper=upper, margin=margin,
            zone=(report.experiment.min_effect or 0.0) * base or None,
        )  # fmt: skip
    said = [f"{row.title}: {change}", f"plausible change {plausible}" if plausible else "", row.word.text]
    sentence = ", ".join(part for part in said if part)
    return replace(row, change=change, plausible=plausible, bar=bar, sentence=sentence)


def _margin(metric: MetricResult, base: float, factor: Factor) -> float | None:
    """Return where harm begins on a scale that is not relative, signed: below zero when up is good."""
    if metric.margin is None:
        return None
    size = metric.margin * (base if metric.margin_scale == "relative" else factor.size)
    return -size if metric.direction == "up" else size


def _say_points(row: EffectRow, effect: Effect) -> EffectRow:
    """Say a change that has no interval."""
    change = row.change if effect.rel_effect is None else wording.percent(effect.rel_effect, signed=True)
    return replace(row, change=change, sentence=f"{row.title}: {change}, {NO_TEST}", bar=None)


def _with_zone(report: Report, row: EffectRow) -> EffectRow:
    """Mark the changes that are too small to act on."""
    zone = report.experiment.min_effect
    return replace(row, bar=replace(row.bar, zone=zone)) if row.bar and zone else row


def factor_of(report: Report, metric: MetricResult, scale: str) -> Factor | None:
    """Return by what an effect per customer is multiplied; None where the scale has no meaning."""
    if scale == "absolute" or metric.unit not in SUMMED:
        return Factor(1.0, "")
    if scale == "per_1000":
        return Factor(1_000.0, "per 1,000 customers")
    per_day = customers_per_day(report)
    return Factor(per_day, "a day") if per_day else None


def customers_per_day(report: Report) -> float | None:
    """Return how many customers a day met the experiment; None before it has run for an hour."""
    facts = report.experiment
    try:
        start = parse_instant(facts.started_at or "")
        end = parse_instant(facts.stopped_at or report.inputs.as_of)
    except InvalidInputError:
        return None
    days = (end - start) / timedelta(days=1)
    return sum(arm.n_exposed for arm in facts.variants) / days if days > 1 / 24 else None


def say_scaled(amount: float, unit: str, factor: Factor, *, signed: bool = False) -> str:
    """Say an amount per customer on another scale."""
    said = _amount(amount * factor.size, unit, factor, signed=signed)
    return f"{said} {factor.words}".strip()


def _amount(amount: float, unit: str, factor: Factor, *, signed: bool = True) -> str:
    """Write an amount that is multiplied already."""
    if not factor.words:
        return wording.quantity(amount, unit, signed=signed)
    digits = 0 if abs(amount) >= 100 else 1 if abs(amount) >= 1 else 2
    return wording.number(amount, digits, signed=signed)
