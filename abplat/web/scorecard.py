"""The metric table with its intervals: one axis for all rows that share a unit."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from abplat.domain.report import Report
from abplat.web.charts import forest
from abplat.web.metric_rows import BLOCKS, Block, EffectRow, is_withheld
from abplat.web.scales import make_rows
from abplat.web.view_options import SCALES, SHOWN, SORTS, ViewOptions

GRAVITY = {"bad": 0, "warn": 1, "good": 2, "calm": 3}
Choice = tuple[str, str, bool]
"""Value, words, and whether it is the present one."""


@dataclass(frozen=True, slots=True)
class Picker:
    """One choice of the form above the table."""

    name: str
    label: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Scorecard:
    """The metric table: blocks, the shared axis and one picture per row."""

    blocks: tuple[Block, ...]
    axis: Markup
    pictures: dict[tuple[str, str], Markup]
    has_many_variants: bool
    baseline: str
    """Title of what is compared with."""
    pickers: tuple[Picker, ...]
    find: str
    is_changed: bool
    """Whether the reader asked for anything but the usual view."""

    def picture(self, row: EffectRow) -> Markup:
        """Return the interval of a row."""
        return self.pictures[row.key, row.variant]


def make_scorecard(report: Report, options: ViewOptions | None = None) -> Scorecard:
    """Draw every interval on one axis, in the view that was asked for."""
    options = options or ViewOptions()
    blocks = _list_blocks(report, options)
    units = {metric.key: metric.unit for metric in report.metrics}
    rows = [(_axis_name(options, units[row.key]), row) for block in blocks for row in block.rows]
    names = list(dict.fromkeys(name for name, _ in rows))
    axes = {name: forest.axis_of([row.bar for its, row in rows if its == name and row.bar]) for name in names}
    pictures = {(row.key, row.variant): _draw(axes[name], row) for name, row in rows}
    is_shared = options.scale == "relative"
    axis = forest.draw_axis(next(iter(axes.values()), forest.axis_of([]))) if is_shared else Markup()
    arms = {arm.key: arm.title or arm.key for arm in report.experiment.variants}
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), "")
    return Scorecard(
        blocks=blocks,
        axis=axis,
        pictures=pictures,
        has_many_variants=len(arms) > 2,
        baseline=arms.get(options.baseline or control, "Control") if options.baseline else "Control",
        pickers=_pickers(report, options),
        find=options.find,
        is_changed=options != ViewOptions(),
    )


def _axis_name(options: ViewOptions, unit: str) -> str:
    """Return which rows share an axis: all, or those of one unit."""
    return "" if options.scale == "relative" else unit


def _draw(axis: forest.Axis, row: EffectRow) -> Markup:
    """Draw the interval of one row, or its empty ground."""
    return (
        forest.draw_bar(axis, row.bar, row.sentence, row.change)
        if row.bar
        else forest.draw_ground(axis, row.sentence)
    )


def _list_blocks(report: Report, options: ViewOptions) -> tuple[Block, ...]:
    """Return the blocks that hold any row of the view."""
    withheld = is_withheld(report)
    blocks = []
    for role, title, note in BLOCKS:
        if options.show not in ("all", "clear", role):
            continue
        rows = [
            row
            for metric in report.metrics
            if metric.role == role and options.find.lower() in metric.title.lower()
            for row in make_rows(report, metric, options, withheld=withheld)
            if options.show != "clear" or row.word.icon in ("up", "down")
        ]
        if rows:
            blocks.append(Block(role, title, note, tuple(_sort(rows, options.sort))))
    return tuple(blocks)


def _sort(rows: list[EffectRow], order: str) -> list[EffectRow]:
    """Sort the rows of a block; the blocks themselves keep the order of their weight."""
    if order == "name":
        return sorted(rows, key=lambda row: row.title.casefold())
    if order == "change":
        return sorted(rows, key=lambda row: -abs(row.bar.point) if row.bar else 0.0)
    if order == "verdict":
        return sorted(rows, key=lambda row: GRAVITY.get(row.word.tone, 3))
    return rows


def _pickers(report: Report, options: ViewOptions) -> tuple[Picker, ...]:
    """Return the choices of the form; arms only where there is something to choose."""
    arms = report.experiment.variants
    control = next((arm.key for arm in arms if arm.is_control), "")
    baseline = options.baseline or control
    found = [
        Picker("scale", "Change", _choices(SCALES, options.scale)),
        Picker("show", "Show", _choices(SHOWN, options.show)),
        Picker("sort", "Sort", _choices(SORTS, options.sort)),
    ]
    if len(arms) > 1:
        bases = {"" if arm.is_control else arm.key: arm.title or arm.key for arm in arms}
        found.insert(0, Picker("baseline", "Against", _choices(bases, options.baseline)))
    if len(arms) > 2:
        shown = {"": "All variants"} | {arm.key: arm.title or arm.key for arm in arms if arm.key != baseline}
        found.insert(0, Picker("arm", "Variant", _choices(shown, options.arm)))
    return tuple(found)


def _choices(known: dict[str, str], present: str) -> tuple[Choice, ...]:
    """Return the choices with the present one marked."""
    return tuple((key, words, key == present) for key, words in known.items())
