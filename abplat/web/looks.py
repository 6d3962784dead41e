"""Lift over time: the goal at every stored look, with what happened between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from markupsafe import Markup

from abplat.clock import format_instant, parse_instant
from abplat.domain.report import Report
from abplat.domain.report_digest import EffectDigest
from abplat.errors import InvalidInputError
from abplat.services.reports import Look
from abplat.web import wording
from abplat.web.charts import lift
from abplat.web.report_sources import Record
from abplat.web.result_words import Mark, list_marks


@dataclass(frozen=True, slots=True)
class LookRow:
    """One look as a line of the table."""

    at: str
    change: str
    plausible: str
    word: wording.Word
    exposed: str


@dataclass(frozen=True, slots=True)
class LiftPanel:
    """The line of one variant, the table behind it, and the notes its numbers lead to."""

    variant: str
    metric: str
    picture: Markup
    rows: tuple[LookRow, ...]
    notes: tuple[tuple[int, str], ...]
    n_looks: int
    n_changed: int
    """Places where the settings changed between two looks."""


def make_lifts(report: Report, record: Record) -> tuple[LiftPanel, ...]:
    """Draw the goal of every variant over the looks up to this report."""
    now = _instant(report.inputs.as_of)
    looks = [look for look in record.looks if now is None or look.as_of <= now]
    panels = []
    for arm in report.experiment.variants:
        found = [(look, effect) for look in looks if (effect := _effect(look, arm.key))]
        if not arm.is_control and found:
            panels.append(_panel(report, arm.title or arm.key, found, record))
    return tuple(panels)


def _effect(look: Look, variant: str) -> EffectDigest | None:
    """Return the effect on the goal at one look, where it has an interval."""
    goal = look.digest.goal
    effects = goal.effects if goal else ()
    effect = next((each for each in effects if each.variant == variant), None)
    known = effect and None not in (effect.rel_effect, effect.rel_ci_lower, effect.rel_ci_upper)
    return effect if known else None


def _panel(
    report: Report, name: str, found: Sequence[tuple[Look, EffectDigest]], record: Record
) -> LiftPanel:
    """Draw one variant."""
    last = found[-1][0].as_of.timestamp()
    start = _instant(report.experiment.started_at or "") or found[0][0].as_of
    marks = [
        mark
        for mark in list_marks(record)
        if mark.at <= last and (mark.until or mark.at) >= start.timestamp()
    ]
    points = _points(found, marks)
    goal = next((metric.title for metric in report.metrics if metric.role == "primary"), "The goal")
    notes = [
        lift.Note(max(mark.at, start.timestamp()), index, mark.words, mark.until)
        for index, mark in enumerate(marks, start=1)
    ]
    looks = f"{record.n_looks} look{'' if record.n_looks == 1 else 's'}"
    sentence = f"{goal} over time, {name} against control: {points[-1].words}, after {looks}."
    tone = "more"
    return LiftPanel(
        variant=name,
        metric=goal,
        picture=lift.draw(points, notes, tone, sentence),
        rows=tuple(_row(look, effect) for look, effect in reversed(found)),
        notes=tuple((note.number, note.words) for note in notes),
        n_looks=record.n_looks,
        n_changed=sum(not point.is_comparable for point in points),
    )


def _points(found: Sequence[tuple[Look, EffectDigest]], marks: Sequence[Mark]) -> list[lift.Point]:
    """Turn looks into places of the line."""
    points: list[lift.Point] = []
    settings, before = "", 0.0
    days = {look.as_of.date() for look, _ in found}
    days |= {datetime.fromtimestamp(mark.at, UTC).date() for mark in marks}
    for look, effect in found:
        lower, upper = effect.rel_ci_lower or 0.0, effect.rel_ci_upper or 0.0
        now = look.digest.inputs.definitions_hash
        at = wording.instant(format_instant(look.as_of))
        label = at[5:10] if len(days) > 1 else at[11:16]
        change = wording.percent(effect.rel_effect or 0.0, signed=True)
        words = f"{at}: {change}, plausible {wording.interval(lower, upper)}"
        instant = look.as_of.timestamp()
        changed = any(mark.is_setting and before < mark.at <= instant for mark in marks)
        same = not settings or (now == settings and not changed)
        points.append(lift.Point(instant, effect.rel_effect or 0.0, lower, upper, words, label, same))
        settings, before = now, instant
    return points


def _row(look: Look, effect: EffectDigest) -> LookRow:
    """Write the line of one look."""
    code = "not_trusted" if look.digest.is_withheld else effect.verdict
    lower, upper = effect.rel_ci_lower or 0.0, effect.rel_ci_upper or 0.0
    return LookRow(
        at=wording.instant(format_instant(look.as_of)),
        change=wording.percent(effect.rel_effect or 0.0, signed=True),
        plausible=wording.interval(lower, upper),
        word=wording.say_word(wording.WORDS, code),
        exposed=wording.count(sum(arm.n_exposed for arm in look.digest.experiment.variants)),
    )


def _instant(text: str) -> datetime | None:
    """Read an instant of a report."""
    try:
        return parse_instant(text)
    except InvalidInputError:
        return None
