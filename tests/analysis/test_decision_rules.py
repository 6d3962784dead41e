"""The rule that was chosen before the start is the one that judges."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from abplat.analysis.scorecard import analyse
from abplat.config import Settings
from abplat.facts.lake import Lake

from .simulated import AS_OF, Shop, Truth, make_shop_plan


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop in which nothing differs."""
    folder = tmp_path_factory.mktemp("same")
    made = Shop(folder)
    made.run({"control": Truth(), "treatment": Truth()}, 2_000)
    made.write()
    return folder


@pytest.mark.parametrize(
    ("plan", "code", "may_ship"),
    [
        ({}, "inconclusive", False),
        ({"decision_rule": "do_no_harm", "min_effect": 0.5}, "ship_neutral", True),
        ({"decision_rule": "do_no_harm", "min_effect": 0.01}, "extend", False),
        ({"decision_rule": "non_inferiority", "goal_margin": 0.4}, "ship_neutral", True),
        ({"decision_rule": "non_inferiority", "goal_margin": 0.001}, "inconclusive", False),
    ],
    ids=["clear signals", "no harm", "no harm without power", "inside the margin", "outside the margin"],
)
def test_the_rule_of_the_plan_decides(folder: Path, plan: dict[str, Any], code: str, may_ship: bool) -> None:  # noqa: FBT001
    """The same facts ship under one rule and not under another."""
    metrics = [{"metric": "completed", "role": "primary"}]
    report = analyse(
        Lake(folder / "lake"), make_shop_plan(metrics=metrics, **plan), AS_OF, Settings(data_dir=folder)
    )
    [verdict] = report.verdicts

    assert (verdict.code, verdict.may_ship) == (code, may_ship)
    assert report.experiment.decision_rule == plan.get("decision_rule", "clear_signals")
