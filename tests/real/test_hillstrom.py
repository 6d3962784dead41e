"""The MineThatData e-mail challenge, as an experiment that was run elsewhere.

Source of the expected numbers: the README files beside the data (Welch t; rates; log-ratios).
"""

from __future__ import annotations

import pytest

from abplat.analysis.scorecard import analyse
from abplat.clock import parse_instant
from abplat.config import Settings
from abplat.domain.report import Effect, Report

from .conftest import import_real
from .plans import make_real_plan

METRICS = [
    ({"key": "conversion", "title": "Purchased", "kind": "completion"}, "primary"),
    (
        {
            "key": "visit",
            "title": "Visited",
            "kind": "touchpoint",
            "match": [{"event": "visit"}],
            "measure": "customers",
        },
        "touchpoint",
    ),
    ({"key": "spend", "title": "Spend", "kind": "value", "match": [{"event": "purchase"}]}, "secondary"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Import and analyse."""
    folder = tmp_path_factory.mktemp("hillstrom")
    lake, result = import_real(folder, "outcomes", "journeys/hillstrom.csv.gz", "hillstrom")
    assert str(result) == "imported 73,972, refused 0, duplicates 0"
    plan = make_real_plan(
        "email", {"none": 3333, "mens": 3333, "womens": 3334}, ("visit", "purchase"), METRICS, "14d"
    )
    return analyse(lake, plan, parse_instant("2008-04-01T00:00:00Z"), Settings(data_dir=folder))


def effect_of(report: Report, metric: str, variant: str) -> Effect:
    """Return one effect."""
    row = next(row for row in report.metrics if row.key == metric)
    return next(effect for effect in row.effects if effect.variant == variant)


@pytest.mark.parametrize(
    ("metric", "none", "mens", "womens"),
    [
        ("visit", 0.10617, 0.18276, 0.15140),
        ("conversion", 0.005726, 0.012531, 0.008837),
        ("spend", 0.65279, 1.42262, 1.07720),
    ],
)
def test_rates_are_the_published_ones(
    report: Report, metric: str, none: float, mens: float, womens: float
) -> None:
    """Per variant, over everybody who was mailed or not."""
    row = next(row for row in report.metrics if row.key == metric)

    assert [value.n for value in row.values] == [21_306, 21_307, 21_387]
    assert [value.value for value in row.values] == pytest.approx([none, mens, womens], abs=6e-6)


@pytest.mark.parametrize(
    ("metric", "variant", "t"),
    [
        ("visit", "mens", 22.620),
        ("visit", "womens", 13.985),
        ("conversion", "mens", 7.390),
        ("conversion", "womens", 3.782),
        ("spend", "mens", 5.300),
        ("spend", "womens", 3.256),
    ],
)
def test_t_values_are_the_published_ones(report: Report, metric: str, variant: str, t: float) -> None:
    """Welch, against no e-mail."""
    effect = effect_of(report, metric, variant)

    assert effect.effect is not None
    assert effect.se is not None
    assert effect.effect / effect.se == pytest.approx(t, abs=5e-4)


def test_p_values_of_spend_are_the_published_ones(report: Report) -> None:
    """Two-sided, t distribution."""
    assert effect_of(report, "spend", "mens").p_value == pytest.approx(1.16e-7, rel=5e-3)
    assert effect_of(report, "spend", "womens").p_value == pytest.approx(0.00113, abs=5e-6)


def test_the_effect_is_accounted_for_link_by_link(report: Report) -> None:
    """Log-ratio 0.78318 = 0.54314 + 0.24004; points 0.4691 + 0.2114 (Shapley), 0.4719 + 0.2086 (log-mean)."""
    mens = next(links for links in report.links if links.variant == "mens")
    visit, purchase = mens.links

    assert mens.control_counts == (21_306, 2_262, 122)
    assert mens.treatment_counts == (21_307, 3_894, 267)
    assert (mens.log_ratio, visit.log_ratio, purchase.log_ratio) == pytest.approx(
        (0.78318, 0.54314, 0.24004), abs=6e-6
    )
    assert (mens.log_ratio_se, visit.log_ratio_se, purchase.log_ratio_se) == pytest.approx(
        (0.10885, 0.02460, 0.10603), abs=6e-6
    )
    assert (visit.points, purchase.points) == pytest.approx((0.004691, 0.002114), abs=6e-7)
    assert (visit.points_lmdi, purchase.points_lmdi) == pytest.approx((0.004719, 0.002086), abs=6e-7)
    assert mens.difference == pytest.approx(0.006805, abs=6e-7)


def test_both_mailings_are_better_for_the_journey(report: Report) -> None:
    """And no conflict is seen."""
    assert [verdict.word for verdict in report.verdicts] == ["Better", "Better"]
    assert {conflict.state for conflict in report.conflicts} == {"journey_win"}
    assert next(found for found in report.findings if found.code == "sample_ratio").severity == "pass"
