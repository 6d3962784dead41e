"""From facts to a Report, on data whose truth is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from abplat.analysis.scorecard import analyse
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import Effect, MetricResult, Report, decode_report, encode_report
from abplat.facts.rows import AliasRow, TouchpointRow
from abplat.facts.tables import to_table

from .simulated import AS_OF, START, Shop, Truth, make_shop_plan

WIN = {"control": Truth(), "treatment": Truth(quote=0.65)}
SAME = {"control": Truth(), "treatment": Truth()}
TRAP = {"control": Truth(), "treatment": Truth(form=0.55, purchase=0.33)}


def run(
    folder: Path,
    truths: dict[str, Truth],
    *,
    n: int = 3_000,
    as_of: datetime = AS_OF,
    shop: dict[str, Any] | None = None,
    **plan: Any,
) -> Report:
    """Simulate and analyse."""
    made = Shop(folder)
    made.run(truths, n, **(shop or {}))
    return analyse(made.write(), make_shop_plan(**plan), as_of, Settings(data_dir=folder))


def find(report: Report, key: str) -> MetricResult:
    """Return one row."""
    return next(metric for metric in report.metrics if metric.key == key)


def effect_of(report: Report, key: str) -> Effect:
    """Return the only effect of a row."""
    [effect] = find(report, key).effects
    return effect


def finding(report: Report, code: str) -> str | None:
    """Return the severity of a finding."""
    return next((found.severity for found in report.findings if found.code == code), None)


@pytest.fixture(scope="module")
def win(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A shop where the treatment makes more quotes."""
    return run(tmp_path_factory.mktemp("win"), WIN)


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """A shop where the form is sent more often and fewer tents are sold."""
    return run(tmp_path_factory.mktemp("trap"), TRAP)


def test_a_true_win_is_shipped(win: Report) -> None:
    """The verdict, and the number behind it: 0.65 * 0.5 against 0.5 * 0.5."""
    [verdict] = win.verdicts
    effect = effect_of(win, "completed")

    assert (verdict.code, verdict.word, verdict.may_ship) == ("ship", "Better", True)
    assert effect.verdict == "better"
    assert effect.ci_lower is not None
    assert effect.ci_upper is not None
    assert effect.ci_lower < 0.075 < effect.ci_upper


def test_the_win_lies_in_the_link_where_it_was_planted(win: Report) -> None:
    """Visit to quote moved; the others did not."""
    [decomposition] = win.links
    points = {link.target: link.points for link in decomposition.links}

    assert decomposition.control_counts[0] == win.experiment.variants[0].n_mature
    assert sum(point or 0 for point in points.values()) == pytest.approx(decomposition.difference)
    assert max(points, key=lambda target: points[target] or 0) == "quote"


def test_customers_are_joined_before_they_are_counted(win: Report) -> None:
    """An anonymous visit and a known purchase are one customer: 3,000, not 6,000."""
    assert sum(variant.n_exposed for variant in win.experiment.variants) == 3_000
    assert win.inputs.n_customers == 3_000


def test_every_metric_has_the_same_denominator(win: Report) -> None:
    """Exposed mature customers, zeros included."""
    mature = [variant.n_mature for variant in win.experiment.variants]

    for metric in win.metrics:
        assert [value.n for value in metric.values] == mature, metric.key


def test_reach_of_every_required_stage_is_reported(win: Report) -> None:
    """As a family of its own."""
    reach = [metric for metric in win.metrics if metric.key.startswith("reach:")]

    assert [metric.key for metric in reach] == ["reach:visit", "reach:quote", "reach:purchase"]
    assert all(
        "Holm" in effect.method for metric in reach for effect in metric.effects if effect.p_value is not None
    )


def test_calls_before_the_exposure_serve_as_covariate(win: Report) -> None:
    """And never as an outcome."""
    [control, _] = find(win, "calls").values

    assert "covariate" in effect_of(win, "calls").method
    assert control.value == pytest.approx(0.2, abs=0.04)


def test_time_to_complete_is_a_restricted_mean(win: Report) -> None:
    """Lower is better, in seconds; one curve per arm."""
    effect = effect_of(win, "time")

    assert effect.effect is not None
    assert effect.effect < 0
    assert effect.verdict == "better"
    assert [curve.variant for curve in win.survival] == ["control", "treatment"]
    assert win.survival[0].tau == 7 * 86_400


def test_the_map_counts_channels_and_hand_offs(win: Report) -> None:
    """Quotes on the web, purchases in the store."""
    hand_offs = {
        (arrow.from_channel, arrow.to_channel)
        for arrow in win.journey_map.hand_offs
        if arrow.target == "purchase"
    }
    cells = {(cell.stage, cell.channel) for cell in win.journey_map.stages}

    assert hand_offs == {("web", "store")}
    assert cells == {("visit", "web"), ("quote", "web"), ("purchase", "store")}
    assert {ending.status for ending in win.journey_map.endings} == {"completed", "abandoned"}


def test_the_trap_is_a_conflict_and_may_not_ship(trap: Report) -> None:
    """In words, with three numbers."""
    [verdict] = trap.verdicts
    [conflict] = trap.conflicts

    assert verdict.may_ship is False
    assert conflict.state == "conflict"
    assert effect_of(trap, "form").verdict == "better"
    assert finding(trap, "conflict") == "warning"
    assert (verdict.code, verdict.sentence) == (
        "conflict",
        "Do not ship: the touchpoint won (Form sent), the journey lost.",
    )
    assert verdict.why.startswith("Form sent +")
    assert "Journeys completed \u2212" in verdict.why
    assert verdict.why.count("%") >= 3


