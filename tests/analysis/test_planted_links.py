"""Each planted truth is found by the check meant for it and by no other.

``benchmarks/planted_links.py`` prints the rates over many seeds; ``docs/reference/links.md`` states them.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from abplat.domain.report import Report

from .planted_links import WORLDS, alarms, judge_world

N = 2_400


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """One report per world."""
    folder: Path = tmp_path_factory.mktemp("worlds")
    return {world: judge_world(world, folder / world, n=N, seed=11) for world in WORLDS}


@pytest.mark.parametrize("world", WORLDS)
def test_each_truth_is_found_by_its_own_check(reports: dict[str, Report], world: str) -> None:
    """And nothing is found where nothing was planted."""
    assert alarms(reports[world]) == ({world} - {"nothing"})


def test_the_link_effect_lies_where_it_was_planted(reports: dict[str, Report]) -> None:
    """By Shapley with bootstrap intervals, and the sum is the whole difference."""
    detail = reports["link"].link_detail
    assert detail is not None
    shares = next(each for each in detail.shares if each.metric is None)
    moved = [link.target for link in shares.links if link.ci_lower > 0 or link.ci_upper < 0]

    assert moved == ["purchase"]
    assert sum(link.points for link in shares.links) == pytest.approx(shares.difference)
    assert shares.caption.startswith("Accounting")


def test_value_is_one_more_link(reports: dict[str, Report]) -> None:
    """More completions of the same worth: the gain lies in the link before."""
    detail = reports["link"].link_detail
    assert detail is not None
    shares = next(each for each in detail.shares if each.metric == "revenue")
    by_target = {link.target: link for link in shares.links}

    assert [link.target for link in shares.links] == ["visit", "quote", "purchase", "value"]
    assert by_target["purchase"].ci_lower > 0
    assert by_target["value"].ci_lower < 0 < by_target["value"].ci_upper
    assert sum(link.points for link in shares.links) == pytest.approx(shares.difference)


def test_the_mechanism_is_graded(reports: dict[str, Report]) -> None:
    """Right link where it was planted; another link where the trap lies."""
    grades = {}
    for world, report in reports.items():
        assert report.link_detail is not None
        grades[world] = report.link_detail.mechanism[0].grade

    assert grades["link"] == "right_link"
    assert grades["nothing"] == "nothing_shown"
    assert grades["conflict"] == "wrong_mechanism"


def test_a_moved_channel_is_said_in_words(reports: dict[str, Report]) -> None:
    """From phone to chat, the total unchanged."""
    detail = reports["shift"].link_detail
    assert detail is not None
    shift = next(each for each in detail.shifts if each.what == "contacts")

    assert shift.state in {"shifted", "partly_shifted"}
    assert "fewer customers in phone, more in chat" in shift.sentence


def test_biased_answers_get_bounds_and_no_verdict(reports: dict[str, Report]) -> None:
    """Nobody is less satisfied, the answers say so, and the bounds hold the truth."""
    report = reports["response"]
    [score] = report.scores
    row = next(metric for metric in report.metrics if metric.key == "csat")

    assert score.lower is not None
    assert score.upper is not None
    assert score.lower < 0 < score.upper
    assert row.effects[0].verdict == "inconclusive"
    assert "response_bias" in {finding.code for finding in report.findings}


def test_hand_offs_are_tested_per_cell(reports: dict[str, Report]) -> None:
    """More purchases in the store after quotes on the web."""
    detail = reports["link"].link_detail
    assert detail is not None
    [matrix] = detail.hand_offs
    [cell] = matrix.cells

    assert (cell.from_channel, cell.to_channel) == ("web", "store")
    assert cell.effect is not None
    assert cell.p_holm is not None
    assert cell.effect > 0
    assert matrix.caption.startswith("Over all exposed")


def test_latencies_censor_who_left_the_link(reports: dict[str, Report]) -> None:
    """More people are at the source than cross."""
    detail = reports["nothing"].link_detail
    assert detail is not None
    row = next(each for each in detail.latencies if each.target == "purchase")

    assert row.n > row.n_crossed > 0
    assert row.caption.startswith("Descriptive")


def test_mix_and_rate_add_up(reports: dict[str, Report]) -> None:
    """All enter on the web here, so all is rate."""
    detail = reports["link"].link_detail
    assert detail is not None
    [split] = detail.mix

    assert split.mix == pytest.approx(0)
    assert split.rate == pytest.approx(split.difference)


def test_where_journeys_are_left_is_one_test_over_all_stages(reports: dict[str, Report]) -> None:
    """The trap sends people away before the quote; nothing moves where nothing was planted."""
    found = {}
    for world in ("nothing", "conflict"):
        detail = reports[world].link_detail
        assert detail is not None
        [found[world]] = detail.abandonment

    assert found["nothing"].state == "nothing_shown"
    quote = next(row for row in found["conflict"].classes if row.channel == "quote")
    assert quote.ci_lower is not None
    assert quote.ci_lower > 0
