"""From a request to its answer: numbers against published ones, history against the facts."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scipy.stats import norm
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from abplat.analysis.planning.planner import Facts, make_answer
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.plan_answers import PlanAnswer, decode_answer, encode_answer
from abplat.domain.plans import parse_plan_request
from abplat.errors import InvalidInputError
from abplat.stats.planning import (
    Arrivals,
    Design,
    Monitoring,
    PastSurvival,
    calculate_sample_size,
    count_outcome,
    mean_outcome,
    plan_events,
    proportion_outcome,
    quantile_outcome,
    ratio_outcome,
    tabulate_mde,
    with_clusters,
    with_covariate,
)
from tests.analysis.simulated import DAY, JOURNEY, METRICS, START, Shop, Truth

NOW = datetime(2026, 3, 30, 12, tzinfo=UTC)
WALKED = {"key": "buy", "version": 1, "document": JOURNEY}
SHARE = {"kind": "proportion", "baseline": 0.1}


def ask(document: dict[str, Any], **over: Any) -> PlanAnswer:
    """Answer a request, and see that the answer is whole JSON without NaN."""
    answer = make_answer(parse_plan_request(document), NOW, **over)
    text = encode_answer(answer)
    json.loads(text, parse_constant=pytest.fail)
    assert decode_answer(msgspec.json.decode(text)) == answer
    return answer


def reasons(answer: PlanAnswer) -> dict[str, str]:
    """Return why parts are missing."""
    return {gap.part: gap.reason for gap in answer.gaps}


# --- numbers ---


def test_a_mean_equals_statsmodels() -> None:
    """TTestIndPower().solve_power(0.5, alpha=0.05, power=0.8): 63.77 units an arm."""
    oracle = math.ceil(TTestIndPower().solve_power(0.5, alpha=0.05, power=0.8))
    answer = ask({"outcome": {"kind": "mean", "baseline": 0, "sd": 1}, "effect": 0.5, "scale": "absolute"})

    assert answer.size is not None
    assert [arm.n_units for arm in answer.size.arms] == [oracle, oracle] == [64, 64]


def test_a_share_equals_the_unpooled_formula() -> None:
    """(z_a + z_b)^2 (p1 q1 + p2 q2) / d^2 by scipy.stats.norm: 14,749 an arm for 10 % against 11 %."""
    z = norm.ppf(0.975) + norm.ppf(0.8)
    oracle = math.ceil(z**2 * (0.1 * 0.9 + 0.11 * 0.89) / 0.01**2)
    answer = ask({"outcome": SHARE, "effect": 0.1, "n_units": 2 * oracle})

    assert answer.size is not None
    assert answer.at_units is not None
    assert answer.size.arms[0].n_units == oracle
    assert answer.size.effect_absolute == pytest.approx(0.01)
    assert answer.at_units.mde == pytest.approx(0.1, abs=1e-4)
    assert answer.at_units.power == pytest.approx(0.8, abs=1e-4)


def test_power_of_given_units_equals_statsmodels() -> None:
    """NormalIndPower on 20,000 units of a mean."""
    answer = ask({"outcome": {"kind": "mean", "baseline": 10, "sd": 20}, "effect": 0.06, "n_units": 20_000})
    oracle = NormalIndPower().power(0.6 / 20, 10_000, 0.05)

    assert answer.at_units is not None
    assert answer.at_units.power == pytest.approx(oracle, abs=1e-4)


RATIO = {
    "kind": "ratio", "numerator_mean": 2, "numerator_sd": 3, "denominator_mean": 4, "denominator_sd": 2,
    "correlation": 0.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("over", "outcome"),
    [
        ({"outcome": {"kind": "count", "baseline": 0.4, "dispersion": 2}}, count_outcome(0.4, 2)),
        ({"outcome": RATIO}, ratio_outcome((2, 4), (9, 4), 3)),
        ({"outcome": {"kind": "quantile", "baseline": 10, "density": 0.05}}, quantile_outcome(10, 0.5, 0.05)),
        (
            {"outcome": {"kind": "mean", "baseline": 20, "sd": 50}, "covariate_correlation": 0.6},
            with_covariate(mean_outcome(20, 50), 0.6),
        ),
        (
            {"outcome": SHARE, "cluster": {"size": 21, "intraclass_correlation": 0.05}},
            with_clusters(proportion_outcome(0.1), 21, 0.05),
        ),
    ],
    ids=["count", "ratio", "quantile", "covariate", "clusters"],
)
def test_every_kind_is_that_of_the_statistics(over: dict[str, Any], outcome: Any) -> None:
    """The pure functions of abplat.stats.planning, which have their own oracles."""
    oracle = calculate_sample_size(outcome, 0.1, Design(scale="relative"))
    answer = ask({**over, "effect": 0.1})

    assert answer.size is not None
    assert answer.size.n_units == oracle.n_units  # type: ignore[union-attr]


def test_looks_and_arms_are_those_of_the_design() -> None:
    """Four arms, O'Brien-Fleming, Dunnett; the looks have bounds, units and days."""
    document = {
        "outcome": SHARE, "effect": 0.1, "arms": 4, "allocation": "best", "family": "dunnett",
        "monitoring": {"kind": "group_sequential", "looks": 3}, "traffic": {"per_day": 9_000},
        "horizon": "7d", "starts_on": "2026-03-02",
    }  # fmt: skip
    answer = ask(document)
    root = math.sqrt(3)
    design = Design(
        scale="relative",
        shares=(root / (3 + root),) + (1 / (3 + root),) * 3,
        family="dunnett",
        monitoring=Monitoring(kind="group_sequential", n_looks=3),
    )
    oracle = calculate_sample_size(proportion_outcome(0.1), 0.1, design)

    assert answer.size is not None
    assert answer.run_time is not None
    assert answer.size.n_units == oracle.n_units  # type: ignore[union-attr]
    assert [look.fraction for look in answer.looks] == pytest.approx([1 / 3, 2 / 3, 1])
    assert answer.looks[-1].on == answer.run_time.ends_on
    assert answer.looks[-1].n_units == answer.run_time.n_units


