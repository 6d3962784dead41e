"""The journey map: stages as columns, channels as rows, what changed against control as colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.web.charts import svg

COLUMN, ROW = 190.0, 84.0
BOX_WIDTH, BOX_HEIGHT = 106.0, 46.0
LEFT, TOP = 120.0, 66.0
WIDEST, THINNEST = 20.0, 1.5
TINTS = {"more": "#e3eefa", "fewer": "#fbe9dc", "calm": "#f1f3f5"}
LABEL_WIDTH, LABEL_HEIGHT = 52.0, 16.0


@dataclass(frozen=True, slots=True)
class Column:
    """A stage."""

    title: str
    note: str
    optional: bool
    moment_of_truth: bool
    more: str = ""
    """A second line under the note."""


@dataclass(frozen=True, slots=True)
class Node:
    """A stage in a channel."""

    column: int
    row: int
    share: str
    change: str
    tone: str
    hint: str


@dataclass(frozen=True, slots=True)
class Band:
    """A hand-over from a stage in a channel to a later stage in a channel."""

    start: tuple[int, int]
    end: tuple[int, int]
    weight: float
    """Customers of control, as a share of the widest band."""
    change: str
    tone: str
    hint: str
    url: str = ""
    """Where a click leads; empty where it leads nowhere."""


def draw(
    columns: Sequence[Column], rows: Sequence[str], nodes: Sequence[Node], bands: Sequence[Band]
) -> Markup:
    """Draw the map: bands first, boxes over them, labels last."""
    size = (
        LEFT + COLUMN * len(columns) - (COLUMN - BOX_WIDTH) + 8,
        TOP + ROW * len(rows) - (ROW - BOX_HEIGHT) + 12,
    )
    marks = [*_heads(columns), *_row_names(rows, size[0])]
    ordered = sorted(bands, key=lambda band: (band.tone != "calm", -band.weight))
    boxes = {(node.column, node.row) for node in nodes}
    lifts = {id(band): _lift(band, boxes) for band in ordered}
    marks += [_band(band, lifts[id(band)]) for band in ordered]
    marks += [mark for node in nodes for mark in _node(node, columns[node.column])]
    marks += _labels([(band, lifts[id(band)]) for band in ordered], nodes)
    label = f"Journey map: {len(columns)} stages in {len(rows)} channels. " + " ".join(
        node.hint + "." for node in nodes if node.tone != "calm"
    )
    return svg.figure(size, label.strip(), marks, "chart map")


def _corner(column: int, row: int) -> tuple[float, float]:
    """Return the upper left corner of a box."""
    return LEFT + COLUMN * column, TOP + ROW * row


def _heads(columns: Sequence[Column]) -> list[Markup]:
    """Write the stages over their columns."""
    marks = []
    for index, column in enumerate(columns):
        x = LEFT + COLUMN * index + BOX_WIDTH / 2
        name = column.title if len(column.title) <= 22 else column.title[:21] + "\u2026"
        words = ("\u2605 " if column.moment_of_truth else "") + name
        head = svg.text(x, 20, words, "c-ink", text_anchor="middle", font_weight=600, size=13)
        hint = svg.title(column.title + (", a moment of truth" if column.moment_of_truth else ""))
        marks.append(svg.element("g", {}, hint, head))
        for y, words in ((38, column.note), (53, column.more)):
            if words:
                marks.append(svg.text(x, y, words, "c-muted", text_anchor="middle", size=11))
    return marks


def _row_names(rows: Sequence[str], width: float) -> list[Markup]:
    """Write the channels beside their rows, on a quiet line."""
    marks = []
    for index, name in enumerate(rows):
        y = TOP + ROW * index + BOX_HEIGHT / 2
        line = {"stroke": svg.LINE, "stroke_width": 1}
        marks.append(svg.line((LEFT - 12, y), (width - 4, y), "s-line", **line))
        shown = name if len(name) <= 16 else name[:15] + "\u2026"
        marks.append(svg.text(0, y + 4, shown, "c-ink", size=12, font_weight=600))
    return marks


def _node(node: Node, column: Column) -> list[Markup]:
    """Draw one box with its share and its change."""
    x, y = _corner(node.column, node.row)
    dash = "4 3" if column.optional else ""
    edge = svg.TONES[node.tone] if node.tone != "calm" else "#b6bec8"
    look = {"fill": TINTS[node.tone], "stroke": edge, "stroke_width": 1.25, "stroke_dasharray": dash}
    box = svg.rect(x, y, (BOX_WIDTH, BOX_HEIGHT), f"n-{node.tone}", rx=8, hint=node.hint, **look)
    middle = x + BOX_WIDTH / 2
    share = svg.text(middle, y + 19, node.share, "c-ink", text_anchor="middle", font_weight=600, size=13)
    color = svg.MUTED if node.tone == "calm" else svg.TONES[node.tone]
    css = "c-muted" if node.tone == "calm" else f"f-{node.tone}"
    change = svg.text(middle, y + 36, node.change, css, text_anchor="middle", size=11.5, fill=color)
    return [box, share, change]


def _ends(band: Band) -> tuple[float, float, float, float]:
    """Return where a band leaves and where it arrives."""
    x1, y1 = _corner(*band.start)
    x2, y2 = _corner(*band.end)
    return x1 + BOX_WIDTH, y1 + BOX_HEIGHT / 2, x2, y2 + BOX_HEIGHT / 2


def _lift(band: Band, boxes: set[tuple[int, int]]) -> float:
    """Return how far a band bows, so that one that skips a stage passes between the boxes."""
    between = range(band.start[0] + 1, band.end[0])
    level = band.start[1] == band.end[1]
    return ROW * 0.7 if level and any((column, band.start[1]) in boxes for column in between) else 0.0


def _band(band: Band, lift: float) -> Markup:
    """Draw one band: its width is control's customers."""
    x1, y1, x2, y2 = _ends(band)
    reach = (x2 - x1) * 0.45
    points = (x1, y1, x1 + reach, y1 + lift, x2 - reach, y2 + lift, x2, y2)
    d = "M{} {}C{} {} {} {} {} {}".format(*(svg.num(value) for value in points))
    color = svg.TONES[band.tone] if band.tone != "calm" else "#aab3be"
    width = max(THINNEST, WIDEST * band.weight)
    look = {"fill": "none", "stroke": color, "stroke_width": width, "stroke_opacity": 0.55}
    mark = svg.path(d, f"s-{band.tone} band", hint=band.hint, **look)
    return svg.element("a", {"href": band.url, "aria-label": band.hint}, mark) if band.url else mark


