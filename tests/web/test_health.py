"""The health strip: every check says what it saw, how to look yourself, how to mend it, and where the whole is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from abplat.domain import report_identity
from abplat.domain.quality import Board, Volume
from abplat.domain.report import Finding, Report
from abplat.domain.report_evidence import EvidenceSection, MetricEvidence, MomentRecord
from abplat.web.brief_checks import FOUND_EN
from abplat.web.check_guides import GUIDES
from abplat.web.health import HealthCard, list_cards
from abplat.web.section_words import SECTIONS
from tests.web import report_factory as factory
from tests.web.page_app import make_app
from tests.web.test_brief import list_finding_codes
from tests.web.test_sections import make_full


def card(report: Report, code: str, board: Board | None = None) -> HealthCard | None:
    """Return one card."""
    return next((each for each in list_cards(report, board) if each.code == code), None)


def make_board(**over: Any) -> Board:
    """Return a board on which two channels of the shop have sent."""
    usual = {
        "kind": "touchpoint",
        "repeated": 0,
        "late": 10,
        "early": 0,
        "p50_late_s": 1.0,
        "p99_late_s": 9.0,
    }
    days = (
        ("2026-03-22", "web"),
        ("2026-03-23", "web"),
        ("2026-03-23", "store"),
        ("2026-03-23", "elsewhere"),
    )
    volumes = tuple(Volume(day=day, channel=channel, n=1_000, **{**usual, **over}) for day, channel in days)
    return Board(made_at="2026-03-23T06:00:00Z", volumes=volumes, arrivals=(), refusals=(), strangers=())


def test_every_check_has_a_way_to_look_or_to_mend() -> None:
    """And leads to a part of the page that exists."""
    codes = list_finding_codes() | {"freshness", "channels", "pre_period", "days_left", "peeking"}
    without = {code for code in codes if code not in GUIDES}

    assert without == set()
    assert {guide.part for guide in GUIDES.values() if guide.part} <= SECTIONS.keys()
    assert {code for code in FOUND_EN if code not in GUIDES} == set()


def test_each_channel_says_when_it_sent_and_how_much_was_late() -> None:
    """Of the experiment's own channels alone."""
    found = card(factory.make_report(), "channels", make_board())
    assert found is not None
    said = dict(found.evidence)

    assert found.word.text == "Passed"
    assert said["Web last sent"] == "2026-03-23"
    assert said["Web late share"].replace("\u202f", " ") == "1.0 %"
    assert "Elsewhere last sent" not in said
    assert [caption for caption, _ in found.pictures] == ["Store late", "Web late"]


@pytest.mark.parametrize(
    ("over", "made_at", "named"),
    [({"late": 200}, "2026-03-23", "Store, Web"), ({}, "2026-03-25", "Store, Web")],
)
def test_a_channel_that_is_late_or_silent_is_named(over: dict[str, Any], made_at: str, named: str) -> None:
    """While the experiment runs; stopped, silence is no fault."""
    board = msgspec.structs.replace(make_board(**over), made_at=f"{made_at}T06:00:00Z")
    found = card(factory.make_report(), "channels", board)
    assert found is not None

    assert found.word.text == "Warning"
    assert {*named.split(", ")} == {
        *found.title.removeprefix("Look at what ").removesuffix(" sends").split(", ")
    }


def test_without_a_board_nothing_is_said_of_channels() -> None:
    """The worker has made none yet, or it is of another time than the report."""
    assert card(factory.make_report(), "channels") is None


def test_how_many_of_each_arm_are_recognised_is_drawn() -> None:
    """One bar an arm."""
    check = report_identity.MergeCheck(
        variant="treatment", measure="share_identified", control_value=0.6, treatment_value=0.7, p_value=0.4, alarm=False
    )  # fmt: skip
    section = report_identity.IdentitySection(graph_as_of="2026-03-23T06:00:00Z", merges=(check,))
    found = card(factory.make_report(identity=section), "merge_rate")
    assert found is not None

    assert [caption for caption, _ in found.pictures] == [
        "Form as it is: known by a customer id", "Shorter form: known by a customer id",
    ]  # fmt: skip
    assert found.part == "part-identity"


def with_history(*findings: Finding) -> Report:
    """Return a report whose calls were counted before the exposure too."""
    record = MomentRecord(
        variant="control", columns=("y", "x"), n=10, shift=(0.0, 0.5), sum=(4.0, 1.0), cross=(1.0, 0.0, 1.0)
    )
    moments = (record, msgspec.structs.replace(record, variant="treatment", sum=(4.0, 2.0)))
    evidence = EvidenceSection(metrics=(MetricEvidence(metric="calls", alpha=0.05, moments=moments),))
    return factory.make_report(evidence=evidence, findings=findings)


def test_the_time_before_is_compared_where_it_was_counted() -> None:
    """With the mean of each arm; a check that has found a difference speaks for itself."""
    found = card(with_history(), "pre_period")
    unlike = Finding(code="covariate_imbalance", severity="block", title="Unlike", detail="Unlike before.")
    assert found is not None

    assert dict(found.evidence) == {"Calls per customer, before": "Form as it is 0.6, Shorter form 0.7"}
    assert card(with_history(unlike), "pre_period") is None
    assert card(factory.make_report(), "pre_period") is None


def test_every_check_opens_on_the_page() -> None:
    """With its query and a link to the part that has the whole."""
    drift = Finding(code="novelty", severity="warning", title="The effect fades", detail="It does.")
    report = msgspec.structs.replace(make_full(), findings=(drift,))
    page = (
        make_app([report]).test_client().get("/projects/shop/experiments/shorter-form").get_data(as_text=True)
    )

    assert 'href="#part-maturity"' in page
    assert 'id="part-maturity"' in page
    assert "Run longer, and decide on the effect of the last days." in page