def test_a_margin_needs_no_effect() -> None:
    """Non-inferiority at no difference: one-sided, on the margin; NormalIndPower on the same distance."""
    document = {"outcome": {"kind": "mean", "baseline": 20, "sd": 50}, "margin": 1, "scale": "absolute"}
    answer = ask({**document, "alpha": 0.025})
    oracle = NormalIndPower().solve_power(1 / 50, alpha=0.025, power=0.8, alternative="larger")

    assert answer.test.question == "non_inferiority"
    assert answer.size is not None
    assert answer.size.arms[0].n_units == pytest.approx(oracle, abs=1)
    assert answer.test.sides == 1


def test_equivalence_is_planned_by_two_tests() -> None:
    """Sizes of R PowerTOST, sampleN.TOST(alpha = 0.05, targetpower = 0.8, CV = 1, theta1 = -0.2, logscale = FALSE)."""
    outcome = {"kind": "mean", "baseline": 0.0, "sd": 1.0}
    found = ask(
        {"outcome": outcome, "scale": "absolute", "question": "equivalence", "margin": 0.2, "n_units": 858}
    )

    assert found.test.question == "equivalence"
    assert found.size is not None
    assert [arm.n_units for arm in found.size.arms] == [429, 429]
    assert found.at_units is not None
    assert found.at_units.power == pytest.approx(0.8, abs=0.002)
    assert found.at_units.mde is None
    assert any("differ by less than 0.2 either way" in each for each in found.assumptions)


def test_a_share_is_held_against_its_margin_by_the_score_test() -> None:
    """The sizes are those of the statistics with the restricted variance, and others than without."""
    request: dict[str, Any] = {"outcome": SHARE, "scale": "absolute", "margin": 0.05}
    restricted, estimated = ask({**request, "null_variance": "restricted"}), ask(request)
    design = Design(margin=0.05, sides=1, null_variance="restricted")
    expected = calculate_sample_size(proportion_outcome(0.1), 0.0, design)

    assert restricted.size is not None
    assert estimated.size is not None
    assert restricted.size.n_units == expected.n_units  # type: ignore[union-attr]
    assert restricted.size.n_units != estimated.size.n_units
    assert any("Farrington and Manning" in each for each in restricted.assumptions)


