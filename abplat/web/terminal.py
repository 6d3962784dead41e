"""The result page in the terminal: the same words, the intervals drawn in text."""

from __future__ import annotations

from typing import Any

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from abplat.domain.report import Report
from abplat.web import wording
from abplat.web.charts.forest import Axis, Bar, axis_of
from abplat.web.conflicts import list_conflict_panels
from abplat.web.health import HealthCard
from abplat.web.link_rows import LinkTable, list_link_tables
from abplat.web.metric_rows import Block, EffectRow
from abplat.web.result import Banner, ResultPage, make_page
from abplat.web.terminal_sections import render_sections

STYLES = {
    "good": "green",
    "bad": "red",
    "warn": "yellow",
    "calm": "dim",
    "more": "blue",
    "fewer": "bright_red",
}
MARKS = {
    "up": "\u25b2",
    "down": "\u25bc",
    "dash": "\u2013",
    "clock": "\u2026",
    "warning": "!",
    "conflict": "\u21c5",
    "check": "\u2713",
    "info": "i",
}
CELLS = 33
"""Width of an interval in characters; a narrow terminal has no room to draw it."""
WIDE = 120
_CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], "\ufffd") | {ord("\n"): " "}


def print_report(
    report: Report, report_hash: str, console: Console | None = None, *, brief: bool = False
) -> None:
    """Print a report: verdict, health, metrics, links and what it was made from; or the verdict alone."""
    console = console or Console(highlight=False)
    cells = CELLS if console.width >= WIDE else 0
    shown = without_controls(report)
    for part in render_verdict(shown, report_hash) if brief else render(shown, report_hash, cells):
        console.print(part)


def render_verdict(report: Report, report_hash: str) -> list[RenderableType]:
    """Return the title and the decision on each variant."""
    page = make_page(report, report_hash)
    title = Text(page.title, style="bold") + Text(f"  {page.state.text}", style="dim")
    return [title, *(_banner(banner, many=len(page.banners) > 1) for banner in page.banners)]


