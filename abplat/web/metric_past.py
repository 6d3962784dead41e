"""What the past says of a metric, as its card shows it: trend, noise, and what a test could show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from markupsafe import Markup

from abplat.domain.metric_history import Detectable, MetricHistory, SplitCheck
from abplat.web import wording
from abplat.web.charts import sparkline
from abplat.web.metric_card import Fact
from abplat.web.wording import Word

_SOURCES = {"exposures": "first exposures", "first_touchpoints": "first touchpoints"}


class Past(NamedTuple):
    """What the past says."""

    as_of: str
    reason: str
    picture: Markup | None
    sentence: str
    facts: tuple[Fact, ...]
    detectable: tuple[tuple[str, str, str], ...]
    rate: tuple[Word, str] | None
    marks: tuple[tuple[str, str], ...] = ()
    """Days whose data were not as they should be, and why."""


def describe_past(document: Mapping[str, Any], unit: str) -> Past:
    """Put the stored past of a metric into words.

    Args:
        document: As the worker stored it.
        unit: share, count, seconds or value.
    """
    history = msgspec.convert(document, MetricHistory)
    picture, sentence = _draw(history, unit)
    return Past(
        as_of=wording.instant(history.as_of),
        reason=wording.say_reason(history.reason) if history.reason else "",
        picture=picture,
        sentence=sentence,
        facts=tuple(_list_facts(history, unit)),
        detectable=tuple(map(_say_detectable, history.mde)),
        rate=_say_rate(history.false_positives) if history.false_positives else None,
        marks=tuple((mark.day, mark.note) for mark in history.marks),
    )


def _draw(history: MetricHistory, unit: str) -> tuple[Markup | None, str]:
    """Draw the value day by day."""
    days = [day for day in history.days if day.value is not None]
    if len(days) < 2:
        return None, ""
    values = [day.value or 0.0 for day in days]
    said = [wording.said(value, unit) for value in (min(values), max(values), values[-1])]
    sentence = f"Day by day from {days[0].day} to {days[-1].day}: between {said[0]} and {said[1]}, at last {said[2]}."
    odd = {mark.day: mark.note for mark in history.marks}
    marks = {place: f"{day.day}: {odd[day.day]}" for place, day in enumerate(days) if day.day in odd}
    if marks:
        sentence += f" On {len(marks)} of these days the data were not as they should be."
    return sparkline.draw(values, sentence, marks), sentence


def _list_facts(history: MetricHistory, unit: str) -> list[Fact]:
    """List the numbers, each with the word that explains it."""
    facts = [
        Fact(
            "Customers",
            f"{wording.count(history.n)}, by their {_SOURCES.get(history.source, history.source)}",
        ),
        Fact("Value", wording.said(history.value, unit), "baseline"),
    ]
    if history.variance is not None:
        facts.append(Fact("Variance", f"{history.variance:.4g}", "variance"))
    if history.skewness is not None:
        facts.append(Fact("Skewness", wording.number(history.skewness, 1)))
    if history.covariate_gain is not None:
        facts.append(Fact("Gain by what was known before", wording.percent(history.covariate_gain), "cuped"))
    if history.capping is not None:
        cap = history.capping
        less = wording.percent(1 - cap.variance / history.variance) if history.variance else "nothing"
        said = f"cuts {wording.percent(cap.share_capped)} of customers and takes {less} of the variance away"
        facts.append(Fact(f"A cap at {wording.level(cap.quantile)}", said, "capping"))
    return facts


def _say_detectable(each: Detectable) -> tuple[str, str, str]:
    """Say what a test of some weeks shows."""
    effect = wording.say_reason(each.reason) if each.mde is None else wording.percent(each.mde)
    return f"{each.weeks} weeks", wording.count(each.n_units), effect


def _say_rate(check: SplitCheck) -> tuple[Word, str]:
    """Say how often equal halves differ."""
    word = (
        Word("Cries wolf", "warning", "warn")
        if check.is_suspicious
        else Word("As it should be", "check", "good")
    )
    bounds = f"{wording.percent(check.ci_lower)} to {wording.percent(check.ci_upper)}"
    sentence = (
        f"{wording.count(check.n_rejected)} of {wording.count(check.splits)} random splits into equal halves differ: "
        f"{wording.percent(check.rate)} (plausible {bounds}), where {wording.level(check.alpha)} is right."
    )
    return word, sentence