def _labels(bands: Sequence[tuple[Band, float]], nodes: Sequence[Node]) -> list[Markup]:
    """Write the change on the bands that changed, where there is room for it."""
    taken = [(*_corner(node.column, node.row), BOX_WIDTH, BOX_HEIGHT) for node in nodes]
    marks = []
    for band, lift in bands:
        spot = None if band.tone == "calm" else _free_spot(_way(band, lift), taken)
        if spot is None:
            continue
        x, y = spot
        taken.append((x - LABEL_WIDTH / 2, y - LABEL_HEIGHT / 2, LABEL_WIDTH, LABEL_HEIGHT))
        size = (LABEL_WIDTH, LABEL_HEIGHT)
        corner = (x - LABEL_WIDTH / 2, y - LABEL_HEIGHT / 2)
        marks.append(svg.rect(*corner, size, "f-paper", rx=8, fill=svg.PAPER, fill_opacity=0.92))
        look = {"text_anchor": "middle", "font_weight": 600, "size": 10.5, "fill": svg.TONES[band.tone]}
        marks.append(svg.text(x, y + 3.5, band.change, f"f-{band.tone}", **look))
    return marks


def _free_spot(
    way: Sequence[tuple[float, float]], taken: Sequence[tuple[float, float, float, float]]
) -> tuple[float, float] | None:
    """Find a place along the band where its label covers nothing."""
    return next(((x, y) for x, y in way if not any(_overlap(x, y, box) for box in taken)), None)


def _way(band: Band, lift: float) -> list[tuple[float, float]]:
    """Return points of the band's curve, those near its middle first."""
    x1, y1, x2, y2 = _ends(band)
    reach = (x2 - x1) * 0.45
    points = []
    for along in (0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8):
        a, b, c, d = (1 - along) ** 3, 3 * (1 - along) ** 2 * along, 3 * (1 - along) * along**2, along**3
        x = a * x1 + b * (x1 + reach) + c * (x2 - reach) + d * x2
        points.append((x, a * y1 + b * (y1 + lift) + c * (y2 + lift) + d * y2))
    return points


def _overlap(x: float, y: float, box: tuple[float, float, float, float]) -> bool:
    """Tell whether a label at a point would touch a box."""
    across = abs(x - (box[0] + box[2] / 2)) < (LABEL_WIDTH + box[2]) / 2
    return across and abs(y - (box[1] + box[3] / 2)) < (LABEL_HEIGHT + box[3]) / 2