def without_controls(report: Report) -> Report:
    """Take away what a terminal would obey: a title may come from anybody."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            return value.translate(_CONTROLS)
        if isinstance(value, dict):
            return {clean(key): clean(inner) for key, inner in value.items()}
        return [clean(inner) for inner in value] if isinstance(value, list | tuple) else value

    return msgspec.convert(clean(msgspec.to_builtins(report)), Report)


def render(report: Report, report_hash: str, cells: int = CELLS) -> list[RenderableType]:
    """Return the parts of the report in their order."""
    page = make_page(report, report_hash)
    facts = " \u00b7 ".join(f"{name.lower()} {value}" for name, value in page.facts)
    parts: list[RenderableType] = [Text(page.title, style="bold") + Text(f"  {page.state.text}", style="dim")]
    parts.append(Text(facts, style="dim"))
    parts += [_banner(banner, many=len(page.banners) > 1) for banner in page.banners]
    parts += [_health(card) for card in page.health]
    if page.has_exposures:
        parts.append(_metrics(page, cells))
        parts += [_conflicts(report)] if report.conflicts else []
        parts += [_links(table) for table in list_link_tables(report)]
        parts += render_sections(report)
    made = dict(page.inputs)
    parts.append(Text(f"as of {made['As of']}, report {report_hash[:16]}, {made['Code']}", style="dim"))
    return parts


def say(word: wording.Word) -> Text:
    """Write a word with its mark."""
    return Text(f"{MARKS.get(word.icon, '')} {word.text}", style=STYLES.get(word.tone, ""))


def draw_interval(axis: Axis, cells: int, bar: Bar) -> str:
    """Draw an interval as text: a line, its estimate, zero and the margin.

    Examples:
        >>> draw_interval(Axis(-0.1, 0.1), 21, Bar(0.05, 0.02, 0.08, "good"))
        '          \u2502 \u2501\u2501\u2501\u25cf\u2501\u2501\u2501  '
    """

    def place(value: float) -> int:
        share = (value - axis.lower) / (axis.upper - axis.lower)
        return round(min(max(share, 0.0), 1.0) * (cells - 1))

    line = [" "] * cells
    line[place(0.0)] = "\u2502"
    if bar.margin is not None:
        line[place(bar.margin)] = "\u250a"
    for index in range(place(bar.lower), place(bar.upper) + 1):
        line[index] = "\u253f" if line[index] == "\u2502" else "\u2501"
    if bar.lower < axis.lower:
        line[0] = "\u25c0"
    if bar.upper > axis.upper:
        line[-1] = "\u25b6"
    line[place(bar.point)] = "\u25cf"
    return "".join(line)


def _banner(banner: Banner, *, many: bool) -> Panel:
    """Frame the decision on one variant."""
    head = say(banner.word)
    if many:
        head += Text(f"  {banner.variant}", style="dim")
    lines = [Text(banner.sentence, style="bold"), Text(banner.why), Text(f"Rule: {banner.rule}", style="dim")]
    return Panel(
        Group(*lines), title=head, title_align="left", border_style=STYLES[banner.word.tone], expand=False
    )


def _health(card: HealthCard) -> Text:
    """Write one finding; what to do stands below where something is to be done."""
    line = say(wording.Word(card.title, card.word.icon, card.word.tone))
    if card.word.tone in {"bad", "warn"} and card.action:
        line += Text(f"\n    {card.action}", style="dim")
    return line


def _metrics(page: ResultPage, cells: int) -> Table:
    """Lay out the metric table."""
    rows = [row for block in page.scorecard.blocks for row in block.rows]
    axis = axis_of([row.bar for row in rows if row.bar])
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Metric", min_width=18)
    for name in ("Control", "Variant"):
        table.add_column(name, justify="right", overflow="fold")
    scale = f"{wording.percent(axis.lower, signed=True, digits=0)} to {wording.percent(axis.upper, signed=True, digits=0)}"
    if cells:
        table.add_column(scale, justify="left", no_wrap=True)
    table.add_column("Change", justify="right", min_width=9 if cells else 19)
    if cells:
        table.add_column("Plausible change", justify="left")
    table.add_column("Verdict", justify="left", min_width=13)
    for block in page.scorecard.blocks:
        _add_block(table, block, (axis, cells), many=page.scorecard.has_many_variants)
    return table


def _add_block(table: Table, block: Block, place: tuple[Axis, int], *, many: bool) -> None:
    """Write the rows of one role."""
    table.add_row(Text(block.title, style="bold"))
    for row in block.rows:
        name = f"  {row.title}" + (f" ({row.variant})" if many else "")
        values = [Text(name), Text(row.control.value), Text(row.treatment.value)]
        table.add_row(*values, *_change(row, place), _verdict(row))


def _change(row: EffectRow, place: tuple[Axis, int]) -> list[Text]:
    """Draw and write the change; on a narrow terminal its bounds stand below it."""
    if not place[1]:
        return [Text(row.change) + Text(f"\n{row.plausible}" if row.plausible else "", style="dim")]
    style = STYLES.get(row.bar.tone, "") if row.bar else ""
    drawn = Text(draw_interval(*place, row.bar) if row.bar else "", style=style)
    return [drawn, Text(row.change), Text(row.plausible)]


def _verdict(row: EffectRow) -> Text:
    """Write a verdict, and below it where a guardrail lies."""
    return say(row.word) + Text(f"\n{row.margin}" if row.margin else "", style="dim")


def _conflicts(report: Report) -> Group:
    """Write every touchpoint against the journey."""
    lines = [Text("Touchpoints against the journey", style="bold")]
    for panel in list_conflict_panels(report):
        lines += [Text("  ") + say(row.word) + Text(f"  {row.metric}: {row.sentence}") for row in panel.rows]
    return Group(*lines)


def _links(table: LinkTable) -> Padding:
    """Write the account of the links."""
    if not table.rows:
        return Padding(Text(f"There is no account of the links: {table.reason}.", style="dim"), (1, 0))
    shown = Table(
        box=SIMPLE_HEAD, pad_edge=False, title=table.total, title_justify="left", caption=table.caption
    )
    shown.add_column("Link")
    for name in ("Control", "Variant", "Adds to completion"):
        shown.add_column(name, justify="right")
    shown.add_column("Plausible")
    for row in table.rows:
        points = Text(row.points, style="" if row.is_total else STYLES[row.tone])
        shown.add_row(Text(row.name), Text(row.control), Text(row.treatment), points, Text(row.plausible))
    return Padding(shown, (1, 0))