def test_weeks_are_those_of_the_statistics() -> None:
    """The table of smallest effects, with the days on which results are there."""
    days = (200.0,) * 7 + (100.0,) * 7
    traffic = {"new_units_by_day": list(days), "share": 0.5}
    answer = ask({"outcome": SHARE, "traffic": traffic, "horizon": "3d", "starts_on": "2026-03-02"})
    oracle = tabulate_mde(proportion_outcome(0.1), Design(scale="relative"), Arrivals(days, 0.5), 12, 3.0)

    assert [week.n_units for week in answer.weeks] == [row.n_units for row in oracle]
    assert [week.mde for week in answer.weeks] == [row.mde for row in oracle]
    assert (answer.weeks[0].ends_on, answer.weeks[0].power) == ("2026-03-12", None)
    assert reasons(answer) == {"size": "no_effect", "run_time": "no_effect"}


def test_a_fall_has_its_own_smallest_effect() -> None:
    """Shares below and above are not alike, so the sign of the effect counts."""
    up, down = (ask({"outcome": SHARE, "effect": e, "n_units": 9_000}).at_units for e in (0.1, -0.1))

    assert up is not None
    assert down is not None
    assert up.mde is not None
    assert down.mde is not None
    assert up.mde > 0 > down.mde
    assert up.mde != pytest.approx(-down.mde, rel=0.01)


def test_a_time_is_planned_by_events() -> None:
    """Schoenfeld's events, and the weeks of plan_events on the same curve."""
    document = {
        "outcome": {"kind": "time_to_complete", "survival_by_day": [0.97**d for d in range(1, 29)]},
        "horizon": "28d", "hazard_ratio": 1.3, "traffic": {"new_units_by_day": [20] * 28}, "n_units": 2_000,
    }  # fmt: skip
    answer = ask(document)
    past = PastSurvival(tuple(0.97**day for day in range(1, 29)))
    oracle = plan_events(Arrivals((20.0,) * 28), past, 1.3, Design())

    assert answer.size is not None
    assert answer.run_time is not None
    assert answer.size.n_events == oracle.n_events == 457  # type: ignore[union-attr]
    assert answer.run_time.n_weeks == oracle.n_weeks == 7  # type: ignore[union-attr]
    assert answer.run_time.maturation_days == 0
    week = answer.weeks[6]
    assert week.mde is not None
    assert 1 < week.mde <= 1.3
    assert week.power is not None
    assert week.power >= 0.8


def test_the_smallest_ratio_has_the_power_wanted() -> None:
    """Asked again with it as the effect, the same week has 80 %."""
    document = {
        "outcome": {"kind": "time_to_complete", "completed": 0.4}, "horizon": "14d",
        "traffic": {"per_day": 50}, "weeks": 3, "monitoring": "group_sequential",
    }  # fmt: skip
    mde = ask(document).weeks[2].mde
    again = ask({**document, "hazard_ratio": mde})

    assert again.weeks[2].power == pytest.approx(0.8, abs=1e-6)
    assert all(look.z_upper for look in again.looks)


def test_a_relative_change_of_a_time_is_a_ratio() -> None:
    """A quarter less time is a third more hazard; a margin needs none."""
    outcome = {"kind": "time_to_complete", "completed": 0.4}
    less = ask({"outcome": outcome, "horizon": "14d", "effect": -0.25})
    margin = ask({"outcome": outcome, "horizon": "14d", "margin": 0.3})

    assert less.test.effect == pytest.approx(4 / 3)
    assert margin.size is not None
    # Schoenfeld at equal hazards: 4 (z_0.95 + z_0.8)^2 / log(1.3)^2
    oracle = 4 * (norm.ppf(0.95) + norm.ppf(0.8)) ** 2 / math.log(1.3) ** 2
    assert margin.size.n_events == math.ceil(oracle)