def test_no_difference_is_not_shipped(tmp_path: Path) -> None:
    """An A/A test."""
    report = run(tmp_path, SAME)

    assert report.verdicts[0].may_ship is False
    assert effect_of(report, "completed").verdict == "inconclusive"


@pytest.mark.parametrize(
    ("truths", "code", "word", "said"),
    [(SAME, "inconclusive", "Inconclusive", "As it should be"), (WIN, "not_trusted", "Not trusted", "A/A")],
    ids=["nothing found", "a difference found"],
)
def test_an_aa_test_has_nothing_to_ship(
    tmp_path: Path, truths: dict[str, Truth], code: str, word: str, said: str
) -> None:
    """Finding nothing is its success; finding a difference means that something is broken."""
    [verdict] = run(tmp_path, truths, kind="aa").verdicts

    assert (verdict.code, verdict.word, verdict.may_ship) == (code, word, False)
    assert said in verdict.sentence


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the time of day; and a document reads back."""
    shop = Shop(tmp_path)
    shop.run(WIN, 300)
    lake, settings = shop.write(), Settings(data_dir=tmp_path)
    first = encode_report(analyse(lake, make_shop_plan(), AS_OF, settings))
    second = encode_report(analyse(lake, make_shop_plan(), AS_OF, settings))

    assert first == second
    assert encode_report(decode_report(first)) == first


def test_what_happened_later_does_not_change_the_past(tmp_path: Path) -> None:
    """A snapshot is repeatable when new facts have come."""
    shop = Shop(tmp_path)
    shop.run(WIN, 300)
    lake, settings, early = shop.write(), Settings(data_dir=tmp_path), START + timedelta(days=12)
    report = analyse(lake, make_shop_plan(), early, settings)

    assert sum(variant.n_exposed for variant in report.experiment.variants) < 300
    assert report.inputs.data_through is not None
    assert report.inputs.data_through <= "2026-03-14T09:00:00Z"


def test_a_past_report_made_again_is_the_same_to_the_byte(tmp_path: Path) -> None:
    """Facts that happened later, arrived later or came twice change nothing of what was known then."""
    shop = Shop(tmp_path)
    shop.run(WIN, 300)
    lake, settings, early = shop.write(), Settings(data_dir=tmp_path), START + timedelta(days=12)
    first = encode_report(analyse(lake, make_shop_plan(), early, settings))

    late = to_micros(AS_OF)
    rows = [row for row in shop.touchpoints if row.ts_us < to_micros(early)][:50]
    news = [TouchpointRow(f"late-{row.event_id}", row.actor, "purchase", row.ts_us, "web") for row in rows]
    again = to_table("touchpoint", [*news, *rows], [late] * (len(news) + len(rows)), 7)
    lake.append("shop", "touchpoint", again, app="test", sequence=2)
    link = to_table("alias", [AliasRow("late", "anon:1", "cust:2", to_micros(START), "login")], [late], 7)
    lake.append("shop", "alias", link, app="test", sequence=2)
    lake.compact("shop", "touchpoint")

    assert encode_report(analyse(lake, make_shop_plan(), early, settings)) == first
    assert encode_report(analyse(lake, make_shop_plan(), AS_OF, settings)) != first


def test_before_the_planned_end_it_is_too_early(tmp_path: Path) -> None:
    """A running experiment gives no verdict for a look."""
    report = run(tmp_path, WIN, n=600, state="running", stopped_at=None)

    assert report.verdicts[0].word == "Too early"
    assert effect_of(report, "form").verdict == "too_early"


def test_after_the_planned_run_time_a_running_experiment_is_judged(tmp_path: Path) -> None:
    """``decide_after`` names the look."""
    report = run(tmp_path, WIN, state="running", stopped_at=None, decide_after="28d")

    assert report.verdicts[0].code == "ship"


def test_a_broken_split_withholds_every_verdict(tmp_path: Path) -> None:
    """Counted over customers: p < 0.001."""
    report = run(tmp_path, WIN, shop={"weights": [10, 7]})

    assert finding(report, "sample_ratio") == "block"
    assert report.verdicts[0].code == "not_trusted"
    assert {effect.verdict for metric in report.metrics for effect in metric.effects} <= {
        "not_trusted",
        "not_computable",
    }


@pytest.mark.parametrize(("share", "severity"), [(0.0, "pass"), (0.025, "warning"), (0.12, "block")])
def test_crossovers_are_counted_and_judged(tmp_path: Path, share: float, severity: str) -> None:
    """Above 1 % a warning, above 5 % not to be trusted."""
    report = run(tmp_path, SAME, n=1_500, shop={"crossover": share})

    assert finding(report, "crossover") == severity


def test_an_experiment_nobody_has_met_has_a_report(tmp_path: Path) -> None:
    """Reasons instead of numbers."""
    report = run(tmp_path, SAME, n=0)

    assert finding(report, "no_exposures") == "warning"
    assert report.verdicts[0].may_ship is False
    assert all(effect.effect is None for metric in report.metrics for effect in metric.effects)
    assert all(effect.reason for metric in report.metrics for effect in metric.effects)
    assert report.survival == ()


def test_a_variant_that_is_not_planned_is_reported(tmp_path: Path) -> None:
    """And left out."""
    report = run(
        tmp_path,
        {"control": Truth(), "treatment": Truth(), "typo": Truth()},
        n=600,
        shop={"weights": [10, 10, 1]},
    )

    assert finding(report, "unknown_variant") == "warning"
    assert sum(variant.n_exposed for variant in report.experiment.variants) < 600
