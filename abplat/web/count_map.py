"""The journey map of everybody in the last weeks: counts, without arms and without colour."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from abplat.domain.catalogue import Document
from abplat.domain.journey_counts import JourneyCounts
from abplat.web import wording
from abplat.web.charts import journey_map
from abplat.web.path_map import LEFT, OPEN

MOST_BANDS = 25


@dataclass(frozen=True, slots=True)
class CountRow:
    """One line of the table behind the map."""

    place: str
    count: str
    share: str
    median: str


@dataclass(frozen=True, slots=True)
class CountMap:
    """Picture, table and headline."""

    sentence: str
    picture: Markup | None
    rows: tuple[CountRow, ...]
    n_hidden: int


def make_count_map(journey: Document, counts: JourneyCounts) -> CountMap:
    """Draw the counts of a journey."""
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
            f"{titles[cell.stage]} ({_humanise(cell.channel)})",
        )
        for cell in counts.cells
    ]
    ends = _ends(counts)
    rows = [_humanise(key) for key in channels] + [
        name for name in (LEFT, OPEN) if any(end[0] == name for end in ends)
    ]
    nodes += [
        _node((places[stage], rows.index(name)), n, total, f"{name.lower()}: {titles[stage]}")
        for (name, stage), n in ends.items()
    ]
    shown, bands = _bands(counts, places, channels, titles)
    columns = [
        journey_map.Column(
            title=titles[stage["key"]],
            note=f"{wording.percent(counts.stages[stage['key']] / total)} reach it",
            optional=bool(stage.get("optional")),
            moment_of_truth=bool(stage.get("moment_of_truth")),
        )
        for stage in journey["stages"]
    ]
    picture = journey_map.draw(columns, rows, nodes, bands)
    return CountMap(_say(counts), picture, _table(counts, titles, ends), len(counts.ways) - shown)


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


def _humanise(channel: str) -> str:
    """Name a channel."""
    return "No channel" if channel == "unknown" else wording.humanise(channel)


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


def _bands(
    counts: JourneyCounts, places: dict[str, int], channels: dict[str, int], titles: dict[str, str]
) -> tuple[int, list[journey_map.Band]]:
    """Make the bands of the largest moves; return how many moves they are."""
    forward = [way for way in counts.ways if places[way.source] < places[way.target]]
    chosen = sorted(forward, key=lambda way: -way.n)[:MOST_BANDS]
    widest = max((way.n for way in chosen), default=1)
    bands = [
        journey_map.Band(
            start=(places[way.source], channels[way.from_channel]),
            end=(places[way.target], channels[way.to_channel]),
            weight=way.n / widest,
            change="",
            tone="calm",
            hint=(
                f"{titles[way.source]} ({_humanise(way.from_channel)}) → {titles[way.target]} ({_humanise(way.to_channel)}): "
                f"{wording.count(way.n)} journeys, median {wording.duration(way.median_seconds)}"
            ),
        )
        for way in chosen
    ]
    return len(chosen), bands


def _table(
    counts: JourneyCounts, titles: dict[str, str], ends: dict[tuple[str, str], int]
) -> tuple[CountRow, ...]:
    """Write every number as a line."""
    total = counts.n_journeys

    def row(place: str, n: int, median: float | None = None) -> CountRow:
        """Write one line."""
        time = wording.DASH if median is None else wording.duration(median)
        return CountRow(place, wording.count(n), wording.percent(n / total), time)

    rows = [row(f"{titles[cell.stage]} ({_humanise(cell.channel)})", cell.n) for cell in counts.cells]
    rows += [
        row(
            f"{titles[way.source]} ({_humanise(way.from_channel)}) → {titles[way.target]} ({_humanise(way.to_channel)})",
            way.n,
            way.median_seconds,
        )
        for way in counts.ways
    ]
    return tuple(rows + [row(f"{name}: {titles[stage]}", n) for (name, stage), n in ends.items()])
