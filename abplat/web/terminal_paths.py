"""The paths section in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from abplat.domain.report_base import Contrast
from abplat.domain.report_paths import Deviation, PathRow, PathsSection, PathTest, Rework
from abplat.web import wording


def render_paths(section: PathsSection) -> list[RenderableType]:
    """Return the parts of the section that say something."""
    lines: list[RenderableType] = [Text("Paths", style="bold"), *(_test(test) for test in section.tests)]
    if section.paths:
        lines.append(_paths(section.paths))
    lines += [_deviation(row) for row in section.deviations if row.n_with_control or row.n_with_treatment]
    reworked = (row for row in section.rework if row.n_touchpoints_control or row.n_touchpoints_treatment)
    return [*lines, *(_rework(row) for row in reworked)]


def _test(test: PathTest) -> Text:
    """Say whether the arms walk different paths."""
    said = wording.p_value(test.p_value) if test.reason is None else wording.say_reason(test.reason)
    return Text(f"  Do the paths of {test.variant} differ: {said}, {test.n_paths} paths")


def _paths(rows: tuple[PathRow, ...]) -> Table:
    """Lay out the most frequent paths."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("Path of the first journey")
    for name in ("Control", "Variant", "Change"):
        table.add_column(name, justify="right")
    table.add_column("Plausible")
    for row in rows:
        name = " > ".join(row.path) or wording.DASH
        ending = "" if row.is_other else f" ({row.ending})"
        table.add_row(
            f"{name}{ending}",
            _share(row.share_control),
            _share(row.share_treatment),
            _points(row),
            _interval(row),
        )
    return table


def _deviation(row: Deviation) -> Text:
    """Write one class of deviation."""
    name = wording.humanise(row.kind)
    pair = f"{wording.count(row.n_with_control)} / {wording.count(row.n_with_treatment)} journeys"
    return Text(f"  {name} ({row.variant}): {pair}, customers {_points(row)} {_interval(row)}", style="dim")


def _rework(row: Rework) -> Text:
    """Write the rework of one stage."""
    pair = f"{wording.count(row.n_touchpoints_control)} / {wording.count(row.n_touchpoints_treatment)} touchpoints"
    return Text(
        f"  Again {row.stage} ({row.variant}): {pair}, customers {_points(row)} {_interval(row)}", style="dim"
    )


def _share(share: float | None) -> str:
    """Write a share."""
    return wording.DASH if share is None else wording.percent(share)


def _points(row: Contrast) -> str:
    """Write a difference of shares."""
    return wording.said(row.effect, "share", row.reason, signed=True)


def _interval(row: Contrast) -> str:
    """Write an interval of a difference of shares."""
    if row.ci_lower is None or row.ci_upper is None:
        return ""
    return wording.interval(row.ci_lower, row.ci_upper, "share")
