"""Paths: what happened inside journeys, which ways the arms walked, and a planted shift between them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.journeys.encode import encode_columns, encode_rows
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps, trace
from abplat.analysis.scorecard import analyse
from abplat.clock import parse_instant, to_micros
from abplat.config import Settings
from abplat.domain.journeys import parse_journey
from abplat.domain.report import Report, encode_report
from abplat.domain.report_paths import PathsSection

from .event_logs import encode_log, read_log
from .planted import Planted, make_planted_plan
from .simulated import AS_OF

HOUR = 3_600_000_000


def walk(definition: dict[str, Any], *events: str) -> tuple[JourneyColumns, JourneySteps]:
    """Match and trace the hourly events ``name@channel`` of one customer."""
    parsed = parse_journey({"key": "j", "owner": "x", "window": "7d", **definition})
    rows = [
        EventRow(
            f"{i:03}", "cust:1", text.partition("@")[0], i * HOUR, i * HOUR, text.partition("@")[2] or None
        )
        for i, text in enumerate(events)
    ]
    columns, _ = encode_rows(parsed, rows, 100 * HOUR * 24)
    journeys = match_journeys(parsed, columns, 100 * HOUR * 24, members=True)
    return journeys, trace(journeys, columns)


def stages(*keys: str) -> list[dict[str, Any]]:
    """Return one stage per event name."""
    return [{"key": key, "match": [{"event": key}]} for key in keys]


def test_touchpoints_are_told_apart_by_what_was_planned() -> None:
    """Ad hoc, again, and of a stage passed already; the example S25 of the design."""
    journeys, steps = walk(
        {"stages": stages("start", "details", "sign")},
        "start@app", "details@app", "details@app", "start@web", "call@phone", "sign@branch",
    )  # fmt: skip

    assert steps.ad_hoc.tolist() == [1]
    assert steps.out_of_order.tolist() == [1]
    assert steps.rework.tolist() == [[1, 1, 0]]
    assert journeys.touchpoints.tolist() == [6]
    assert [steps.paths[code] for code in steps.path.tolist()] == [(0, 3, 2, 1)]


def test_a_stage_whose_turn_has_not_come_is_out_of_order() -> None:
    """A purchase before the quote (S02)."""
    _, steps = walk(
        {"stages": stages("visit", "quote", "purchase")}, "visit", "purchase", "quote", "purchase"
    )

    assert steps.out_of_order.tolist() == [1]
    assert steps.ad_hoc.tolist() == [0]


@pytest.mark.parametrize(
    ("extra", "events"),
    [
        ({"exclude": [{"match": [{"event": "cancel"}]}]}, ("visit", "cancel")),
        ({"ordering": "strict"}, ("visit", "faq")),
    ],
    ids=["exclusion", "strict"],
)
def test_what_breaks_a_journey_is_a_failure_and_not_ad_hoc(
    extra: dict[str, Any], events: tuple[str, ...]
) -> None:
    """It is counted as the end of the journey."""
    _, steps = walk({"stages": stages("visit", "purchase"), **extra}, *events)

    assert (steps.ad_hoc.tolist(), steps.out_of_order.tolist()) == ([0], [0])


def test_every_touchpoint_of_a_real_log_has_one_class() -> None:
    """Loan applications of BPI Challenge 2012: the classes add up to the published touchpoints."""
    rows = [row for row in read_log("bpic2012") if row["lifecycle"] == "COMPLETE"]
    names = ("A_SUBMITTED", "A_PREACCEPTED", "A_ACCEPTED", "O_SENT", "O_SENT_BACK", "A_APPROVED")
    definition = parse_journey({
        "key": "loan", "owner": "tests", "window": "60d", "stages": stages(*names),
        "exclude": [{"match": [{"event": "A_DECLINED"}, {"event": "A_CANCELLED"}]}],
    })  # fmt: skip
    events = encode_columns(definition, encode_log(rows, lambda row: row["activity"][:1]))
    journeys = match_journeys(
        definition, events, to_micros(parse_instant("2012-03-15T00:00:00Z")), members=True
    )
    steps = trace(journeys, events)
    failed = int((journeys.status == 3).sum())
    classes = steps.ad_hoc + steps.out_of_order + journeys.repeats + journeys.reached.sum(axis=1)

    assert int(classes.sum()) + failed == 148_381
    assert int(steps.out_of_order.sum()) >= 395
    assert int(steps.rework.sum()) == int((steps.out_of_order + journeys.repeats).sum())
    assert np.unique(steps.path).size == len(steps.paths)


def section_of(report: Report) -> PathsSection:
    """Return the section."""
    assert report.paths is not None
    return report.paths


def run_planted(folder: Path, seed: int = 11, **planted: Any) -> Report:
    """Simulate and analyse."""
    made = Planted(folder, seed)
    made.run(1_500, **planted)
    return analyse(made.write(), make_planted_plan(), AS_OF, Settings(data_dir=folder))


@pytest.fixture(scope="module")
def shifted(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """As many complete, more of them by telephone."""
    return run_planted(tmp_path_factory.mktemp("shifted"), path=0.15)


def test_a_planted_shift_is_found_by_the_paths_and_nothing_else(shifted: Report) -> None:
    """Nothing warns; the test of the paths speaks."""
    [test] = section_of(shifted).tests
    spoken = {found.code for found in shifted.findings if found.severity != "pass"}

    assert test.p_value is not None
    assert test.p_value < 0.001
    assert spoken == {"paths"}
    assert shifted.metrics[0].effects[0].verdict == "inconclusive"


def test_moves_have_intervals_around_what_was_planted(shifted: Report) -> None:
    """0.15 more of the treated call."""
    moves = {(row.source, row.target): row for row in section_of(shifted).transitions}
    called = moves["web", "phone"]

    assert called.ci_lower is not None
    assert called.effect == pytest.approx(0.15, abs=0.06)
    assert called.ci_lower > 0.05
    assert called.p_adjusted is not None
    assert called.p_adjusted < 0.001


def test_equal_arms_walk_equal_paths(tmp_path: Path) -> None:
    """Nothing is planted."""
    report = run_planted(tmp_path)

    assert "paths" not in {found.code for found in report.findings}


def test_listed_paths_and_the_rest_are_everybody(shifted: Report) -> None:
    """Shares of an arm sum to one: each customer takes one path."""
    rows, arms = section_of(shifted).paths, shifted.experiment.variants

    assert sum(row.n_control for row in rows) == arms[0].n_mature
    assert sum(row.n_treatment for row in rows) == arms[1].n_mature
    assert sum(row.share_control or 0 for row in rows) == pytest.approx(1)


def test_what_flows_into_a_node_flows_out_of_it(shifted: Report) -> None:
    """The bands of each arm begin with its journeys and end with their endings."""
    for variant in ("control", "treatment"):
        flows = [flow for flow in section_of(shifted).flows if flow.variant == variant]
        started = sum(flow.n for flow in flows if flow.step == 0)
        ended = sum(flow.n for flow in flows if flow.target.startswith("("))
        came, went = Counter[tuple[int, str]](), Counter[tuple[int, str]]()
        for flow in flows:
            went[flow.step, flow.source] += flow.n
            came[flow.step + 1, flow.target] += flow.n

        assert started == ended > 0
        for step, node in went:
            assert step == 0 or came[step, node] == went[step, node]


def test_deviations_and_rework_are_counted_per_arm(shifted: Report) -> None:
    """A call is no stage of the journey; more of the treated made one."""
    rows = {row.kind: row for row in section_of(shifted).deviations}

    assert list(rows) == ["ad_hoc", "out_of_sequence", "failed", "missing"]
    assert rows["ad_hoc"].n_touchpoints_treatment > rows["ad_hoc"].n_touchpoints_control
    assert rows["failed"].n_with_control == 0
    assert [row.stage for row in section_of(shifted).rework] == ["visit", "quote", "purchase"]


def test_the_deals_are_the_same_every_time(tmp_path: Path) -> None:
    """Byte for byte, permutation test and all."""
    made = Planted(tmp_path)
    made.run(300, path=0.1)
    lake, settings = made.write(), Settings(data_dir=tmp_path)
    first, second = (
        encode_report(analyse(lake, make_planted_plan(), AS_OF, settings)) for _ in pairwise("abc")
    )

    assert first == second