@pytest.mark.parametrize(
    ("document", "part", "reason"),
    [
        ({"outcome": SHARE}, "size", "no_effect"),
        ({"outcome": SHARE, "effect": 0.1}, "run_time", "no_traffic"),
        ({"outcome": SHARE, "effect": 1e-9}, "size", "not_reached"),
        ({"outcome": SHARE, "effect": -0.2, "margin": 0.1}, "size", "not_reached"),
        ({"outcome": SHARE, "effect": 0.1, "arms": 5, "n_units": 9}, "at_units", "too_few_units"),
        ({"outcome": SHARE, "effect": 0.01, "traffic": {"per_day": 1}}, "run_time", "not_reached"),
        (
            {"outcome": {"kind": "time_to_complete", "survival_by_day": [1, 0.5]}, "horizon": "1d"},
            "outcome",
            "no_events",
        ),
    ],
)
def test_what_cannot_be_computed_has_a_reason(document: dict[str, Any], part: str, reason: str) -> None:
    """In words, and never as a number."""
    answer = ask(document)

    assert reasons(answer)[part] == reason
    assert all(len(gap.message) > 10 for gap in answer.gaps)


def test_weeks_without_enough_units_have_a_reason() -> None:
    """Nobody, then too few for a variance; four units of a share show a large rise at most."""
    days = [0] * 7 + [0.3] * 7
    weeks = ask({"outcome": SHARE, "traffic": {"new_units_by_day": days}, "weeks": 3}).weeks

    assert [week.reason for week in weeks] == ["no_units", "too_few_units", None]


def test_guardrails_raise_the_power() -> None:
    """Goal and three guardrails: 1 - 0.2 / 4."""
    answer = ask({"outcome": SHARE, "effect": 0.1, "guardrails": 3})

    assert answer.test.power == pytest.approx(0.95)
    assert any("guardrails" in sentence for sentence in answer.assumptions)


# --- history ---


def make_subject(metric: str = "completed", **over: Any) -> dict[str, Any]:
    """Return what the definitions of the shop say of a metric."""
    experiment = {
        "key": "next",
        "journey": "buy",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": metric, "role": "primary"}],
        "horizon": "7d",
    }
    frozen = {
        "project": "shop",
        "experiment": experiment,
        "journey": WALKED,
        "journeys": {"buy": WALKED},
        "metrics": {each["key"]: each for each in METRICS},
    }
    return {
        "frozen": frozen, "metric": None, "share": 1.0, "past": None, "is_targeted": False, "is_experiment": True,
    } | over  # fmt: skip


def make_past(**over: Any) -> dict[str, Any]:
    """Return the shop's experiment as one whose exposures may be used."""
    variants = [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}]
    return {"experiment": "form", "variants": variants, "share": 1.0, "is_required": False} | over


@pytest.fixture(name="shop", scope="module")
def _shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Shop, Facts]:
    """Write a shop of 1,200 customers whose treatment completes far more often."""
    folder = tmp_path_factory.mktemp("shop")
    shop = Shop(folder)
    shop.run({"control": Truth(), "treatment": Truth(quote=0.9)}, n=1_200)
    return shop, Facts(shop.write(), Settings(data_dir=folder))


def recount(shop: Shop) -> dict[str, dict[str, Any]]:
    """Return each customer's variant, exposure, first touchpoint and whether the journey was completed."""
    found: dict[str, dict[str, Any]] = {}
    for exposure in shop.exposures:
        found[exposure.actor.split(":")[1]] = {"variant": exposure.variant, "exposed": exposure.ts_us}
    for event in shop.touchpoints:
        row = found[event.actor.split(":")[1]]
        row["first"] = min(row.get("first", event.ts_us), event.ts_us)
        row["done"] = row.get("done", False) or event.name == "purchase"
        if event.name == "visit":
            row["visit"] = event.ts_us
    return found


