"""Pictures of the further parts: channel paths as Sankey diagrams, the effect by days since exposure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from abplat.domain.report import Report
from abplat.web import wording
from abplat.web.charts import lift, sankey
from abplat.web.link_rows import variant_title

ENDS = {"(completed)": "completed", "(open)": "open", "other": "other", "more": "other"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture with its caption; the table behind it stands below, in the same section."""

    caption: str
    picture: Markup


def list_pictures(report: Report, name: str, value: Any) -> tuple[Picture, ...]:
    """Return the pictures of a part; a part that has none is tables only."""
    flows: Sequence[Any] = getattr(value, "flows", ())
    if name == "paths" and flows:
        return tuple(_draw_paths(report, flows))
    if name == "maturity":
        return tuple(
            _draw_age(report, each) for each in getattr(value, "novelty", ()) if len(_known(each)) > 1
        )
    return ()


def _draw_paths(report: Report, flows: Sequence[Any]) -> list[Picture]:
    """Draw the paths through the channels, one diagram per arm, on one scale."""
    found = []
    for arm in report.experiment.variants:
        own = [flow for flow in flows if flow.variant == arm.key]
        whole = sum(flow.n for flow in own if flow.step == 0)
        if not whole:
            continue
        nodes: dict[str, sankey.Node] = {}
        bands = []
        for flow in sorted(own, key=lambda each: (each.step, -each.n)):
            ends = [(flow.source, flow.step), (flow.target, flow.step + 1)]
            keys = [f"{step}:{place}" for place, step in ends]
            for key, (place, step) in zip(keys, ends, strict=True):
                nodes.setdefault(key, sankey.Node(key, step, _name(place), _kind(place)))
            bands.append(sankey.Flow(keys[0], keys[1], flow.n / whole, flow.n))
        name = arm.title or arm.key
        first = sorted((flow for flow in own if flow.step == 0), key=lambda each: -each.n)[:1]
        top = f"; most often {_name(first[0].source)} to {_name(first[0].target)}" if first else ""
        sentence = f"Paths through the channels, {name}: {wording.count(whole)} journeys{top}."
        picture = sankey.draw(list(nodes.values()), bands, sentence)
        found.append(Picture(f"{name}: {wording.count(whole)} journeys", picture))
    return found


def _name(place: str) -> str:
    """Name a channel or an ending."""
    return wording.humanise(place.strip("()"))


def _kind(place: str) -> str:
    """Return how a node looks."""
    return ENDS.get(place) or ("left" if place.startswith("(") else "more")


def _known(novelty: Any) -> list[Any]:
    """Return the ages that have an interval."""
    return [
        point
        for point in getattr(novelty, "points", ())
        if None not in (point.effect, point.ci_lower, point.ci_upper)
    ]


def _draw_age(report: Report, novelty: Any) -> Picture:
    """Draw the effect by days since exposure."""
    points = []
    for each in _known(novelty):
        age = wording.duration((each.age + 1) * novelty.step_seconds)
        words = f"{age} after exposure: {wording.percent(each.effect, signed=True)}"
        points.append(lift.Point(each.age, each.effect, each.ci_lower, each.ci_upper, words, age))
    name = variant_title(report, novelty.variant)
    caption = f"{name}: the goal by time since exposure, the same customers at every age ({novelty.pattern})"
    return Picture(caption, lift.draw(points, (), "more", f"{caption}. Last: {points[-1].words}."))
