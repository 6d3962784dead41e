"""From the counts of a Report to the journey map: shares of exposed customers and what changed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from markupsafe import Markup

from abplat.domain.report import Ending, HandOff, Report, StageChannel
from abplat.web import wording
from abplat.web.charts import journey_map

MOST_BANDS = 25
"""More would be a tangle: the smallest flows are left to the table."""
BEYOND_CHANCE = 1.96
LEFT, OPEN = "Left before it", "Still open"
"""Rows of the map that stand for ends: the stage over them was not reached, or not yet."""


@dataclass(frozen=True, slots=True)
class Change:
    """A count in both arms, per exposed customer."""

    control: int
    treatment: int
    control_share: float
    treatment_share: float
    tone: str
    half: float = 0.0
    """Half the width of the 95 % interval of the difference."""

    @property
    def largest(self) -> float:
        """The larger share of both arms."""
        return max(self.control_share, self.treatment_share)

    @property
    def interval(self) -> str:
        """The interval of the difference in words."""
        return wording.interval(self.points - self.half, self.points + self.half, "share")

    @property
    def points(self) -> float:
        """The difference, as a share."""
        return self.treatment_share - self.control_share


@dataclass(frozen=True, slots=True)
class PathRow:
    """One line of the table behind the map."""

    place: str
    control: str
    treatment: str
    change: str
    median: str


@dataclass(frozen=True, slots=True)
class PathMap:
    """The map of one variant: picture and table."""

    variant: str
    picture: Markup
    rows: tuple[PathRow, ...]
    n_hidden: int
    """Flows that are in the table only."""


Link = Callable[[tuple[str, str, str, str]], str]
"""Where a click on a flow leads, by its stages and channels."""


def make_map(
    report: Report, variant: str, name: str, *, least: float = 0.0, link: Link | None = None
) -> PathMap | None:
    """Draw the map of a variant against control; None where nobody walked.

    Args:
        report: With the counts.
        variant: Key of the variant.
        name: Its title.
        least: Smallest flow that is drawn, as a share of an arm.
        link: Where a click on a flow leads.
    """
    arms = {arm.key: arm.n_mature or arm.n_exposed for arm in report.experiment.variants}
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), "")
    both = (arms.get(control, 0), arms.get(variant, 0))
    cells = _pair(
        ((cell.stage, cell.channel), cell) for cell in _of(report.journey_map.stages, control, variant)
    )
    flows = _pair((_way(flow), flow) for flow in _of(report.journey_map.hand_offs, control, variant))
    if not cells or not all(both):
        return None
    places = {key: _change(pair, control, both) for key, pair in cells.items()}
    ways = {key: _change(pair, control, both) for key, pair in flows.items()}
    stages = {stage.key: index for index, stage in enumerate(report.journey.stages)}
    channels = _channels(report, cells)
    nodes = [
        _node(report, key, change, stages, channels) for key, change in places.items() if key[0] in stages
    ]
    shown = [key for key in _shown(ways, stages, channels) if ways[key].largest >= least]
    bands = [_band(report, key, ways[key], flows[key], (stages, channels, _widest(ways))) for key in shown]
    if link is not None:
        pairs = zip(bands, shown, strict=True)
        bands = [replace(band, url=link((key[0], key[1], key[2], key[3]))) for band, key in pairs]
    ends = _ends(report, control, variant, both)
    rows_of_map = [wording.humanise(key) for key in channels]
    rows_of_map += [name for name in (LEFT, OPEN) if any(end[1] == name for end in ends)]
    nodes += [_end_node(report, end, change, stages, rows_of_map) for end, change in ends.items()]
    picture = journey_map.draw(_columns(report), rows_of_map, nodes, bands)
    rows = [_place_row(report, key, change) for key, change in places.items()]
    rows += [_way_row(report, key, change, flows[key]) for key, change in ways.items()]
    rows += [_row(f"{_stage(report, end[0])}: {end[1].lower()}", change, "") for end, change in ends.items()]
    return PathMap(name, picture, tuple(rows), len(ways) - len(shown))


Index = dict[str, int]
Cell = TypeVar("Cell", StageChannel, HandOff, Ending)


def _of(cells: Iterable[Cell], *variants: str) -> list[Cell]:
    """Keep what belongs to the two arms."""
    return [cell for cell in cells if cell.variant in variants]


def _pair(
    cells: Iterable[tuple[tuple[str, ...], StageChannel | HandOff | Ending]],
) -> dict[tuple[str, ...], list[object]]:
    """Bring the arms of one place together."""
    pairs: dict[tuple[str, ...], list[object]] = {}
    for key, cell in cells:
        pairs.setdefault(key, []).append(cell)
    return pairs


def _way(flow: HandOff) -> tuple[str, ...]:
    """Name a flow by both its ends."""
    return flow.source, flow.target, flow.from_channel, flow.to_channel


def _change(pair: list[object], control: str, exposed: tuple[int, int]) -> Change:
    """Compare the arms; a difference that chance alone could make stays grey."""
    counts = {"control": 0, "treatment": 0}
    for cell in pair:
        if isinstance(cell, StageChannel | HandOff | Ending):
            counts["control" if cell.variant == control else "treatment"] += cell.n
    before, after = counts["control"] / exposed[0], counts["treatment"] / exposed[1]
    se = math.sqrt(counts["control"] / exposed[0] ** 2 + counts["treatment"] / exposed[1] ** 2)
    beyond = abs(after - before) > BEYOND_CHANCE * se
    tone = ("more" if after > before else "fewer") if beyond else "calm"
    return Change(counts["control"], counts["treatment"], before, after, tone, BEYOND_CHANCE * se)


def _ends(
    report: Report, control: str, variant: str, exposed: tuple[int, int]
) -> dict[tuple[str, ...], Change]:
    """Compare where journeys were left, and where they stand still open; in the order of the stages."""
    known = {stage.key: place for place, stage in enumerate(report.journey.stages)}
    found = [end for end in _of(report.journey_map.endings, control, variant) if end.next_stage in known]
    pairs = _pair(((str(end.next_stage), OPEN if end.status == "open" else LEFT), end) for end in found)
    ordered = sorted(pairs, key=lambda key: (known[key[0]], key[1]))
    return {key: _change(pairs[key], control, exposed) for key in ordered}


def _end_node(
    report: Report, key: tuple[str, ...], change: Change, stages: Index, rows: list[str]
) -> journey_map.Node:
    """Make the box of an end."""
    return journey_map.Node(
        column=stages[key[0]],
        row=rows.index(key[1]),
        share=wording.percent(change.control_share),
        change=wording.points(change.points),
        tone=change.tone,
        hint=f"{_stage(report, key[0])}, {key[1].lower()}: {_hint(change)}",
    )


def _stage(report: Report, key: str) -> str:
    """Name a stage."""
    return next((known.title for known in report.journey.stages if known.key == key), wording.humanise(key))


def _channels(report: Report, cells: Iterable[tuple[str, ...]]) -> Index:
    """Return the rows: channels in the order of the experiment, then any other that was met."""
    met = {key[1] for key in cells}
    order = [channel for channel in report.experiment.channels if channel in met]
    order += sorted(met - set(order))
    return {channel: index for index, channel in enumerate(order)}


def _columns(report: Report) -> list[journey_map.Column]:
    """Return the columns: the stages of the journey."""
    return [
        journey_map.Column(
            title=stage.title,
            note=" \u00b7 ".join(filter(None, [stage.department, "optional" if stage.optional else ""])),
            optional=stage.optional,
            moment_of_truth=stage.moment_of_truth,
        )
        for stage in report.journey.stages
    ]


def _node(
    report: Report, key: tuple[str, ...], change: Change, stages: Index, channels: Index
) -> journey_map.Node:
    """Make the box of a stage in a channel."""
    return journey_map.Node(
        column=stages[key[0]],
        row=channels[key[1]],
        share=wording.percent(change.control_share),
        change=wording.points(change.points),
        tone=change.tone,
        hint=f"{_place(report, key[0], key[1])}: {_hint(change)}",
    )


def _hint(change: Change) -> str:
    """Say both arms and the difference."""
    return (
        f"control {wording.percent(change.control_share)} ({wording.count(change.control)}), "
        f"variant {wording.percent(change.treatment_share)} ({wording.count(change.treatment)}), "
        f"{wording.points(change.points)} ({change.interval})"
    )


def _band(
    report: Report, key: tuple[str, ...], change: Change, pair: list[object], layout: tuple[Index, Index, int]
) -> journey_map.Band:
    """Make the band of a flow."""
    source, target, left, right = key
    stages, channels, widest = layout
    way = f"{_place(report, source, left)} \u2192 {_place(report, target, right)}"
    median = _median(pair)
    return journey_map.Band(
        start=(stages[source], channels[left]),
        end=(stages[target], channels[right]),
        weight=change.control / widest,
        change=wording.points(change.points),
        tone=change.tone,
        hint=f"{way}: {_hint(change)}" + (f", median {median}" if median else ""),
    )


def _shown(ways: dict[tuple[str, ...], Change], stages: Index, channels: Index) -> list[tuple[str, ...]]:
    """Choose the flows to draw: forward ones between known places, the largest first."""
    forward = [
        key
        for key in ways
        if stages.get(key[0], 99) < stages.get(key[1], -1) and key[2] in channels and key[3] in channels
    ]
    forward.sort(key=lambda key: -max(ways[key].control, ways[key].treatment))
    return forward[:MOST_BANDS]


def _widest(ways: dict[tuple[str, ...], Change]) -> int:
    """Return the count of control that gets the widest band."""
    return max((change.control for change in ways.values()), default=1) or 1


def _median(pair: list[object]) -> str:
    """Say the median time of control on a flow, where there is one."""
    for cell in pair:
        if isinstance(cell, HandOff) and cell.median_seconds is not None:
            return wording.duration(cell.median_seconds)
    return ""


def _place(report: Report, stage: str, channel: str) -> str:
    """Name a stage in a channel."""
    titles = {known.key: known.title for known in report.journey.stages}
    return f"{titles.get(stage, wording.humanise(stage))} ({wording.humanise(channel)})"


def _place_row(report: Report, key: tuple[str, ...], change: Change) -> PathRow:
    """Write the line of a stage in a channel."""
    return _row(_place(report, key[0], key[1]), change, "")


def _way_row(report: Report, key: tuple[str, ...], change: Change, pair: list[object]) -> PathRow:
    """Write the line of a flow."""
    way = f"{_place(report, key[0], key[2])} \u2192 {_place(report, key[1], key[3])}"
    return _row(way, change, _median(pair))


def _row(place: str, change: Change, median: str) -> PathRow:
    """Write one line of the table."""
    return PathRow(
        place=place,
        control=f"{wording.count(change.control)} ({wording.percent(change.control_share)})",
        treatment=f"{wording.count(change.treatment)} ({wording.percent(change.treatment_share)})",
        change=f"{wording.points(change.points)} ({change.interval})",
        median=median or wording.DASH,
    )
