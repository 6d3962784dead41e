"""A plan as a page shows it: how long, how many, and what each week more would show."""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from abplat.domain.catalogue import Document
from abplat.domain.plan_answers import PlanAnswer, WeekFacts, decode_answer, find_days, list_days
from abplat.web import wording
from abplat.web.form_reader import make_sentence

MOST_WEEKS = 12
_API_ONLY = " Name another instant"
"""From here on a message speaks of fields of the API."""


@dataclass(frozen=True, slots=True)
class WeekRow:
    """What the test would show if customers came in for so many weeks."""

    weeks: str
    units: str
    effect: str
    bar: float
    """Smallest effect as a share of the largest one shown, for the bar."""
    is_enough: bool


@dataclass(frozen=True, slots=True)
class Trade:
    """Effect against days: what a slider moves along."""

    least: str
    most: str
    step: str
    chosen: str
    """Percent, as a field of numbers takes it."""
    sentence: str
    weeks: str
    """Smallest effect and days of each week, as JSON."""


@dataclass(frozen=True, slots=True)
class PlanView:
    """The answer of the planner in words."""

    sentence: str
    tone: str
    """good, warn or calm."""
    facts: tuple[tuple[str, str], ...]
    weeks: tuple[WeekRow, ...]
    assumptions: tuple[str, ...]
    faults: tuple[str, ...]
    trade: Trade | None = None


def make_plan_view(plan: Document, effect: float | None = None) -> PlanView:
    """Describe a plan that the worker has answered, or why it could not.

    Args:
        plan: As the service describes it.
        effect: What the slider asks about, as a share.
    """
    faults = tuple(make_sentence(f"{each['path']} {each['message']}".strip()) for each in plan["problems"])
    if plan["answer"] is None:
        words = "The worker could not compute it." if faults else "The worker is computing it."
        return PlanView(words, "warn" if faults else "calm", (), (), (), faults)
    answer = decode_answer(plan["answer"])
    gaps = tuple(dict.fromkeys(make_sentence(gap.message.partition(_API_ONLY)[0]) for gap in answer.gaps))
    sentence, tone = _summarise(answer)
    return PlanView(
        sentence,
        tone,
        tuple(_facts(answer)),
        _weeks(answer),
        answer.assumptions,
        gaps,
        _trade(answer, effect),
    )


def _summarise(answer: PlanAnswer) -> tuple[str, str]:
    """Say how long it takes, or that it does not fit."""
    if answer.size is None:
        return "How long it takes cannot be said yet.", "warn"
    units = f"{wording.count(answer.size.n_units)} customers"
    if answer.run_time is None:
        return (
            f"{units} are needed, and there are too few: widen the audience, or look for a larger change.",
            "warn",
        )
    days = round(answer.run_time.total_days)
    per_day = answer.run_time.n_units / max(answer.run_time.total_days - answer.run_time.maturation_days, 1)
    pace = wording.count(max(round(per_day), 1))
    return f"About {wording.count(days)} days at {pace} customers a day: {units} are needed.", "good"


def _facts(answer: PlanAnswer) -> list[tuple[str, str]]:
    """Return the numbers behind it."""
    found = []
    if answer.outcome is not None:
        is_share = answer.outcome.kind in ("proportion", "time_to_complete")
        value = (
            wording.percent(answer.outcome.baseline)
            if is_share
            else wording.number(answer.outcome.baseline, 2)
        )
        found.append(("Without the change", value))
    if answer.size is not None:
        found.append(("Effect to be shown", _effect(answer, answer.size.effect)))
        found.append(("Power", wording.level(answer.test.power)))
    if answer.run_time is not None:
        found.append(("Result on", answer.run_time.ends_on))
    if answer.history is not None:
        days = f"{answer.history.starts_on} to {answer.history.ends_on}"
        found.append(("History", f"{wording.count(answer.history.n_units)} customers, {days}"))
    return found


def _weeks(answer: PlanAnswer) -> tuple[WeekRow, ...]:
    """Describe each week that shows anything."""
    rows = [week for week in answer.weeks[:MOST_WEEKS] if week.mde is not None]
    largest = max((abs(week.mde or 0) for week in rows), default=0) or 1
    return tuple(_week(answer, week, largest) for week in rows)


def _week(answer: PlanAnswer, week: WeekFacts, largest: float) -> WeekRow:
    """Describe one week."""
    effect = week.mde or 0.0
    wanted = abs(answer.test.effect) if answer.test.effect is not None else None
    return WeekRow(
        weeks=f"{week.week} week{'' if week.week == 1 else 's'}",
        units=wording.count(week.n_units),
        effect=_effect(answer, effect),
        bar=abs(effect) / largest,
        is_enough=wanted is not None and abs(effect) <= wanted,
    )


def _trade(answer: PlanAnswer, effect: float | None) -> Trade | None:
    """Describe effect against days; only for relative effects, which people think in."""
    rows = [week for week in answer.weeks[:MOST_WEEKS] if week.mde]
    if answer.test.scale != "relative" or answer.test.question != "superiority" or len(rows) < 2:
        return None
    sizes = [abs(week.mde or 0) * 100 for week in rows]
    least, most = math.ceil(min(sizes) * 10) / 10, math.ceil(max(sizes) * 10) / 10
    chosen = effect or abs(answer.test.effect or 0) or sizes[len(sizes) // 2] / 100
    days, shown = find_days(answer, chosen), f"{chosen * 100:.4g}"
    said = (
        f"A change of {shown}{wording.NARROW}% is shown after about {wording.count(days)} days."
        if days
        else f"A change of {shown}{wording.NARROW}% is too small to be shown in the weeks of the table."
    )
    of_week = list_days(answer)
    points = [[round(size, 4), of_week[week.week]] for size, week in zip(sizes, rows, strict=True)]
    step = "0.1" if most > 1 else "0.01"
    return Trade(
        f"{max(least, 0.01):g}", f"{most:g}", step, shown, said, msgspec.json.encode(points).decode()
    )


def _effect(answer: PlanAnswer, value: float) -> str:
    """Write an effect on the scale of the plan."""
    if answer.test.scale == "relative":
        return wording.percent(value, signed=True)
    return wording.number(value, 3, signed=answer.test.scale == "absolute")
