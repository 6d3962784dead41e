"""Answers the numeric cases: link decomposition, mix and rate, conflicts, Gail-Simon, restricted mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from abplat.errors import InvalidInputError


def answer_numbers(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Answer a numeric case; a number that cannot be had is answered by its reason."""
    try:
        return _ANSWERS[kind](given)
    except InvalidInputError as error:
        code = error.problems[0].code if error.problems else error.code
        return {"error": code, "message": error.message}
    except (KeyError, TypeError, ValueError) as error:
        return {"error": "bad_input", "message": f"input: {type(error).__name__}: {error}"}


def _reason(result: Any) -> dict[str, Any]:
    """Answer with the reason why there is no result."""
    return {"reason": result.reason, "message": result.message}


def _links(given: Mapping[str, Any]) -> dict[str, Any]:
    """Decompose an effect over the links of the chain."""
    from abplat import stats  # noqa: PLC0415 -- numbers are loaded only where they are asked for

    found = stats.decompose_links(given["control"], given["treatment"])
    if isinstance(found, stats.NotComputable):
        return _reason(found)
    names = ("log_ratio", "se", "points_lmdi", "points_shapley", "control_rate", "treatment_rate", "reason")
    return {
        "control_rate": found.control_rate,
        "treatment_rate": found.treatment_rate,
        "difference": found.difference,
        "log_ratio": found.log_ratio,
        "log_ratio_se": found.log_ratio_se,
        "links": [{name: getattr(link, name) for name in names} for link in found.links],
    }


def _mix_rate(given: Mapping[str, Any]) -> dict[str, Any]:
    """Split an effect into mix and rate."""
    from abplat import stats  # noqa: PLC0415

    arms = [
        {key: (int(n), int(done)) for key, (n, done) in given[arm].items()}
        for arm in ("control", "treatment")
    ]
    found = stats.decompose_mix_and_rate(arms[0], arms[1])
    if isinstance(found, stats.NotComputable):
        return _reason(found)
    names = ("control_rate", "treatment_rate", "difference", "mix", "rate", "mix_se", "rate_se")
    parts = {key: {"mix": part.mix, "rate": part.rate} for key, part in found.by_channel.items()}
    return {name: getattr(found, name) for name in names} | {"by_channel": parts}


def _conflict(given: Mapping[str, Any]) -> dict[str, Any]:
    """Hold touchpoint effects against the journey's."""
    from abplat import stats  # noqa: PLC0415

    touchpoints = {key: (effect, se) for key, (effect, se) in given["touchpoints"].items()}
    journey, alpha = (given["journey"][0], given["journey"][1]), given.get("alpha", 0.05)
    return {
        found.key: {
            "p": found.p_value,
            "p_holm": found.p_holm,
            "conflict": found.is_conflict,
            "state": found.state,
        }
        for found in stats.find_conflicts(journey, touchpoints, alpha)
    }


def _gail_simon(given: Mapping[str, Any]) -> dict[str, Any]:
    """Test for effects of different sign in different subgroups."""
    from abplat import stats  # noqa: PLC0415

    effects, ses = given.get("effects"), given.get("ses", given.get("se"))
    if ses is None:
        effects, ses = zip(*given["effects"], strict=True)
    found = stats.gail_simon(list(effects or []), list(ses))
    if isinstance(found, stats.NotComputable):
        return _reason(found)
    return {
        "q": found.statistic,
        "statistic": found.statistic,
        "p": found.p_value,
        "p_value": found.p_value,
        "q_plus": found.q_plus,
        "q_minus": found.q_minus,
    }


def _rmst(given: Mapping[str, Any]) -> dict[str, Any]:
    """Estimate the restricted mean time and the curve it is the area of."""
    from abplat import stats  # noqa: PLC0415

    times, observed = [float(t) for t, _ in given["times"]], [bool(seen) for _, seen in given["times"]]
    table = stats.RiskTable.from_times(times, observed, tau=given["tau"])
    mean, curve = stats.restricted_mean(table, given["tau"]), stats.kaplan_meier(table)
    if isinstance(mean, stats.NotComputable):
        return _reason(mean)
    if isinstance(curve, stats.NotComputable):
        return _reason(curve)
    steps = zip(curve.times, curve.survival, curve.events, strict=True)
    return {
        "rmst": mean.value,
        "se": mean.se,
        "survival": [[time, share] for time, share, events in steps if events],
    }


_ANSWERS: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "links": _links,
    "mix_rate": _mix_rate,
    "conflict": _conflict,
    "gail_simon": _gail_simon,
    "rmst": _rmst,
}
KINDS = tuple(_ANSWERS)
