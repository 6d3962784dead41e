"""The mechanism graded, on decompositions written by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from abplat.analysis.links.mechanism import grade_mechanism
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import LinkDecomposition, LinkEffect
from abplat.domain.report_links import MechanismFacts

from .simulated import make_shop_plan

UP = {"source": "quote", "target": "purchase", "moves": "up"}
STILL = {"source": "visit", "target": "quote", "moves": "none"}


def make_link(source: str, target: str, log_ratio: float, se: float = 0.02) -> LinkEffect:
    """Return a link whose points are a tenth of its log ratio."""
    return LinkEffect(
        source=source, target=target, control_rate=0.5, treatment_rate=0.5, log_ratio=log_ratio,
        log_ratio_se=se, points=log_ratio / 10, points_ci_lower=(log_ratio - 2 * se) / 10,
        points_ci_upper=(log_ratio + 2 * se) / 10, points_lmdi=None,
    )  # fmt: skip


def grade(purchase: float, quote: float = 0.0, total: float = 0.0, **over: Any) -> MechanismFacts:
    """Grade log ratios of two links and a lower bound of the whole difference."""
    mechanism = over.pop("mechanism", [UP, STILL])
    plan: AnalysisPlan = make_shop_plan(mechanism=mechanism)
    found = LinkDecomposition(
        variant="treatment", control_counts=(10, 5), treatment_counts=(10, 5), difference=total,
        ci_lower=total - 0.01, ci_upper=total + 0.01, log_ratio=None, log_ratio_se=None, caption="",
        links=(make_link("visit", "quote", quote), make_link("quote", "purchase", purchase)),
    )  # fmt: skip
    [graded] = grade_mechanism(plan, [msgspec.structs.replace(found, **over)])
    return graded


@pytest.mark.parametrize(
    ("purchase", "quote", "total", "code", "links"),
    [
        (0.2, 0.0, 0.05, "right_link", ["as_expected", "held"]),
        (0.2, 0.0, 0.0, "mechanism_without_result", ["as_expected", "held"]),
        (-0.2, 0.0, 0.05, "right_result_wrong_mechanism", ["opposite", "held"]),
        (0.2, 0.3, 0.05, "right_result_wrong_mechanism", ["as_expected", "moved"]),
        (0.0, -0.3, -0.05, "wrong_mechanism", ["not_shown", "moved"]),
        (0.0, 0.0, 0.05, "result_without_mechanism", ["not_shown", "held"]),
        (0.0, 0.0, 0.0, "nothing_shown", ["not_shown", "held"]),
    ],
)
def test_each_grade(purchase: float, quote: float, total: float, code: str, links: list[str]) -> None:
    """By what was expected and what is seen."""
    graded = grade(purchase, quote, total)

    assert graded.grade == code
    assert [link.grade for link in graded.links] == links
    assert graded.caption.startswith("Accounting")


def test_a_link_that_may_have_moved_is_not_ruled_out() -> None:
    """Its interval is wider than the tolerance, and holds zero."""
    tight = {**STILL, "tolerance": 0.001}

    assert grade(0.2, 0.0, 0.05, mechanism=[UP, tight]).links[1].grade == "not_ruled_out"


@pytest.mark.parametrize(("size", "is_right"), [(0.22, True), (0.6, False)])
def test_the_size_is_held_against_the_interval(size: float, *, is_right: bool) -> None:
    """Right link, right size: a rate ratio of e to the 0.2 is a rise of 22 %."""
    graded = grade(0.2, 0.0, 0.05, mechanism=[{**UP, "size": size}])

    assert graded.links[0].is_size_right is is_right


def test_a_link_without_numbers_is_not_computable() -> None:
    """And no result is claimed for it."""
    graded = grade(0.2, 0.0, 0.0, links=())

    assert {link.grade for link in graded.links} == {"not_computable"}
    assert graded.grade == "nothing_shown"


def test_without_a_mechanism_nothing_is_graded() -> None:
    """It has to be named before the start."""
    assert grade_mechanism(make_shop_plan(), []) == ()
