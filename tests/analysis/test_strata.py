"""Every local KPI against the journey; strata against the total: Simpson, and effects of opposite sign."""

from __future__ import annotations

import random
from pathlib import Path

from abplat.analysis.scorecard import analyse
from abplat.config import Settings
from abplat.domain.report import Report

from .simulated import AS_OF, Shop, Truth, make_shop_plan


def run_weeks(folder: Path, chances: list[dict[str, float]], shares: list[float]) -> Report:
    """Let two weeks pass: per week the chance to buy per variant, and the share of treatment."""
    shop, chance = Shop(folder), random.Random(5)
    start = 0
    for week, (rates, share) in enumerate(zip(chances, shares, strict=True)):
        for number in range(1_500):
            variant = "treatment" if chance.random() < share else "control"
            key = f"w{week}-{start + number}"
            shop._walk(key, "form", variant, Truth(quote=rates[variant], purchase=1.0), _Week(chance, week))
        start += 1_500
    return analyse(shop.write(), make_shop_plan(), AS_OF, Settings(data_dir=folder))


class _Week(random.Random):
    """Chance that puts every customer into one week: the first draw of a walk is its instant."""

    def __init__(self, chance: random.Random, week: int) -> None:
        self._chance, self._week, self._is_first = chance, week, True

    def random(self) -> float:
        """Return the next number."""
        if self._is_first:
            self._is_first = False
            # The shop spreads its customers over twenty days.
            return (self._week * 7 + self._chance.random() * 6) / 20
        return self._chance.random()


def codes(report: Report) -> dict[str, str]:
    """Return severity by code."""
    return {finding.code: finding.severity for finding in report.findings}


def test_a_changed_allocation_is_found_and_forbids_the_verdict(tmp_path: Path) -> None:
    """Better in each week, worse in all: the treatment had most of the bad week."""
    report = run_weeks(
        tmp_path,
        [{"control": 0.6, "treatment": 0.68}, {"control": 0.15, "treatment": 0.21}],
        [0.15, 0.85],
    )
    assert report.conflict_scan is not None
    check = next(each for each in report.conflict_scan.strata if each.by == "week")

    assert check.is_reversed
    assert check.total < 0 < check.adjusted
    assert codes(report)["simpson"] == "block"
    assert not report.verdicts[0].may_ship


def test_effects_of_opposite_sign_are_a_warning(tmp_path: Path) -> None:
    """Good in one week, bad in the other."""
    report = run_weeks(
        tmp_path, [{"control": 0.4, "treatment": 0.6}, {"control": 0.5, "treatment": 0.35}], [0.5, 0.5]
    )

    assert codes(report)["qualitative_interaction"] == "warning"
    assert "simpson" not in codes(report)


def test_alike_weeks_say_nothing(tmp_path: Path) -> None:
    """The same gain in both."""
    report = run_weeks(
        tmp_path, [{"control": 0.4, "treatment": 0.5}, {"control": 0.4, "treatment": 0.5}], [0.5, 0.5]
    )

    assert not {"simpson", "qualitative_interaction"} & set(codes(report))


def test_a_local_kpi_of_any_role_is_held_against_the_journey(tmp_path: Path) -> None:
    """The form is sent more often and fewer tents are sold; nobody had called the form a touchpoint."""
    shop = Shop(tmp_path)
    shop.run({"control": Truth(), "treatment": Truth(form=0.55, purchase=0.33)}, 2_400)
    uses = [{"metric": "completed", "role": "primary"}, {"metric": "form", "role": "secondary"}]
    report = analyse(shop.write(), make_shop_plan(metrics=uses), AS_OF, Settings(data_dir=tmp_path))
    assert report.conflict_scan is not None
    rows = {row.kpi: row for row in report.conflict_scan.scan}

    assert rows["form"].state == "conflict"
    assert {row.kind for row in rows.values()} == {"touchpoint", "stage"}
    assert codes(report)["conflict"] == "warning"
    assert not report.verdicts[0].may_ship
