"""The maturity section in the terminal."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from abplat.domain.report_base import Contrast
from abplat.domain.report_maturity import ArmMaturity, MaturitySection, Novelty
from abplat.web import wording


def render_maturity(section: MaturitySection, unit: str) -> list[RenderableType]:
    """Return the parts of the section that say something; effects are in the unit of the primary metric."""
    known = wording.DASH if section.share_known is None else wording.percent(section.share_known)
    head = Text("Time", style="bold")
    lines: list[RenderableType] = [
        head,
        Text(
            f"  {known} of the customers have passed the horizon; all by {wording.instant(section.all_mature_at)}"
        ),
    ]
    lines += [_arm(arm) for arm in section.arms]
    lines += [Text(f"  To be expected of {row.variant}: {_say(row, 'share')}") for row in section.forecast]
    for week in section.weeks:
        young = "" if week.is_mature else ", still inside the horizon"
        n = wording.count(week.n_control + week.n_treatment)
        lines.append(Text(f"  {week.week} {week.variant}: {_say(week, unit)} of {n}{young}", style="dim"))
    lines += [_novelty(row) for row in section.novelty]
    return lines


def _arm(arm: ArmMaturity) -> Text:
    """Write what one arm has done and will do."""
    text = f"  {arm.variant}: {wording.count(arm.n_completed)} of {wording.count(arm.n_exposed)} completed"
    if arm.n_open:
        text += f", {wording.count(arm.n_open)} with an open journey"
    if arm.expected_completed is not None and arm.expected_share is not None:
        share = wording.percent(arm.expected_share)
        text += f"; {wording.number(arm.expected_completed)} ({share}) to be expected"
    return Text(text)


def _novelty(row: Novelty) -> Text:
    """Say whether the effect lasts."""
    if row.reason is not None or row.first is None or row.last is None:
        return Text(f"  Does it last ({row.variant}): {wording.say_reason(row.reason)}", style="dim")
    ends = f"{wording.percent(row.first, signed=True)} at first, {wording.percent(row.last, signed=True)} at last"
    style = "yellow" if row.alarm else ""
    return Text(
        f"  Does it last ({row.variant}): {row.pattern}, {ends}, {wording.p_value(row.p_value)}", style=style
    )


def _say(row: Contrast, unit: str) -> str:
    """Write a contrast with its interval."""
    if row.effect is None or row.ci_lower is None or row.ci_upper is None:
        return wording.say_reason(row.reason)
    return f"{wording.quantity(row.effect, unit, signed=True)} ({wording.interval(row.ci_lower, row.ci_upper, unit)})"
