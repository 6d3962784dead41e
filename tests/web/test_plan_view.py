"""A plan in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from abplat.analysis.planning.planner import make_answer
from abplat.domain.plan_answers import encode_answer
from abplat.domain.plans import parse_plan_request
from abplat.web.plan_view import PlanView, make_plan_view
from abplat.web.wording import NARROW
from tests.conftest import NOW


def view(**request: Any) -> PlanView:
    """Plan from numbers, and describe the answer."""
    document = {"outcome": {"kind": "proportion", "baseline": 0.1}, "horizon": "7d", **request}
    answer = make_answer(parse_plan_request(document), NOW)
    return make_plan_view({"answer": msgspec.json.decode(encode_answer(answer)), "problems": []})


def test_a_plan_says_days_and_pace() -> None:
    """In its first sentence; the table says from which week on it is enough."""
    found = view(effect=0.1, traffic={"per_day": 1_000})

    assert found.sentence.startswith("About ")
    assert "days at 1,000 customers a day: 29,498 customers are needed." in found.sentence
    assert found.tone == "good"
    assert (found.weeks[0].is_enough, found.weeks[-1].is_enough) == (False, True)
    assert ("Without the change", f"10.0{NARROW}%") in found.facts


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"effect": 0.001, "traffic": {"per_day": 10}}, "there are too few"),
        ({"traffic": {"per_day": 1_000}}, "cannot be said yet"),
    ],
    ids=["no traffic fits", "no effect"],
)
def test_what_does_not_fit_is_said(request_: dict[str, Any], said: str) -> None:
    """As a warning, with what could be done."""
    found = view(**request_)

    assert said in found.sentence
    assert found.tone == "warn"


def test_a_plan_under_way_and_one_that_failed() -> None:
    """Say so."""
    waiting = make_plan_view({"answer": None, "problems": []})
    failed = make_plan_view({"answer": None, "problems": [{"path": "", "message": "no", "code": "x"}]})

    assert waiting.sentence == "The worker is computing it."
    assert (failed.sentence, failed.faults) == ("The worker could not compute it.", ("No.",))
