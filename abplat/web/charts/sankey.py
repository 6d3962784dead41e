"""A Sankey diagram: nodes in columns, flows as bands whose height is a share of one whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.web import wording
from abplat.web.charts import svg

WIDTH, HEIGHT = 720.0, 240.0
TOP, BOTTOM, NODE, GAP, RIGHT = 8.0, 8.0, 10.0, 16.0, 116.0
LONGEST = 18
"""Letters of a name that are shown; the mark's title says it whole."""
FADED = ("left", "open")


@dataclass(frozen=True, slots=True)
class Node:
    """A place in a column; its height is what flows in, or out where that is more."""

    key: str
    column: int
    name: str
    kind: str = "more"
    """more for a place, completed, open or left for an end."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A band from a node to one of a later column."""

    source: str
    target: str
    share: float
    n: int


@dataclass(slots=True)
class Box:
    """A node with its place on paper, and how much of each side is taken."""

    node: Node
    x: float
    y: float
    height: float
    left: float = 0.0
    right: float = 0.0


FILLS = {"more": "#1f66b0", "completed": "#1a7445", "open": "#9fc1e6", "left": "#8a94a1", "other": "#566070"}


def draw(nodes: Sequence[Node], flows: Sequence[Flow], sentence: str) -> Markup:
    """Draw all flows, then the nodes with their names over them."""
    shares = {node.key: _share(node.key, flows) for node in nodes}
    scale = _scale(nodes, shares)
    boxes = _place([node for node in nodes if shares[node.key] > 0], shares, scale)
    titles = {node.key: node.name for node in nodes}
    ordered = [flow for flow in flows if flow.source in boxes and flow.target in boxes and flow.share > 0]
    ordered.sort(key=lambda flow: (boxes[flow.source].x, boxes[flow.target].y))
    marks = [_band(flow, boxes, titles, scale) for flow in ordered]
    marks += [mark for box in boxes.values() for mark in _box(box, shares)]
    return svg.figure((WIDTH, HEIGHT), sentence, marks, "chart wide")


def _share(key: str, flows: Sequence[Flow]) -> float:
    """Return how much goes through a node."""
    into = sum(flow.share for flow in flows if flow.target == key)
    out = sum(flow.share for flow in flows if flow.source == key)
    return max(into, out)


def _scale(nodes: Sequence[Node], shares: dict[str, float]) -> float:
    """Return how many pixels the whole is, so that the fullest column fits."""
    room = HEIGHT - TOP - BOTTOM
    fits = [room]
    for column in {node.column for node in nodes}:
        held = [shares[node.key] for node in nodes if node.column == column and shares[node.key] > 0]
        if held:
            fits.append((room - GAP * (len(held) - 1)) / sum(held))
    return max(min(fits), 1.0)


def _place(nodes: Sequence[Node], shares: dict[str, float], scale: float) -> dict[str, Box]:
    """Stack the nodes of each column from the top, in the order given."""
    last = max((node.column for node in nodes), default=0) or 1
    levels: dict[int, float] = {}
    boxes = {}
    for node in nodes:
        y = levels.get(node.column, TOP)
        height = max(shares[node.key] * scale, 1.5)
        x = 2 + node.column * (WIDTH - RIGHT - NODE - 2) / last
        boxes[node.key] = Box(node, x, y, height)
        levels[node.column] = y + height + GAP
    return boxes


def _band(flow: Flow, boxes: dict[str, Box], titles: dict[str, str], scale: float) -> Markup:
    """Draw one flow, laid below those that were drawn before at both its ends."""
    source, target = boxes[flow.source], boxes[flow.target]
    height = flow.share * scale
    x1, x2 = source.x + NODE, target.x
    y1, y2 = source.y + source.right, target.y + target.left
    source.right += height
    target.left += height
    middle = (x1 + x2) / 2
    d = (
        f"M{svg.num(x1)} {svg.num(y1)}C{svg.num(middle)} {svg.num(y1)} {svg.num(middle)} {svg.num(y2)} "
        f"{svg.num(x2)} {svg.num(y2)}V{svg.num(y2 + height)}C{svg.num(middle)} {svg.num(y2 + height)} "
        f"{svg.num(middle)} {svg.num(y1 + height)} {svg.num(x1)} {svg.num(y1 + height)}z"
    )
    kind = target.node.kind
    words = (
        f"{titles[flow.source]} \u2192 {titles[flow.target]}: {wording.count(flow.n)}, "
        f"{wording.percent(flow.share)} of everybody who started"
    )
    return svg.path(d, f"k-{kind}", fill=FILLS[kind], opacity=0.3 if kind in FADED else 0.42, hint=words)


def _box(box: Box, shares: dict[str, float]) -> list[Markup]:
    """Draw a node with its name and share."""
    node = box.node
    words = f"{node.name}: {wording.percent(shares[node.key])}"
    mark = svg.rect(
        box.x, box.y, (NODE, box.height), f"k-{node.kind}", rx=2, fill=FILLS[node.kind], hint=words
    )
    name = node.name if len(node.name) <= LONGEST else node.name[: LONGEST - 1] + "\u2026"
    look = {"size": 11.5}
    y = box.y + min(box.height / 2 + 4, 15) if box.height > 10 else box.y + box.height / 2 + 4
    shown = svg.text(box.x + NODE + 5, y, name, "c-ink", font_weight=600, **look)
    if box.height < 28:
        shown = svg.text(box.x + NODE + 5, y, f"{name} {wording.percent(shares[node.key])}", "c-ink", **look)
        return [mark, shown]
    share = svg.text(box.x + NODE + 5, y + 14, wording.percent(shares[node.key]), "c-ink", **look)
    return [mark, shown, share]
