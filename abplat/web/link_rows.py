"""The links of a journey as rows: what each adds to the difference in completion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from abplat.domain.report import LinkDecomposition, LinkEffect, Report
from abplat.web import wording
from abplat.web.charts import waterfall


@dataclass(frozen=True, slots=True)
class LinkRow:
    """One row: the start, a link, or the end."""

    name: str
    control: str
    treatment: str
    points: str
    plausible: str
    tone: str
    picture: Markup
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class LinkTable:
    """The waterfall of one variant."""

    variant: str
    rows: tuple[LinkRow, ...]
    total: str
    caption: str
    reason: str


class LinkNumbers(NamedTuple):
    """What a sentence on a link is made of."""

    name: str
    points: str
    plausible: str
    control: str
    treatment: str


Saying = Callable[[LinkEffect, LinkNumbers], str]
"""Says one link in the sentence that its picture says to a reader."""


def say_link(_link: LinkEffect, numbers: LinkNumbers) -> str:
    """Say one link in English."""
    said = f"{numbers.name}: {numbers.points}"
    said += f", plausible {numbers.plausible}" if numbers.plausible else ""
    return f"{said}; control goes on with {numbers.control}, the variant with {numbers.treatment}"


def list_link_tables(report: Report, say: Saying = say_link) -> tuple[LinkTable, ...]:
    """Return one waterfall per variant."""
    return tuple(make_table(report, links, say) for links in report.links)


def make_table(report: Report, links: LinkDecomposition, say: Saying = say_link) -> LinkTable:
    """Lay the links of one variant end to end, from control's completion to the variant's."""
    name = variant_title(report, links.variant)
    start, end = _completion(links.control_counts), _completion(links.treatment_counts)
    points = [link.points for link in links.links]
    if start is None or end is None or links.reason or any(value is None for value in points):
        reason = links.reason or next((link.reason for link in links.links if link.reason), None)
        return LinkTable(name, (), "", links.caption, wording.say_reason(reason))
    steps = _steps(start, links.links)
    scale = waterfall.scale_of(start, [*steps, waterfall.Step(end, end)])
    rows = [_total_row("Control completes", (scale, start, start), links.control_counts)]
    rows += [
        _link_row(report, link, step, (scale, start), say)
        for link, step in zip(links.links, steps, strict=True)
    ]
    rows.append(_total_row(f"{name} completes", (scale, end, start), links.treatment_counts))
    return LinkTable(name, tuple(rows), _say_total(links), links.caption, "")


def variant_title(report: Report, key: str) -> str:
    """Return what a variant is called."""
    return next((arm.title for arm in report.experiment.variants if arm.key == key), key) or key


def stage_title(report: Report, key: str) -> str:
    """Return what a stage is called; the start of the chain is not a stage."""
    if key in {"exposed", "exposure"}:
        return "Exposed"
    found = next((stage.title for stage in report.journey.stages if stage.key == key), "")
    return found or wording.humanise(key)


def _completion(counts: tuple[int, ...]) -> float | None:
    """Return the share that reached the last stage."""
    return counts[-1] / counts[0] if counts and counts[0] else None


def _steps(start: float, links: tuple[LinkEffect, ...]) -> list[waterfall.Step]:
    """Return where the running total stands before and after each link."""
    steps, total = [], start
    for link in links:
        after = total + (link.points or 0.0)
        steps.append(waterfall.Step(total, after, link.points_ci_lower, link.points_ci_upper))
        total = after
    return steps


def _total_row(name: str, place: tuple[waterfall.Scale, float, float], counts: tuple[int, ...]) -> LinkRow:
    """Make the first or last row."""
    scale, rate, start = place
    detail = f"{wording.count(counts[-1])} of {wording.count(counts[0])}"
    sentence = f"{name}: {wording.percent(rate)} ({detail})"
    picture = waterfall.draw_total(scale, rate, start, sentence)
    return LinkRow(name, "", "", wording.percent(rate), detail, "calm", picture, is_total=True)


def _link_row(
    report: Report, link: LinkEffect, step: waterfall.Step, place: tuple[waterfall.Scale, float], say: Saying
) -> LinkRow:
    """Make the row of one link."""
    name = f"{stage_title(report, link.source)} \u2192 {stage_title(report, link.target)}"
    points = wording.points(link.points or 0.0)
    known = link.points_ci_lower is not None and link.points_ci_upper is not None
    plausible = (
        f"{wording.points(link.points_ci_lower or 0)} to {wording.points(link.points_ci_upper or 0)}"
        if known
        else ""
    )
    control, treatment = _rate(link.control_rate, link), _rate(link.treatment_rate, link)
    tone = "calm" if step.after == step.before else "more" if step.after > step.before else "fewer"
    sentence = say(link, LinkNumbers(name, points, plausible, control, treatment))
    picture = waterfall.draw_step(place[0], step, place[1], sentence)
    return LinkRow(name, control, treatment, points, plausible, tone, picture)


def _rate(rate: float | None, link: LinkEffect) -> str:
    """Say the share of customers that went on."""
    return wording.said(rate, "share", link.reason)


def _say_total(links: LinkDecomposition) -> str:
    """Say the whole difference with its interval."""
    if links.difference is None:
        return wording.say_reason(links.reason)
    text = f"Difference in completion: {wording.points(links.difference)}"
    if links.ci_lower is None or links.ci_upper is None:
        return text
    return f"{text}, plausible {wording.points(links.ci_lower)} to {wording.points(links.ci_upper)}"
