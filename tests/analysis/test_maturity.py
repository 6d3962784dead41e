"""Time: horizons, forecasts of what is in flight, weeks, novelty."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from abplat.analysis.scorecard import analyse
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import Report
from abplat.domain.report_maturity import MaturitySection
from abplat.facts.rows import ExposureRow, TouchpointRow

from .planted import Planted, make_planted_plan
from .simulated import AS_OF, DAY, HOUR, START, Shop, Truth, make_shop_plan

T0 = to_micros(START)
SPEND = [{"metric": "spend", "role": "primary"}]


def section_of(report: Report) -> MaturitySection:
    """Return the section."""
    assert report.maturity is not None
    return report.maturity


def raised(report: Report) -> set[str]:
    """Return the codes of findings that warn or block."""
    return {found.code for found in report.findings if found.severity in {"warning", "block"}}


def run_planted(folder: Path, n: int, **planted: Any) -> Report:
    """Simulate spending over six days after exposure, and analyse."""
    made = Planted(folder)
    made.run(n, **planted)
    plan = make_planted_plan(metrics=SPEND, horizon="6d")
    return analyse(made.write(), plan, AS_OF, Settings(data_dir=folder))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Settings]:
    """A shop where the treatment makes more quotes."""
    folder = tmp_path_factory.mktemp("shop")
    made = Shop(folder)
    made.run({"control": Truth(), "treatment": Truth(quote=0.65)}, 2_000)
    return made.write(), Settings(data_dir=folder)


def test_the_forecast_of_a_young_experiment_holds_what_comes_true(shop: tuple[Any, Settings]) -> None:
    """Half of the customers are inside their horizon; what they will do is foretold from those before."""
    early = START + timedelta(days=13)
    young = section_of(analyse(shop[0], make_shop_plan(), early, shop[1]))
    later = section_of(analyse(shop[0], make_shop_plan(), AS_OF, shop[1]))

    assert young.share_known is not None
    assert 0.3 < young.share_known < 0.7
    assert young.all_mature_at is not None
    for now, then in zip(young.arms, later.arms, strict=True):
        assert now.n_mature < now.n_exposed <= then.n_exposed
        assert now.n_open > 0
        assert now.expected_completed is not None
        assert now.n_completed < now.expected_completed
        assert now.ci_lower is not None
        assert now.ci_upper is not None
        assert now.ci_lower < then.n_completed / then.n_exposed < now.ci_upper


def test_of_a_finished_experiment_the_forecast_is_what_happened(shop: tuple[Any, Settings]) -> None:
    """Nothing is left to be expected."""
    section = section_of(analyse(shop[0], make_shop_plan(), AS_OF, shop[1]))

    assert section.share_known == 1.0
    for arm in section.arms:
        assert arm.expected_completed == pytest.approx(arm.n_completed)
        assert arm.expected_share == pytest.approx(arm.n_completed / arm.n_exposed)
        assert (arm.n_open, arm.n_provisional) == (0, 0)


def test_before_anybody_is_mature_nothing_is_foretold(shop: tuple[Any, Settings]) -> None:
    """A reason in place of a number."""
    section = section_of(analyse(shop[0], make_shop_plan(), START + timedelta(days=3), shop[1]))

    assert [(arm.expected_share, arm.reason) for arm in section.arms] == [(None, "not_mature")] * 2
    assert [row.reason for row in section.forecast] == ["not_mature"]


def test_weeks_are_those_of_the_first_exposure(shop: tuple[Any, Settings]) -> None:
    """Each with its own effect; together they are everybody."""
    report = analyse(shop[0], make_shop_plan(), AS_OF, shop[1])
    weeks = section_of(report).weeks

    assert [row.week for row in weeks] == ["2026-W10", "2026-W11", "2026-W12"]
    assert sum(row.n_control + row.n_treatment for row in weeks) == 2_000
    assert all(row.is_mature and row.effect is not None for row in weeks)
    assert "weeks" not in raised(report)


def test_an_effect_of_one_week_alone_is_found(tmp_path: Path) -> None:
    """The treatment works in the first week and harms in the second."""
    made = Shop(tmp_path)
    for i in range(600):
        week, treated = i % 2, i % 4 in {1, 2}
        at = T0 + week * 7 * DAY + i * 60_000_000
        key = "treatment" if treated else "control"
        made.exposures.append(ExposureRow(f"x{i}", f"cust:{i}", "form", key, at, "web", "split"))
        if (i // 4) % 10 < (7 if treated == (week == 0) else 3):
            for place, name in enumerate(("visit", "quote", "purchase")):
                ts = at + (place + 1) * HOUR
                made.touchpoints.append(
                    TouchpointRow(f"{name}{i}", f"cust:{i}", name, ts, "web", 1.0, '{"kind":"tent"}')
                )
    report = analyse(made.write(), make_shop_plan(), AS_OF, Settings(data_dir=tmp_path))

    assert "weeks" in raised(report)
    assert [row.effect and row.effect > 0 for row in section_of(report).weeks] == [True, False]


def test_planted_novelty_is_found_and_nothing_else(tmp_path: Path) -> None:
    """Customers spend more in the first days only."""
    report = run_planted(tmp_path, 4_000, novelty=1.2)
    [row] = section_of(report).novelty

    assert (row.pattern, row.alarm) == ("fading", True)
    assert row.first is not None
    assert row.last is not None
    assert row.first > row.last > 0
    assert raised(report) == {"novelty"}


def test_a_lasting_effect_raises_no_novelty(tmp_path: Path) -> None:
    """Nothing is planted: ages, and the same customers at each of them."""
    report = run_planted(tmp_path, 2_000)
    [row] = section_of(report).novelty

    assert not row.alarm
    assert [point.age for point in row.points] == list(range(len(row.points)))
    assert "novelty" not in raised(report)


def test_a_short_horizon_is_cut_into_parts_of_itself(tmp_path: Path) -> None:
    """A journey of a day has ages too."""
    made = Planted(tmp_path)
    made.run(600)
    plan = make_planted_plan(horizon="1d")
    [row] = section_of(analyse(made.write(), plan, AS_OF, Settings(data_dir=tmp_path))).novelty

    assert row.step_seconds == pytest.approx(86_400 / 7, abs=1)
    assert len(row.points) == 7


@pytest.mark.parametrize("metric", ["revenue", "calls", "completed", "time"])
def test_every_kind_of_goal_has_ages_and_weeks(shop: tuple[Any, Settings], metric: str) -> None:
    """Shares, values, times."""
    plan = make_shop_plan(metrics=[{"metric": metric, "role": "primary"}])
    section = section_of(analyse(shop[0], plan, AS_OF, shop[1]))

    assert section.novelty[0].reason is None
    assert all(row.effect is not None for row in section.weeks)
