"""The journey map of everybody in the last weeks: counts, without arms and without colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from abplat.domain.catalogue import Document
from abplat.domain.journey_counts import JourneyCounts, Step, Way
from abplat.web import wording
from abplat.web.charts import journey_map
from abplat.web.journey_counting import say_channel, say_way
from abplat.web.path_map import LEFT, OPEN

MOST_BANDS = 25


@dataclass(frozen=True, slots=True)
class CountRow:
    """One line of the table behind the map."""

    place: str
    count: str
    share: str
    median: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class StepRow:
    """What it takes to come to a stage."""

    stage: str
    count: str
    median: str
    contacts: str
    cost: str


@dataclass(frozen=True, slots=True)
class CountMap:
    """Picture, table and headline."""

    sentence: str
    picture: Markup | None
    rows: tuple[CountRow, ...]
    n_hidden: int
    steps: tuple[StepRow, ...] = ()


Link = Callable[[Way], str]
"""Where a click on a move leads."""


def make_count_map(
    journey: Document, counts: JourneyCounts, *, least: float = 0.0, link: Link | None = None
) -> CountMap:
    """Draw the counts of a journey.

    Args:
        journey: Its definition.
        counts: What was counted.
        least: Smallest move that is drawn, as a share of all that began.
        link: Where a click on a move leads.
    """
    total = counts.n_journeys
    if not total:
        days = f"{wording.instant(counts.starts_at)} to {wording.instant(counts.ends_at)}"
        return CountMap(f"No journey began from {days}: no event reached the first stage.", None, (), 0)
    titles = {stage["key"]: _title(stage) for stage in journey["stages"]}
    places = {key: index for index, key in enumerate(titles)}
    channels = _channels(counts)
    nodes = [
        _node(
            (places[cell.stage], channels[cell.channel]),
            cell.n,
            total,
            f"{titles[cell.stage]} ({say_channel(cell.channel)})",
        )
        for cell in counts.cells
    ]
    ends = _ends(counts)
    rows = [say_channel(key) for key in channels] + [
        name for name in (LEFT, OPEN) if any(end[0] == name for end in ends)
    ]
    nodes += [
        _node((places[stage], rows.index(name)), n, total, f"{name.lower()}: {titles[stage]}")
        for (name, stage), n in ends.items()
    ]
    chosen = [way for way in _list_shown(counts, places) if way.n >= least * total]
    bands = _bands(chosen, places, channels, titles, link)
    steps = {step.stage: step for step in counts.steps}
    columns = [
        journey_map.Column(
            title=titles[stage["key"]],
            note=f"{wording.percent(counts.stages[stage['key']] / total)} reach it",
            more=_say_step(steps.get(stage["key"])),
            optional=bool(stage.get("optional")),
            moment_of_truth=bool(stage.get("moment_of_truth")),
        )
        for stage in journey["stages"]
    ]
    picture = journey_map.draw(columns, rows, nodes, bands)
    return CountMap(
        _say(counts),
        picture,
        _table(counts, titles, ends, link),
        len(counts.ways) - len(chosen),
        tuple(_list_steps(counts, titles)),
    )


def _say(counts: JourneyCounts) -> str:
    """Say the whole in one sentence."""
    total = counts.n_journeys
    text = (
        f"{wording.count(total)} journeys of {wording.count(counts.n_customers)} customers began from "
        f"{wording.instant(counts.starts_at)} to {wording.instant(counts.ends_at)}: "
        f"{wording.percent(counts.n_completed / total)} are complete, {wording.percent(counts.n_open / total)} still open"
    )
    if counts.median_seconds is None:
        return text + "."
    return f"{text}; half of the complete ones took {wording.duration(counts.median_seconds)} or less."


def _title(stage: Document) -> str:
    """Return what a stage is called."""
    return str(stage.get("title") or wording.humanise(stage["key"]))


def _channels(counts: JourneyCounts) -> dict[str, int]:
    """Return the rows: channels, the busiest first."""
    totals: dict[str, int] = {}
    for cell in counts.cells:
        totals[cell.channel] = totals.get(cell.channel, 0) + cell.n
    ordered = sorted(totals, key=lambda key: (-totals[key], key))
    return {key: index for index, key in enumerate(ordered)}


def _node(place: tuple[int, int], n: int, total: int, words: str) -> journey_map.Node:
    """Make one box."""
    share = wording.percent(n / total)
    hint = f"{words}: {wording.count(n)} journeys, {share} of those begun"
    return journey_map.Node(place[0], place[1], share, wording.count(n), "calm", hint)


def _ends(counts: JourneyCounts) -> dict[tuple[str, str], int]:
    """Add up the ends before each stage: left in any way, or still open."""
    found: dict[tuple[str, str], int] = {}
    for end in counts.ends:
        key = (OPEN if end.status == "open" else LEFT, end.stage)
        found[key] = found.get(key, 0) + end.n
    return found


def _list_shown(counts: JourneyCounts, places: dict[str, int]) -> list[Way]:
    """Return the moves to draw: forward ones, the largest first."""
    forward = [way for way in counts.ways if places[way.source] < places[way.target]]
    return sorted(forward, key=lambda way: -way.n)[:MOST_BANDS]


def _bands(
    chosen: Sequence[Way],
    places: dict[str, int],
    channels: dict[str, int],
    titles: dict[str, str],
    link: Link | None,
) -> list[journey_map.Band]:
    """Make the bands of moves."""
    widest = max((way.n for way in chosen), default=1)
    return [
        journey_map.Band(
            start=(places[way.source], channels[way.from_channel]),
            end=(places[way.target], channels[way.to_channel]),
            weight=way.n / widest,
            change="",
            tone="calm",
            hint=(
                f"{say_way(way, titles)}: {wording.count(way.n)} journeys, "
                f"median {wording.duration(way.median_seconds)}"
            ),
            url=link(way) if link is not None else "",
        )
        for way in chosen
    ]


def _say_step(step: Step | None) -> str:
    """Say over a column how long it takes to come there, and what that costs."""
    parts = []
    if step is not None and step.median_seconds is not None:
        parts.append(wording.duration(step.median_seconds))
    if step is not None and step.cost is not None:
        parts.append(f"cost {wording.number(step.cost, 2)}")
    return " \u00b7 ".join(parts)


def _list_steps(counts: JourneyCounts, titles: dict[str, str]) -> Iterator[StepRow]:
    """Write a line for each stage."""
    for step in counts.steps:
        yield StepRow(
            stage=titles[step.stage],
            count=wording.count(step.n),
            median=wording.DASH if step.median_seconds is None else wording.duration(step.median_seconds),
            contacts=wording.DASH if step.n_contacts is None else wording.number(step.n_contacts, 1),
            cost=wording.DASH if step.cost is None else wording.number(step.cost, 2),
        )


def _table(
    counts: JourneyCounts, titles: dict[str, str], ends: dict[tuple[str, str], int], link: Link | None
) -> tuple[CountRow, ...]:
    """Write every number as a line."""
    total = counts.n_journeys

    def row(place: str, n: int, median: float | None = None) -> CountRow:
        """Write one line."""
        time = wording.DASH if median is None else wording.duration(median)
        return CountRow(place, wording.count(n), wording.percent(n / total), time)

    rows = [row(f"{titles[cell.stage]} ({say_channel(cell.channel)})", cell.n) for cell in counts.cells]
    rows += [
        replace(
            row(say_way(way, titles), way.n, way.median_seconds), url=link(way) if link is not None else ""
        )
        for way in counts.ways
    ]
    return tuple(rows + [row(f"{name}: {titles[stage]}", n) for (name, stage), n in ends.items()])