def test_history_by_exposures_is_that_of_control(shop: tuple[Shop, Facts]) -> None:
    """Control value from control alone; arrivals are the first exposures of all, by day."""
    answer = ask({"experiment": "next", "effect": 0.2}, facts=shop[1], subject=make_subject(past=make_past()))
    rows = recount(shop[0]).values()
    control = [row["done"] for row in rows if row["variant"] == "control"]
    value = sum(control) / len(control)
    first_day = to_micros(START) // DAY

    assert answer.history is not None
    assert answer.outcome is not None
    assert answer.size is not None
    assert (answer.history.source, answer.history.starts_on) == ("exposures", "2026-03-02")
    assert (answer.history.n_units, answer.history.n_measured) == (1_200, len(control))
    by_day = [sum(row["exposed"] // DAY - first_day == day for row in rows) for day in range(21)]
    assert list(answer.history.new_units_by_day) == by_day
    assert answer.outcome.baseline == pytest.approx(value)
    oracle = calculate_sample_size(proportion_outcome(value), 0.2, Design(scale="relative"))
    assert answer.size.n_units == oracle.n_units  # type: ignore[union-attr]


def test_history_without_exposures_starts_at_the_first_touchpoint(shop: tuple[Shop, Facts]) -> None:
    """And says so; ids that were joined are one customer."""
    answer = ask({"experiment": "next", "effect": 0.2}, facts=shop[1], subject=make_subject())
    rows = recount(shop[0]).values()
    end = to_micros(datetime(2026, 3, 23, tzinfo=UTC))
    inside = [row for row in rows if row["first"] < end]

    assert answer.history is not None
    assert answer.outcome is not None
    assert answer.history.source == "first_touchpoints"
    assert answer.history.n_units == answer.history.n_measured == len(inside)
    assert answer.outcome.baseline == pytest.approx(sum(row["done"] for row in inside) / len(inside))
    assert any("first touchpoint of each" in sentence for sentence in answer.assumptions)


def test_an_event_may_stand_for_the_exposure(shop: tuple[Shop, Facts]) -> None:
    """Customers come in when it first happens to them, even where exposures are known."""
    document = {"experiment": "next", "effect": 0.2, "entry_event": "visit"}
    answer = ask(document, facts=shop[1], subject=make_subject(past=make_past()))
    visits = [row["visit"] // DAY for row in recount(shop[0]).values()]

    assert answer.history is not None
    assert answer.history.source == "first_touchpoints"
    first_day = to_micros(datetime.fromisoformat(f"{answer.history.starts_on}T00:00:00Z")) // DAY
    by_day = [visits.count(first_day + day) for day in range(answer.history.n_days)]
    assert list(answer.history.new_units_by_day) == by_day


def test_share_of_the_test_scales_the_arrivals(shop: tuple[Shop, Facts]) -> None:
    """A test of a tenth against a past of a half takes a fifth of those who came."""
    subject = make_subject(past=make_past(share=0.5), share=0.1, is_targeted=True)
    answer = ask({"experiment": "next", "effect": 0.2}, facts=shop[1], subject=subject)

    assert answer.history is not None
    assert sum(answer.history.new_units_by_day) == pytest.approx(1_200 / 5)
    assert any("takes 0.2 for one" in sentence for sentence in answer.assumptions)
    assert any("targeting" in sentence for sentence in answer.assumptions)


def test_units_put_there_by_hand_are_left_out(shop: tuple[Shop, Facts]) -> None:
    """Those that the past experiment lists, whether or not their exposures say so."""
    units = [exposure.actor for exposure in shop[0].exposures[:10]]
    subject = make_subject(past=make_past(overrides=units))
    answer = ask({"experiment": "next", "effect": 0.2}, facts=shop[1], subject=subject)

    assert answer.history is not None
    assert answer.history.n_units == 1_190


def test_a_covariate_of_the_past_saves_units(shop: tuple[Shop, Facts]) -> None:
    """Calls before the exposure exist, so the adjusted variance is planned with; calls are a count."""
    subject = make_subject("calls", past=make_past())
    answer = ask({"metric": "calls", "horizon": "7d", "effect": -0.2}, facts=shop[1], subject=subject)

    assert answer.outcome is not None
    assert answer.size is not None
    assert 0.9 < answer.outcome.variance_kept <= 1
    assert answer.outcome.sd is not None
    oracle = calculate_sample_size(
        mean_outcome(answer.outcome.baseline, answer.outcome.sd),
        -0.2,
        Design(scale="relative", direction="down"),
    )
    assert answer.size.n_units == oracle.n_units  # type: ignore[union-attr]


def test_a_time_of_the_past_is_a_curve(shop: tuple[Shop, Facts]) -> None:
    """Its last point is the share that completes within the horizon."""
    subject = make_subject("time", past=make_past())
    answer = ask({"metric": "time", "horizon": "7d", "effect": -0.2}, facts=shop[1], subject=subject)
    control = [row["done"] for row in recount(shop[0]).values() if row["variant"] == "control"]

    assert answer.outcome is not None
    assert answer.size is not None
    assert answer.outcome.baseline == pytest.approx(sum(control) / len(control))
    assert answer.size.n_events is not None
    assert answer.test.effect == pytest.approx(1.25)


def test_a_guardrail_has_the_margin_of_its_experiment(shop: tuple[Shop, Facts]) -> None:
    """One-sided, at no difference."""
    subject = make_subject(past=make_past())
    use = {"metric": "effort", "role": "guardrail", "margin": 0.1}
    subject["frozen"]["experiment"]["metrics"].append(use)
    answer = ask({"experiment": "next"}, facts=shop[1], subject={**subject, "metric": "effort"})

    assert (answer.test.question, answer.test.margin, answer.test.sides) == ("non_inferiority", 0.1, 1)
    assert answer.size is not None
    with pytest.raises(InvalidInputError, match="margin"):
        ask({"experiment": "next", "sides": 2}, facts=shop[1], subject={**subject, "metric": "effort"})


def test_the_smallest_effect_worth_acting_on_is_planned_for(shop: tuple[Shop, Facts]) -> None:
    """As a fall where down is good; arms have the experiment's names."""
    subject = make_subject("effort", past=make_past())
    subject["frozen"]["experiment"]["min_effect"] = 0.1
    answer = ask({"experiment": "next"}, facts=shop[1], subject=subject)

    assert answer.test.effect == -0.1
    assert answer.test.arms == ("control", "treatment")


@pytest.mark.parametrize("past", [None, make_past(), make_past(experiment="other", is_required=True)])
def test_no_history_is_said_in_words(shop: tuple[Shop, Facts], past: dict[str, Any] | None) -> None:
    """Years later, or for an experiment that nobody met."""
    later = (NOW + timedelta(days=400)).isoformat()
    document = {"experiment": "next", "effect": 0.2} | (
        {} if past and past["is_required"] else {"as_of": later}
    )
    answer = ask(document, facts=shop[1], subject=make_subject(past=past))

    assert set(reasons(answer).values()) == {"no_history"}
    assert answer.outcome is None
    assert "as_of" in answer.gaps[0].message


def test_a_short_history_gives_a_size_and_no_weeks(shop: tuple[Shop, Facts]) -> None:
    """A week cannot be compared with the week before; numbers for traffic help."""
    document = {"experiment": "next", "effect": 0.2, "as_of": "2026-03-18T00:00:00Z"}
    answer = ask(document, facts=shop[1], subject=make_subject(past=make_past()))
    helped = ask(
        {**document, "traffic": {"per_day": 100}}, facts=shop[1], subject=make_subject(past=make_past())
    )

    assert answer.size is not None
    assert reasons(answer) == {"run_time": "short_history", "weeks": "short_history"}
    assert helped.run_time is not None


def test_an_empty_lake_has_no_history(tmp_path: Path, shop: tuple[Shop, Facts]) -> None:
    """Not even a project's folder."""
    from abplat.facts.lake import Lake

    facts = replace(shop[1], lake=Lake(tmp_path / "lake"))
    answer = ask({"experiment": "next"}, facts=facts, subject=make_subject())

    assert "no touchpoints at all" in answer.gaps[0].message


def test_an_effect_that_the_past_forbids_is_bad_input(shop: tuple[Shop, Facts]) -> None:
    """A share cannot grow beyond 1."""
    with pytest.raises(InvalidInputError) as caught:
        ask({"experiment": "next", "effect": 9}, facts=shop[1], subject=make_subject())

    assert caught.value.problems[0].path == "effect"
