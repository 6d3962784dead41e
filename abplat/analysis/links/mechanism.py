"""The hypothesis graded: the links that were to move, and those that were not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

from abplat import stats
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.mechanisms import TOLERANCE
from abplat.domain.report import LinkDecomposition, LinkEffect
from abplat.domain.report_links import MechanismFacts, MechanismLink

_SENTENCES = {
    "right_link": "Right link, right result: what was to move moved, and completion with it.",
    "right_result_wrong_mechanism": "Right result, wrong mechanism: completion moved, but not by the links named.",
    "wrong_mechanism": "Wrong mechanism: a link moved that must not, or the other way, and completion did not gain.",
    "mechanism_without_result": "The link named moved, and no gain in completion is shown.",
    "result_without_mechanism": "Completion moved, and no link named is shown to have moved.",
    "nothing_shown": "Neither the links named nor completion are shown to have moved.",
}


def grade_mechanism(
    plan: AnalysisPlan, decompositions: Sequence[LinkDecomposition]
) -> tuple[MechanismFacts, ...]:
    """Grade each treatment; nothing where no mechanism was named before the start."""
    expected = plan.experiment.get("mechanism") or ()
    if not expected:
        return ()
    return tuple(_grade(found, expected, plan.alpha) for found in decompositions)


def _grade(found: LinkDecomposition, expected: Sequence[Mapping[str, Any]], alpha: float) -> MechanismFacts:
    """Grade one treatment, with Holm over the links named."""
    effects = {(link.source, link.target): link for link in found.links}
    named = [(each, effects.get((each["source"], each["target"]))) for each in expected]
    p_values = [_p_value(link) for _, link in named]
    known = [p for p in p_values if p is not None]
    adjusted = iter(stats.adjust_p_values(known) if known else ())
    links = tuple(
        _grade_link(each, link, None if p is None else float(next(adjusted)), alpha)
        for (each, link), p in zip(named, p_values, strict=True)
    )
    grade = _name({link.grade for link in links}, _has_gained(found))
    return MechanismFacts(variant=found.variant, grade=grade, sentence=_SENTENCES[grade], links=links)


def _p_value(link: LinkEffect | None) -> float | None:
    """Return the p-value of a link's log ratio."""
    if link is None or link.log_ratio is None or not link.log_ratio_se:
        return None
    return 2 * NormalDist().cdf(-abs(link.log_ratio / link.log_ratio_se))


def _grade_link(
    expected: Mapping[str, Any], link: LinkEffect | None, p_holm: float | None, alpha: float
) -> MechanismLink:
    """Hold one link against what was expected of it."""
    moves = expected["moves"]
    return MechanismLink(
        source=expected["source"],
        target=expected["target"],
        expected=moves,
        points=link.points if link else None,
        ci_lower=link.points_ci_lower if link else None,
        ci_upper=link.points_ci_upper if link else None,
        p_holm=p_holm,
        grade=_grade_of(expected, link, p_holm, alpha),
        is_size_right=_is_size_right(expected, link, alpha),
    )


def _grade_of(
    expected: Mapping[str, Any], link: LinkEffect | None, p_holm: float | None, alpha: float
) -> str:
    """Name what became of one link."""
    if link is None or p_holm is None or link.log_ratio is None:
        return "not_computable"
    is_shown = p_holm < alpha
    if expected["moves"] == "none":
        tolerance = expected.get("tolerance") or TOLERANCE
        lower, upper = link.points_ci_lower, link.points_ci_upper
        is_inside = lower is not None and upper is not None and -tolerance < lower and upper < tolerance
        return "held" if is_inside else "moved" if is_shown else "not_ruled_out"
    if not is_shown:
        return "not_shown"
    return "as_expected" if (link.log_ratio > 0) == (expected["moves"] == "up") else "opposite"


def _is_size_right(expected: Mapping[str, Any], link: LinkEffect | None, alpha: float) -> bool | None:
    """Tell whether the size that was predicted lies in the interval of the rate ratio."""
    size = expected.get("size")
    if size is None or link is None or link.log_ratio is None or not link.log_ratio_se:
        return None
    wanted = (
        math.log1p(size if expected["moves"] == "up" else -size)
        if size < 1 or expected["moves"] == "up"
        else None
    )
    half = NormalDist().inv_cdf(1 - alpha / 2) * link.log_ratio_se
    return wanted is not None and abs(wanted - link.log_ratio) <= half


def _has_gained(found: LinkDecomposition) -> bool:
    """Tell whether a gain in completion is shown."""
    return found.ci_lower is not None and found.ci_lower > 0


def _name(grades: set[str], has_gained: bool) -> str:  # noqa: FBT001  one question, one answer
    """Name the mechanism as a whole."""
    if grades & {"opposite", "moved"}:
        return "right_result_wrong_mechanism" if has_gained else "wrong_mechanism"
    if "as_expected" in grades and not grades & {"not_shown", "not_computable"}:
        return "right_link" if has_gained else "mechanism_without_result"
    return "result_without_mechanism" if has_gained else "nothing_shown"
