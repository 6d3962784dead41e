"""A plan in the terminal: sizes, weeks, looks and everything that was taken for granted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from abplat.domain.plan_answers import PlanAnswer, WeekFacts

_DASH = "\u2013"
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "\ufffd")


def print_plan(answer: PlanAnswer, console: Console | None = None) -> None:
    """Print an answer: what is needed, how long it takes, what each week would show, and why."""
    console = console or Console(highlight=False)
    for part in render(answer):
        console.print(part)


def render(answer: PlanAnswer) -> list[RenderableType]:
    """Return the parts of an answer in their order."""
    parts: list[RenderableType] = [Text(summarise(answer).translate(_CONTROLS), style="bold")]
    parts.append(_table(("", ""), list(_facts(answer)), left=2))
    if answer.size is not None:
        rows = [(arm.variant, f"{arm.share:.1%}", f"{arm.n_units:,}") for arm in answer.size.arms]
        parts.append(_table(("arm", "share", "units"), rows))
    if answer.weeks:
        parts.append(_weeks(answer))
    if answer.looks:
        parts.append(_looks(answer))
    parts += [
        Text.assemble((f"no {gap.part.replace('_', ' ')} ", "yellow"), f"({gap.reason}): {gap.message}")
        for gap in answer.gaps
    ]
    parts.append(Text("Taken for granted", style="bold"))
    parts += [
        Padding(Text("- " + sentence.translate(_CONTROLS)), (0, 0, 0, 1)) for sentence in answer.assumptions
    ]
    return parts


def summarise(answer: PlanAnswer) -> str:
    """Say the main result in one sentence."""
    if answer.size is None:
        return answer.gaps[0].message if answer.gaps else "There is no size."
    units = f"{answer.size.n_units:,} units"
    if answer.size.n_events is not None:
        units = f"{answer.size.n_events:,} completions, as {units} bring once all were watched,"
    if answer.run_time is None:
        return f"{units} are needed."
    weeks = answer.run_time.n_weeks
    return f"{units} are needed: {weeks} week{'s' if weeks != 1 else ''}, with the result on {answer.run_time.ends_on}."


def write_effect(answer: PlanAnswer, value: float | None) -> str:
    """Write an effect on the scale of the plan."""
    if value is None:
        return _DASH
    if answer.test.scale == "relative":
        return f"{value:+.2%}"
    return f"{value:.4g}" if answer.test.scale == "hazard_ratio" else f"{value:+.4g}"


def _facts(answer: PlanAnswer) -> Iterator[tuple[str, str]]:
    """Yield the lines of the head."""
    outcome, size, time = answer.outcome, answer.size, answer.run_time
    if outcome is not None:
        name = f"{outcome.metric} ({outcome.kind})" if outcome.metric else outcome.kind
        value = f"control value {outcome.baseline:.4g}, standard deviation {outcome.sd or 0:.4g}"
        if outcome.sd is None:
            value = f"{outcome.baseline:.1%} of control complete within {answer.test.horizon_days:g} days"
        yield "metric", f"{name}: {value}"
    if size is not None:
        absolute = "" if size.effect_absolute is None else f" ({size.effect_absolute:+.4g} in its unit)"
        yield (
            "effect",
            write_effect(answer, size.effect) + (absolute if answer.test.scale == "relative" else ""),
        )
        yield "power", f"{size.power:.1%}"
        if size.n_events is not None:
            yield "completions", f"{size.n_events:,} in control and one treatment"
    if answer.test.margin is not None:
        yield "margin", f"{answer.test.margin:.4g}"
    if time is not None:
        yield "entry", f"{answer.starts_on} to {time.entry_ends_on}, {time.n_units:,} units expected"
    at = answer.at_units
    if at is not None:
        power = "" if at.power is None else f"power {at.power:.1%}, "
        yield f"with {at.n_units:,}", f"{power}smallest effect {write_effect(answer, at.mde)}"


def _weeks(answer: PlanAnswer) -> Table:
    """Draw what each week more would show."""
    with_power = any(week.power is not None for week in answer.weeks)

    def row(week: WeekFacts) -> tuple[str, ...]:
        mde = write_effect(answer, week.mde) if week.reason is None else f"{_DASH} {week.reason}"
        cells = (str(week.week), week.ends_on, f"{week.n_units:,}", mde)
        return (*cells, _DASH if week.power is None else f"{week.power:.1%}") if with_power else cells

    heads = ("weeks", "result on", "units", "smallest effect", *(("power",) if with_power else ()))
    return _table(heads, [row(week) for week in answer.weeks])


def _looks(answer: PlanAnswer) -> Table:
    """Draw the planned looks with their bounds."""

    def say(value: float | None, write: Callable[[float], str]) -> str:
        return _DASH if value is None else write(value)

    rows = [
        (
            str(look.look),
            f"{look.fraction:.0%}",
            look.on or _DASH,
            say(look.n_units, lambda n: f"{n:,}"),
            say(look.z_upper, lambda z: f"{z:.3f}"),
            say(look.z_lower, lambda z: f"{z:.3f}"),
        )
        for look in answer.looks
    ]
    return _table(("look", "share", "on", "units", "stop above Z", "stop below Z"), rows)


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], left: int = 1) -> Table:
    """Draw a table: words to the left, numbers to the right."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=any(heads))
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell.translate(_CONTROLS)) for cell in row))
    return table
