"""The conflict panel: every touchpoint metric held against the journey."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from abplat.domain.report import Conflict, Effect, MetricResult, Report
from abplat.web import wording
from abplat.web.charts import conflict as chart
from abplat.web.metric_rows import is_withheld

TONES = {"bad": "bad", "good": "good", "warn": "warn"}
Bounds = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """One touchpoint against the journey."""

    metric: str
    word: wording.Word
    sentence: str
    p_value: str
    p_holm: str


@dataclass(frozen=True, slots=True)
class ConflictPanel:
    """All touchpoints of one variant."""

    variant: str
    rows: tuple[ConflictRow, ...]
    picture: Markup | None

    @property
    def cells(self) -> list[tuple[str, str, str, str]]:
        """The table behind the picture."""
        return [(row.metric, row.word.text, row.p_value, row.p_holm) for row in self.rows]


def list_conflict_panels(report: Report) -> tuple[ConflictPanel, ...]:
    """Return one panel per variant that has any touchpoint to compare."""
    panels = []
    for arm in report.experiment.variants:
        found = [row for row in report.conflicts if row.variant == arm.key]
        if found:
            rows = tuple(_row(report, row) for row in found)
            panels.append(ConflictPanel(arm.title or arm.key, rows, _picture(report, arm.key, found)))
    return tuple(panels)


def _row(report: Report, found: Conflict) -> ConflictRow:
    """Say one comparison."""
    word = wording.say_word(wording.CONFLICT_STATES, found.state)
    if is_withheld(report):
        word = wording.WORDS["not_trusted"]
    metric = _metric(report, found.metric)
    title = metric.title if metric else wording.humanise(found.metric)
    return ConflictRow(
        title, word, found.sentence, wording.p_value(found.p_value), wording.p_value(found.p_holm)
    )


def _metric(report: Report, key: str) -> MetricResult | None:
    """Find a metric of the report."""
    return next((metric for metric in report.metrics if metric.key == key), None)


def _picture(report: Report, variant: str, found: list[Conflict]) -> Markup | None:
    """Draw the touchpoints whose effect has an interval; none without that of the journey."""
    goal = next((metric for metric in report.metrics if metric.role == "primary"), None)
    up = _bounds(goal, variant)
    if goal is None or up is None:
        return None
    spots = []
    for row in found:
        metric = _metric(report, row.metric)
        across = _bounds(metric, variant)
        if metric and across:
            word = wording.say_word(wording.CONFLICT_STATES, row.state)
            tone = "calm" if is_withheld(report) else TONES.get(word.tone, "calm")
            spots.append(chart.Spot(metric.title, across, up, tone, f"{metric.title}: {row.sentence}"))
    return chart.draw(spots, goal.title.lower()) if spots else None


def _bounds(metric: MetricResult | None, variant: str) -> Bounds | None:
    """Return the interval of an effect, turned so that up is good."""
    effect = (
        next((effect for effect in metric.effects if effect.variant == variant), None) if metric else None
    )
    if metric is None or effect is None:
        return None
    return _turned(effect, up=metric.direction == "up")


def _turned(effect: Effect, *, up: bool) -> Bounds | None:
    """Turn a relative effect so that up is good."""
    lower, point, upper = effect.rel_ci_lower, effect.rel_effect, effect.rel_ci_upper
    if lower is None or point is None or upper is None:
        return None
    return (lower, point, upper) if up else (-upper, -point, -lower)
