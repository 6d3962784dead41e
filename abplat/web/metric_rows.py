"""The metric table as people read it: four blocks of rows, said in words and numbers."""

from __future__ import annotations

from dataclasses import dataclass

from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.domain.notes import say_note
from abplat.domain.report import Effect, MetricResult, Report, VariantValue
from abplat.web import wording
from abplat.web.charts.forest import Bar

BLOCKS = (
    ("primary", "Goal", "The outcome of the journey. This decides."),
    ("guardrail", "Guardrails", "Must be shown no worse than their margin."),
    ("secondary", "Secondary", "Help to understand the goal."),
    ("touchpoint", "Touchpoints", "Explain, never decide."),
)
KINDS = {
    "completion": "share of customers who complete the journey",
    "start": "share of customers who start the journey",
    "reach": "share of customers who reach the stage",
    "time_to_complete": "mean time until the journey is complete, within the horizon",
    "touchpoint": "one touchpoint on its own",
    "effort": "touchpoints of the journey per customer",
    "value": "value per customer",
}
METHODS = {
    "welch": "Welch\u2019s t-test",
    "rmst": "difference of restricted mean times",
    "delta": "delta method",
    "fieller": "Fieller\u2019s interval",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A metric in one arm: the value and, below it, what it was counted from."""

    value: str
    detail: str


@dataclass(frozen=True, slots=True)
class EffectRow:
    """One metric of one variant against control."""

    key: str
    title: str
    direction: str
    definition: str
    variant: str
    control: Cell
    treatment: Cell
    change: str
    plausible: str
    """The bounds, such as ``−0.3 % to +4.5 %``; empty where there are none."""
    word: wording.Word
    margin: str
    bar: Bar | None
    sentence: str
    absolute: str
    p_value: str
    method: str
    notes: tuple[str, ...] = ()
    """What to know before believing the row, in sentences."""


@dataclass(frozen=True, slots=True)
class Block:
    """All rows of one role."""

    role: str
    title: str
    note: str
    rows: tuple[EffectRow, ...]


def list_blocks(report: Report) -> tuple[Block, ...]:
    """Return the blocks of the metric table that hold any row, in the order of their weight."""
    withheld = is_withheld(report)
    titles = {variant.key: variant.title for variant in report.experiment.variants}
    blocks = []
    for role, title, note in BLOCKS:
        metrics = [metric for metric in report.metrics if metric.role == role]
        rows = tuple(
            make_row(metric, effect, titles, withheld=withheld)
            for metric in metrics
            for effect in metric.effects
        )
        if rows:
            blocks.append(Block(role, title, note, rows))
    return tuple(blocks)


def is_withheld(report: Report) -> bool:
    """Tell whether a finding forbids every verdict."""
    return any(finding.severity == "block" for finding in report.findings)


def make_row(metric: MetricResult, effect: Effect, titles: dict[str, str], *, withheld: bool) -> EffectRow:
    """Say one effect in words and numbers."""
    control = metric.values[0] if metric.values else None
    treatment = next((value for value in metric.values if value.variant == effect.variant), None)
    word = wording.say_word(wording.WORDS, "not_trusted" if withheld else effect.verdict)
    change, plausible = _say_change(metric, effect)
    margin = _say_margin(metric, effect)
    said = [
        f"{metric.title}: {change}",
        f"plausible change {plausible}" if plausible else "",
        word.text,
        margin,
    ]
    return EffectRow(
        key=metric.key,
        title=metric.title,
        direction="higher is better" if metric.direction == "up" else "lower is better",
        definition=KINDS.get(metric.kind) or _define(metric),
        variant=titles.get(effect.variant, effect.variant),
        control=_say_cell(metric, control),
        treatment=_say_cell(metric, treatment),
        change=change,
        plausible=plausible,
        word=word,
        margin=margin,
        bar=_bar(metric, effect, word.tone),
        sentence=", ".join(part for part in said if part),
        absolute=_say_absolute(metric, effect),
        p_value=wording.p_value(effect.p_value),
        method=METHODS.get(effect.method, wording.humanise(effect.method)),
        notes=tuple(say_note(code) for code in _list_codes(effect)),
    )


def _define(metric: MetricResult) -> str:
    """Say what a kind counts, and over whom where that is not everybody."""
    kind = KINDS_BY_KEY.get(metric.kind)
    if kind is None:
        return wording.humanise(metric.kind).lower()
    return (
        f"{kind.counts}, per customer" if kind.denominator == "N" else f"{kind.counts} / {kind.denominator}"
    )


def _list_codes(effect: Effect) -> list[str]:
    """Return the flags of an effect, and why a number of it is missing."""
    codes = [code for code in (effect.reason or "").split(", ") if code]
    return [*codes, *([effect.rel_reason] if effect.rel_reason else [])]


def _say_cell(metric: MetricResult, value: VariantValue | None) -> Cell:
    """Say the value of one arm."""
    if value is None:
        return Cell(wording.say_reason(None), "")
    n = wording.count(value.n)
    if value.value is None:
        return Cell(wording.say_reason(value.reason), f"n = {n}")
    known = metric.unit == "share" and value.total is not None
    detail = f"{wording.count(round(value.total or 0))} of {n}" if known else f"n = {n}"
    return Cell(wording.said(value.value, metric.unit, value.reason), detail)


def _say_change(metric: MetricResult, effect: Effect) -> tuple[str, str]:
    """Say the relative change and its bounds, or the absolute ones, or why there are none."""
    rel, lower, upper = effect.rel_effect, effect.rel_ci_lower, effect.rel_ci_upper
    if rel is not None and lower is not None and upper is not None:
        digits = wording.digits_of_interval(lower, upper)
        change = wording.percent(rel, signed=True, digits=digits)
        return change, wording.interval(lower, upper)
    if effect.effect is None:
        return wording.say_reason(effect.reason), ""
    change = wording.quantity(effect.effect, metric.unit, signed=True)
    if effect.ci_lower is None or effect.ci_upper is None:
        return change, ""
    return change, wording.interval(effect.ci_lower, effect.ci_upper, metric.unit)


def _say_absolute(metric: MetricResult, effect: Effect) -> str:
    """Say the change in the unit of the metric, for the fold."""
    if effect.effect is None:
        return wording.say_reason(effect.reason)
    change = wording.quantity(effect.effect, metric.unit, signed=True)
    if effect.ci_lower is None or effect.ci_upper is None:
        return change
    return f"{change} ({wording.interval(effect.ci_lower, effect.ci_upper, metric.unit)})"


def _say_margin(metric: MetricResult, effect: Effect) -> str:
    """Say where a guardrail's interval lies against its margin."""
    if metric.margin is None:
        return ""
    is_relative = metric.margin_scale == "relative"
    margin = (
        wording.level(metric.margin)
        if is_relative
        else wording.quantity(metric.margin, metric.unit, signed=True)
    )
    lower, upper = (
        (effect.rel_ci_lower, effect.rel_ci_upper) if is_relative else (effect.ci_lower, effect.ci_upper)
    )
    if lower is None or upper is None:
        return f"margin {margin}"
    best, worst = (upper, lower) if metric.direction == "up" else (-lower, -upper)
    if worst > -metric.margin:
        return f"within its margin of {margin}"
    return f"past its margin of {margin}" if best < -metric.margin else f"margin of {margin} not ruled out"


def _bar(metric: MetricResult, effect: Effect, tone: str) -> Bar | None:
    """Return the interval to draw; a touchpoint gets the colours of more and fewer, not of good and bad."""
    rel, lower, upper = effect.rel_effect, effect.rel_ci_lower, effect.rel_ci_upper
    if rel is None or lower is None or upper is None:
        return None
    if metric.role == "touchpoint" and tone in {"good", "bad"}:
        tone = "more" if rel > 0 else "fewer"
    margin = None
    if metric.margin is not None and metric.margin_scale == "relative":
        margin = -metric.margin if metric.direction == "up" else metric.margin
    return Bar(rel, lower, upper, tone, margin)
