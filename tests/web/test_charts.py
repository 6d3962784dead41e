"""SVG: well formed, escaped, with a sentence for those who do not see it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from abplat.domain.report import Report
from abplat.web.charts import forest, histogram, lift, sankey, sparkline, svg
from abplat.web.drawn import make_parts
from abplat.web.result import make_page
from tests.web.page_app import all_reports
from tests.web.report_factory import make_report

SPACE = "{http://www.w3.org/2000/svg}"


def pictures(report: Report) -> list[str]:
    """Return every picture of the page of a report."""
    page, parts = make_page(report, "h"), make_parts(report)
    found = [page.scorecard.axis, *page.scorecard.pictures.values()]
    found += [row.picture for table in parts.links for row in table.rows]
    found += [map_.picture for map_ in parts.maps]
    found += [panel.picture for panel in parts.conflicts if panel.picture]
    found += [parts.timing.picture] if parts.timing else []
    found += [parts.timing.when.picture] if parts.timing and parts.timing.when else []
    found += list(parts.endings.pictures) if parts.endings else []
    found += [arm.picture for arm in parts.reach.arms] if parts.reach else []
    found += [picture for card in page.health for _, picture in card.pictures]
    return [str(picture) for picture in found]


@pytest.mark.parametrize("report", all_reports(), ids=lambda report: report.experiment.key)
def test_every_picture_is_xml_with_role_and_sentence(report: Report) -> None:
    """A screen reader gets the whole sentence, and no picture carries a style."""
    for picture in pictures(report):
        root = ET.fromstring(picture)

        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.get("viewBox")
        assert all("style" not in mark.attrib for mark in root.iter())
        assert "nan" not in picture
        assert "None" not in picture


def test_marks_carry_their_words_and_light_colours() -> None:
    """Every shape is filled or stroked without a style sheet, and the interval says itself on hover."""
    bar = forest.Bar(0.1, 0.05, 0.15, "good", margin=-0.02, zone=0.01)
    root = ET.fromstring(str(forest.draw_bar(forest.axis_of([bar]), bar, "Calls: +10 %")))
    shapes = [mark for mark in root if mark.tag in {f"{SPACE}rect", f"{SPACE}circle", f"{SPACE}line"}]

    assert all(mark.get("fill") or mark.get("stroke") for mark in shapes)
    assert "Calls: +10 %" in [title.text for title in root.iter(f"{SPACE}title")]


def test_text_is_escaped() -> None:
    """A name is never markup."""
    picture = svg.figure((1, 1), '"><script>', [svg.text(0, 0, "<b>&")])

    assert "<script>" not in picture
    assert "&lt;b&gt;&amp;" in picture


def test_axis_keeps_zero_and_is_not_squeezed_by_one_wide_interval() -> None:
    """One hopeless metric must not flatten all others."""
    bars = [forest.Bar(0.01, -0.02, 0.04, "calm") for _ in range(12)] + [forest.Bar(3, -8, 14, "calm")]
    axis = forest.axis_of(bars)

    assert axis.lower < 0 < axis.upper < 1
    assert "goes on beyond" in forest.draw_bar(axis, bars[-1], "wide")


@pytest.mark.parametrize(("lower", "upper"), [(0, 10), (-0.12, 0.09), (0, 0.0003), (-250, 700)])
def test_ticks_are_few_and_inside(lower: float, upper: float) -> None:
    """Between two and nine."""
    ticks = svg.ticks_between(lower, upper)

    assert 2 <= len(ticks) <= 9
    assert all(lower - 1e-9 <= tick <= upper + 1e-9 for tick in ticks)


def test_same_report_gives_the_same_bytes() -> None:
    """No picture depends on anything else."""
    assert pictures(make_report()) == pictures(make_report())


def test_sparkline_draws_one_value_and_none() -> None:
    """Short histories are drawn as well."""
    assert ET.fromstring(str(sparkline.draw([], "empty"))) is not None
    assert ET.fromstring(str(sparkline.draw([1.0], "one"))) is not None


def make_points(n: int) -> list[lift.Point]:
    """Make looks whose settings changed at every third."""
    return [
        lift.Point(at, 0.02 * at, 0.02 * at - 0.1, 0.02 * at + 0.1, f"look {at}", f"{at}", at % 3 != 2)
        for at in range(n)
    ]


@pytest.mark.parametrize("n", [1, 2, 40])
def test_lift_marks_every_look_and_dots_what_is_not_comparable(n: int) -> None:
    """One look has its interval, many have a band and a line."""
    notes = [lift.Note(0, 1, "paused"), lift.Note(99, 2, "outside")]
    root = ET.fromstring(str(lift.draw(make_points(n), notes, "more", "Lift.")))
    titles = [title.text for title in root.iter(f"{SPACE}title")]
    dotted = [mark for mark in root.iter(f"{SPACE}line") if mark.get("stroke-dasharray") == lift.DOTTED]

    assert [f"look {at}" in titles for at in range(n)] == [True] * n
    assert len(dotted) == sum(not point.is_comparable for point in make_points(n)[1:])
    assert "paused" in titles
    assert "outside" not in titles


def test_sankey_bands_are_as_high_as_their_shares() -> None:
    """Nothing is lost between two columns, and no node leaves the picture."""
    nodes = [
        sankey.Node("a", 0, "Start"),
        sankey.Node("b", 1, "End", "completed"),
        sankey.Node("c", 1, "Gone", "left"),
    ]
    flows = [sankey.Flow("a", "b", 0.7, 70), sankey.Flow("a", "c", 0.3, 30)]
    root = ET.fromstring(str(sankey.draw(nodes, flows, "Of 100, 70 arrive.")))
    heights = [float(mark.get("height") or 0) for mark in root.iter(f"{SPACE}rect")]
    tops = [float(mark.get("y") or 0) for mark in root.iter(f"{SPACE}rect")]

    assert heights[0] == pytest.approx(heights[1] + heights[2], abs=0.1)
    assert all(top + height <= sankey.HEIGHT for top, height in zip(tops, heights, strict=True))
    assert "Start \u2192 End: 70" in next(root.iter(f"{SPACE}path"))[0].text  # type: ignore[operator]


def test_sankey_without_flows_is_an_empty_picture() -> None:
    """Nobody has walked yet."""
    assert ET.fromstring(str(sankey.draw([sankey.Node("a", 0, "Start")], [], "Nobody yet."))) is not None


def test_histogram_has_a_bar_per_bin_and_arm() -> None:
    """The highest fills the picture."""
    series = [histogram.Series("Control", (0.1, 0.2)), histogram.Series("Variant", (0.3, 0.0))]
    root = ET.fromstring(str(histogram.draw(["0", "1", "2"], series, "days", "When they complete.")))
    bars = [mark for mark in root.iter(f"{SPACE}rect") if len(mark)]

    assert len(bars) == 4
    assert max(float(bar.get("height") or 0) for bar in bars) == pytest.approx(
        histogram.HEIGHT - histogram.TOP - histogram.BOTTOM
    )
    assert "Variant, 0 to 1 days: 30.0\u202f%" in [title.text for title in root.iter(f"{SPACE}title")]


@pytest.mark.parametrize("report", all_reports(), ids=lambda report: report.experiment.key)
def test_every_mark_is_coloured_without_a_style_sheet(report: Report) -> None:
    """As in a PDF or an e-mail: whatever is drawn has a fill or a stroke of its own."""
    drawn = {f"{SPACE}{name}" for name in ("rect", "circle", "line", "path", "text")}
    for picture in pictures(report):
        marks = [mark for mark in ET.fromstring(picture).iter() if mark.tag in drawn]

        assert all(mark.get("fill") or mark.get("stroke") for mark in marks), picture[:300]
