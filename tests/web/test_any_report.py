"""Whatever a report holds or lacks, its page, its table and its print can be made."""

from __future__ import annotations

import io
import random
from typing import Any

import msgspec
import pytest
from rich.console import Console

from abplat.domain.report import Report
from abplat.services.report_table import write_csv
from abplat.web.terminal import print_report
from tests.web import report_factory as factory
from tests.web.page_app import make_app

NULLABLE = {
    "total", "value", "effect", "se", "ci_lower", "ci_upper", "rel_effect", "rel_ci_lower", "rel_ci_upper", "p_value",
    "control_rate", "treatment_rate", "log_ratio", "points", "points_ci_lower", "points_ci_upper", "difference",
    "p_holm", "rmst", "median", "median_seconds", "started_at", "data_through", "margin", "department",
}  # fmt: skip
LISTS = {
    "verdicts",
    "findings",
    "metrics",
    "links",
    "conflicts",
    "survival",
    "hand_offs",
    "endings",
    "values",
    "effects",
}


def thin(value: Any, chance: random.Random, name: str = "") -> Any:
    """Take parts away at random, as far as the shape of a report allows it."""
    if name in NULLABLE and not isinstance(value, list | tuple) and chance.random() < 0.4:
        return None
    if isinstance(value, dict):
        return {key: thin(inner, chance, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        kept = [
            inner
            for inner in value
            if name not in LISTS or not isinstance(inner, dict) or chance.random() < 0.8
        ]
        return [thin(inner, chance) for inner in kept]
    return value


def with_third_arm(report: Report) -> Report:
    """Add a variant that is like the treatment."""
    document = msgspec.json.encode(report).decode()
    whole, other = (
        msgspec.json.decode(text) for text in (document, document.replace('"treatment"', '"third"'))
    )
    whole["experiment"]["variants"].append(other["experiment"]["variants"][1])
    for name in ("verdicts", "links", "conflicts"):
        whole[name] += other[name]
    whole["survival"].append(other["survival"][1])
    for name, parts in whole["journey_map"].items():
        parts += [part for part in other["journey_map"][name] if part["variant"] == "third"]
    for metric, twin in zip(whole["metrics"], other["metrics"], strict=True):
        metric["values"].append(twin["values"][1])
        metric["effects"] += twin["effects"]
    return msgspec.convert(whole, Report)


def show(report: Report) -> str:
    """Render a report everywhere and return its page."""
    print_report(report, "h" * 64, Console(file=io.StringIO(), width=100))
    write_csv(report)
    answer = make_app([report]).test_client().get(f"/projects/shop/experiments/{report.experiment.key}")

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize("seed", range(15))
def test_a_report_with_gaps_is_shown(seed: int) -> None:
    """No gap breaks a page or shows as None."""
    chance = random.Random(seed)
    whole = with_third_arm(chance.choice([factory.make_report, factory.make_trap, factory.make_blocked])())
    page = show(msgspec.convert(thin(msgspec.to_builtins(whole), chance), Report))

    assert ">None<" not in page
    assert "None " not in page
    assert "nan" not in page


def test_every_variant_gets_its_decision_links_and_map() -> None:
    """Named, so that they can be told apart."""
    page = show(with_third_arm(factory.make_trap()))

    assert page.count('class="banner') == 2
    assert page.count("Where on the way it changed") == 2
    assert page.count('class="chart map"') == 2
