"""Time to complete and how the journeys ended."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from abplat.domain.report import Report, SurvivalCurve
from abplat.web import wording
from abplat.web.charts import bars, histogram, survival, svg
from abplat.web.link_rows import stage_title, variant_title

MOMENTS = 5
"""Columns of the risk table, about."""
ORDER = ("completed", "open", "abandoned", "aborted", "superseded")


@dataclass(frozen=True, slots=True)
class TimingRow:
    """One arm of the timing table."""

    name: str
    at_risk: tuple[str, ...]
    done: str
    not_yet: str
    median: str
    rmst: str


@dataclass(frozen=True, slots=True)
class When:
    """When customers complete: a histogram and the table behind it."""

    picture: Markup
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Timing:
    """Time to complete: picture, risk table and summary."""

    picture: Markup
    moments: tuple[str, ...]
    rows: tuple[TimingRow, ...]
    sentence: str
    difference: str
    when: When | None
    horizon: str


@dataclass(frozen=True, slots=True)
class EndingRow:
    """One way to end, in each arm."""

    name: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endings:
    """How the journeys ended: one bar per arm, a key to the colours and the table."""

    arms: tuple[str, ...]
    pictures: tuple[Markup, ...]
    key: tuple[tuple[str, str], ...]
    rows: tuple[EndingRow, ...]


def make_timing(report: Report) -> Timing | None:
    """Draw the curves of all arms; None where there is nothing to draw."""
    known = [curve for curve in report.survival if curve.times]
    if not known:
        return None
    end = max(curve.tau for curve in known)
    names = [variant_title(report, curve.variant) for curve in known]
    curves = [_curve(curve, name) for curve, name in zip(known, names, strict=True)]
    sentence = _say_difference(known, names)
    length, unit = survival.unit_of(end)
    ticks = svg.ticks_between(0, end / length, MOMENTS)
    instants = [tick * length for tick in ticks]
    moments = tuple(f"{wording.number(tick, 1).removesuffix('.0')} {unit}" for tick in ticks)
    rows = tuple(_timing_row(curve, name, instants) for curve, name in zip(known, names, strict=True))
    picture = survival.draw(curves, end, sentence)
    difference, when = _say_medians(report, known), _draw_when(known, names, end)
    return Timing(picture, moments, rows, sentence, difference, when, wording.duration(end))


def _say_medians(report: Report, known: list[SurvivalCurve]) -> str:
    """Say how much earlier or later half of each variant has completed; else compare the mean waits."""
    control_key = next((arm.key for arm in report.experiment.variants if arm.is_control), "")
    control = next((curve for curve in known if curve.variant == control_key), None)
    if control is None:
        return ""
    others = (curve for curve in known if curve is not control)
    said = (_say_median(variant_title(report, curve.variant), curve, control) for curve in others)
    return " ".join(filter(None, said))


def _say_median(name: str, curve: SurvivalCurve, control: SurvivalCurve) -> str:
    """Say one arm against control."""
    if curve.median is not None and control.median is not None:
        gap = curve.median - control.median
        way = "at the same time as" if not gap else "earlier than" if gap < 0 else "later than"
        by = f"{wording.duration(abs(gap))} " if gap else ""
        return f"Half of {name} have completed {by}{way} half of control."
    if curve.rmst is None or control.rmst is None:
        return ""
    wait = wording.duration(curve.rmst - control.rmst, signed=True)
    return f"{name}: mean wait {wait} against control. Medians cannot be compared while fewer than half complete."


def _draw_when(known: list[SurvivalCurve], names: list[str], end: float) -> When | None:
    """Draw in which part of the horizon customers complete, as shares of the exposed."""
    length, unit = survival.unit_of(end)
    edges = svg.ticks_between(0, end / length, 8)
    if len(edges) < 3:
        return None
    words = [wording.number(edge, 1).removesuffix(".0") for edge in edges]
    series = []
    for curve, name in zip(known, names, strict=True):
        done = [_done_at(curve, edge * length) for edge in edges]
        heights = tuple(max(after - before, 0.0) for before, after in pairwise(done))
        series.append(histogram.Series(name, heights))
    most = [max(range(len(each.heights)), key=each.heights.__getitem__) for each in series]
    peaks = "; ".join(
        f"{each.name}: most between {words[at]} and {words[at + 1]} {unit} ({wording.percent(each.heights[at])})"
        for each, at in zip(series, most, strict=True)
    )
    picture = histogram.draw(words, series, unit, f"When customers complete. {peaks}.")
    rows = tuple(
        (f"{words[at]} to {words[at + 1]} {unit}", *(wording.percent(each.heights[at]) for each in series))
        for at in range(len(words) - 1)
    )
    return When(picture, ("Since exposure", *names), rows)


def _done_at(curve: SurvivalCurve, time: float) -> float:
    """Return the share that has completed at an instant."""
    index = bisect_right(curve.times, time) - 1
    return 1 - curve.survival[index] if index >= 0 else 0.0


def _curve(curve: SurvivalCurve, name: str) -> survival.Curve:
    """Turn survival, the share still going, into the share that is done."""

    def done(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(1 - value for value in values)

    return survival.Curve(name, curve.times, done(curve.survival), done(curve.ci_upper), done(curve.ci_lower))


def _say_difference(known: list[SurvivalCurve], names: list[str]) -> str:
    """Say the mean times of all arms."""
    parts = [
        f"{name}: {wording.percent(1 - curve.survival[-1])} done, mean wait {_say_time(curve.rmst)}"
        for curve, name in zip(known, names, strict=True)
    ]
    return "Time to complete. " + "; ".join(parts) + "."


def _say_time(seconds: float | None) -> str:
    """Say a time, or that there is none."""
    return wording.duration(seconds) if seconds is not None else wording.say_reason("too_few_events")


def _timing_row(curve: SurvivalCurve, name: str, instants: list[float]) -> TimingRow:
    """Make the line of one arm."""
    return TimingRow(
        name=name,
        at_risk=tuple(_at_risk(curve, time) for time in instants),
        done=wording.count(curve.n_events),
        not_yet=wording.count(curve.n_censored),
        median="fewer than half complete" if curve.median is None else wording.duration(curve.median),
        rmst=_say_time(curve.rmst),
    )


def _at_risk(curve: SurvivalCurve, time: float) -> str:
    """Say how many customers are still on their way at an instant."""
    index = max(bisect_right(curve.times, time) - 1, 0)
    return wording.count(curve.at_risk[index]) if index < len(curve.at_risk) else wording.DASH


def make_endings(report: Report) -> Endings | None:
    """Draw how the journeys of each arm ended; None where no journey was seen."""
    totals = {arm.key: 0 for arm in report.experiment.variants}
    for ending in report.journey_map.endings:
        totals[ending.variant] = totals.get(ending.variant, 0) + ending.n
    arms = [key for key, total in totals.items() if total]
    if not arms:
        return None
    statuses = [key for key in ORDER if any(e.status == key and e.n for e in report.journey_map.endings)]
    names = tuple(variant_title(report, key) for key in arms)
    pictures = tuple(
        bars.draw(_parts(report, key, statuses, totals[key]), variant_title(report, key)) for key in arms
    )
    key = tuple((status, wording.ENDINGS[status]) for status in statuses)
    return Endings(names, pictures, key, _ending_rows(report, arms, totals))


def _parts(report: Report, arm: str, statuses: list[str], total: int) -> list[bars.Part]:
    """Sum the endings of one arm by status."""
    counts = dict.fromkeys(statuses, 0)
    for ending in report.journey_map.endings:
        if ending.variant == arm and ending.status in counts:
            counts[ending.status] += ending.n
    return [bars.Part(key, wording.ENDINGS[key], n / total, n) for key, n in counts.items() if n]


def _ending_rows(report: Report, arms: list[str], totals: dict[str, int]) -> tuple[EndingRow, ...]:
    """Make the table: each ending, and the stage before which it came."""
    found: dict[tuple[str, str | None], dict[str, int]] = {}
    for ending in report.journey_map.endings:
        by_arm = found.setdefault((ending.status, ending.next_stage), {})
        by_arm[ending.variant] = by_arm.get(ending.variant, 0) + ending.n
    keys = sorted(found, key=lambda key: (ORDER.index(key[0]) if key[0] in ORDER else 9, key[1] or ""))
    return tuple(
        EndingRow(
            _ending_name(report, key),
            tuple(_ending_cell(found[key].get(arm, 0), totals[arm]) for arm in arms),
        )
        for key in keys
    )


def _ending_name(report: Report, key: tuple[str, str | None]) -> str:
    """Name an ending by its status and the stage that was not reached."""
    status, stage = key
    name = wording.ENDINGS.get(status) or wording.humanise(status)
    return (
        f"{name} before \u201c{stage_title(report, stage)}\u201d" if stage and status != "completed" else name
    )


def _ending_cell(n: int, total: int) -> str:
    """Say a count and its share."""
    return f"{wording.count(n)} ({wording.percent(n / total)})"
