"""The further parts of a report: each is shown, known or not, and says its numbers as people read them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from abplat.domain import (
    report_breakdowns,
    report_estimates,
    report_identity,
    report_links,
    report_maturity,
    report_paths,
    report_samples,
)
from abplat.domain.report import Report
from abplat.domain.report_base import Contrast, Frozen
from abplat.web.debug import make_estimates
from abplat.web.sampled import make_samples
from abplat.web.section_cells import Place, say_cell, say_change
from abplat.web.section_words import SECTIONS
from abplat.web.sections import CORE, _section, list_sections
from tests.web import report_factory as factory

CONTRAST: dict[str, Any] = {
    "variant": "treatment",
    "effect": 0.021,
    "ci_lower": 0.01,
    "ci_upper": 0.032,
    "p_value": 0.0004,
}


class NewRow(Contrast, frozen=True, kw_only=True):
    """A row of a part that nobody has written words for."""

    colour_of_tent: str
    n_tents: int


class NewPart(Frozen, frozen=True, kw_only=True):
    """A part that a later version adds."""

    tent_share: float
    rows: tuple[NewRow, ...]


def make_full() -> Report:
    """Make a report with a part of every sort."""
    paths = report_paths.PathsSection(
        paths=(report_paths.PathRow(**CONTRAST, path=("web", "contact_centre"), ending="completed", n_control=80,
                                    n_treatment=90, share_control=0.08, share_treatment=0.09),),
        flows=tuple(
            report_paths.Flow(variant=arm, step=step, source=source, target=target, n=n)
            for arm in ("control", "treatment")
            for step, source, target, n in ((0, "web", "store", 60), (0, "web", "(abandoned)", 40), (1, "store", "(completed)", 60))
        ),
    )  # fmt: skip
    ages = tuple(report_maturity.AgePoint(**CONTRAST, age=age) for age in range(3))
    novelty = report_maturity.Novelty(
        variant="treatment", step_seconds=86_400.0, n_cohorts=4, points=ages, slope=-0.001, p_value=0.4, first=0.03,
        last=0.02, pattern="steady", alarm=False,
    )  # fmt: skip
    cell = report_links.HandOffEffect(
        from_channel="web", to_channel="contact_centre", control_n=40, treatment_n=60, effect=0.02, ci_lower=0.01,
        ci_upper=0.03, p_value=0.001, p_holm=0.002, state="more",
    )  # fmt: skip
    matrix = report_links.HandOffMatrix(
        variant="treatment", control_exposed=1_000, treatment_exposed=1_000, cells=(cell,)
    )
    identity = report_identity.IdentitySection(
        graph_as_of="2026-03-23T06:00:00Z",
        splits=(report_identity.SplitTest(unit="fresh", counts={"control": 10}, expected={"control": 9.5}, p_value=0.5, alarm=False),),
    )  # fmt: skip
    sampled = report_samples.SampledJourney(
        variant="treatment", code="3f2a90c1d2", status="abandoned", next_stage="quote", after_exposure=60.0,
        seconds=93_600.0, touchpoints=4, switches=1, path=("web", "store"),
        stages=(report_samples.SampledStage(stage="visit", channel="web", seconds=0.0),
                report_samples.SampledStage(stage="configure", channel="store", seconds=7_200.0)),
    )  # fmt: skip
    estimates = tuple(
        report_estimates.Estimate(**CONTRAST, metric="completed", kind=kind, strata=strata, is_used=kind == "adjusted",
                                  se=0.005, share_of_variance=share)
        for kind, strata, share in (("raw", None, 1.0), ("adjusted", None, 0.8), ("stratified", "week", 0.9))
    )  # fmt: skip
    return factory.make_report(
        samples=report_samples.SampleSection(n_journeys=812, journeys=(sampled,)),
        estimates=report_estimates.EstimatesSection(estimates=estimates),
        paths=paths,
        maturity=report_maturity.MaturitySection(horizon_seconds=604_800.0, share_known=1.0, all_mature_at=None, novelty=(novelty,)),
        link_detail=report_links.LinkSection(hand_offs=(matrix,)),
        identity=identity,
    )  # fmt: skip


def test_every_part_is_shown_in_a_fixed_order() -> None:
    """With its title, its tables and its pictures."""
    sections = list_sections(make_full())

    assert [section.key for section in sections] == ["link_detail", "paths", "maturity", "identity"]
    assert all(section.title == SECTIONS[section.key][0] for section in sections)
    assert [len(section.pictures) for section in sections] == [0, 2, 1, 0]


def test_no_part_of_the_report_is_left_out() -> None:
    """Each field is shown as a part, but for the evidence, which stands in the fold of numbers."""
    optional = {field.name for field in msgspec.structs.fields(Report) if not field.required}

    assert optional - CORE == optional - {"schema_version", "evidence", "samples", "estimates"}


def test_rows_with_an_interval_have_a_bar_and_the_variant_is_not_repeated() -> None:
    """There is but one variant in this experiment."""
    (links, paths, *_rest) = list_sections(make_full())
    table = next(table for table in links.tables if table.has_bars)

    assert table.title == "Hand-offs from one channel to another"
    assert table.columns[:2] == ("From", "To")
    assert "Variant" not in table.columns
    assert table.rows[0].cells[-1].replace("\u202f", " ") == "+2.00 pts (+1.00 pts to +3.00 pts)"
    assert "Web \u2192 Contact centre" in paths.tables[0].rows[0].cells
    assert table.rows[0].bar is not None


def test_a_part_that_nobody_has_words_for_is_shown_by_its_shape() -> None:
    """A later version may add one."""
    part = NewPart(tent_share=0.25, rows=(NewRow(**CONTRAST, colour_of_tent="dark_green", n_tents=12),))
    section = _section(factory.make_report(), "tents", part)

    assert section.title == "Tents"
    assert section.facts == (("Tent share", "25.0\u202f%"),)
    assert section.tables[0].columns == ("Colour of tent", "N tents", "p-value", "Change")
    assert section.tables[0].rows[0].cells[:3] == ("Dark green", "12", "p < 0.001")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("step_seconds", 86_400.0, "1\u202fdays"), ("p_value", 0.2, "p = 0.200"), ("share", 0.5, "50.0\u202f%"),
     ("alarm", True, "yes"), ("median", 3_600.0, "1\u202fhours"), ("n", 1_200, "1,200"), ("ratio", 1.5, "1.50"),
     ("graph_as_of", "2026-03-23T06:00:00Z", "2026-03-23 06:00 UTC"), ("p_holm", None, "\u2013")],
)  # fmt: skip
def test_cells_are_said_by_name_and_type(name: str, value: Any, said: str) -> None:
    """No raw number of seconds, no true or false."""
    row = msgspec.defstruct("Row", [(name, Any)])(**{name: value})

    assert say_cell(Place(factory.make_report(), "x", "y"), name, row) == said


def test_a_missing_contrast_says_why() -> None:
    """In words."""
    row = Contrast(variant="treatment", reason="too_few_units")

    assert say_change(Place(factory.make_report(), "x", "y"), row) == "too few customers to say"


def test_parts_are_on_the_page() -> None:
    """With their tables behind the pictures."""
    from tests.web.page_app import make_app

    page = (
        make_app([make_full()])
        .test_client()
        .get("/projects/shop/experiments/shorter-form")
        .get_data(as_text=True)
    )

    for title in ("Which ways customers took", "Flows behind the picture", "By days since exposure"):
        assert title in page


def test_breakdowns_say_their_reading_and_each_group() -> None:
    """The test of a difference comes first, then the groups with the better guess."""
    row = report_breakdowns.BreakdownRow(
        **CONTRAST, value=("app", "expert"), n_control=40, n_treatment=42, control_value=0.1, treatment_value=0.12,
        p_adjusted=0.01, shrunken=0.015, shrunken_ci_lower=0.01, shrunken_ci_upper=0.02, weight=0.6,
    )  # fmt: skip
    broken = report_breakdowns.Breakdown(
        variant="treatment", dimensions=("channel", "persona"), interaction_p=0.3, interaction_p_adjusted=0.6, differs=False,
        tau=0.004, i_squared=0.1, opposite_p=0.9, by_dimension_p=(0.2, None), crossed_p=0.5, rows=(row,), reading="No group differs.",
    )  # fmt: skip
    part = report_breakdowns.BreakdownsSection(note="Two questions were asked.", breakdowns=(broken,))
    (section,) = list_sections(factory.make_report(breakdowns=part))
    first, second = section.tables

    assert section.title == "For whom it changed"
    assert section.sentences == ("No group differs.",)
    assert "p = 0.200, \u2013" in first.rows[0].cells
    assert second.rows[0].cells[0] == "channel \u00d7 persona"
    assert "+1.50\u202fpts (+1.00\u202fpts to +2.00\u202fpts)" in second.rows[0].cells


def test_estimates_stand_side_by_side() -> None:
    """One way a column, the one that is used marked; a gap where a way has no meaning."""
    table = make_estimates(make_full())
    assert table is not None
    (row,) = table.rows
    cells = [cell for cell in row.cells if cell]

    assert table.columns == ("Raw", "Variance-reduced", "Stratified by week")
    assert [cell.is_used for cell in cells] == [False, True, False]
    assert cells[1].change.replace("\u202f", " ") == "+2.10 pts"
    assert cells[1].detail.replace("\u202f", " ") == "variance 80.0 % of the first"
    assert make_estimates(factory.make_report()) is None


def test_sampled_journeys_are_told_without_an_id() -> None:
    """By a code, where they went, and how they ended."""
    table = make_samples(make_full())
    assert table is not None
    (row,) = table.rows

    assert (row.code, row.variant, row.path) == ("3f2a90c1d2", "Shorter form", "Web \u2192 Store")
    assert row.ending == "Abandoned before \u201cAsk for a quote\u201d"
    assert "Configure the tent (Store) after 2\u202fhours" in row.stages
    assert table.n_journeys == "812"
    assert make_samples(factory.make_report()) is None
