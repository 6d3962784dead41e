"""Touchpoint won, journey lost: the contradiction this platform exists to find."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.multiplicity import adjust_p_values
from abplat.stats.tails import critical_normal, upper_normal

ConflictState = Literal["journey_win", "journey_harm", "conflict", "local_win_only", "nothing_shown"]

_SENTENCES: Final[dict[str, str]] = {
    "conflict": "The touchpoint won and the journey lost.",
    "journey_harm": "The journey lost; no gain at this touchpoint is shown with it.",
    "journey_win": "The journey won.",
    "local_win_only": "The touchpoint won, the journey did not: a loss of up to {harm} is still possible.",
    "nothing_shown": "Nothing is shown at this touchpoint, nor for the journey.",
}


@dataclass(frozen=True, slots=True)
class TouchpointConflict:
    """One touchpoint held against the journey; effects are oriented so that up is good.

    Attributes:
        key: Touchpoint metric.
        p_value: Of "the touchpoint gained and the journey lost": intersection-union.
        p_holm: Adjusted over the touchpoints.
        is_conflict: Whether ``p_holm`` is below alpha.
        state: ``conflict``, ``journey_harm``, ``journey_win``, ``local_win_only``, ``nothing_shown``.
        touchpoint_up: Whether the touchpoint's gain is shown (two-sided alpha, Holm over
            touchpoints).
        compatible_harm: Largest loss of the journey that its interval does not exclude, in the
            unit of the journey effect; 0 where the interval excludes any loss.
        sentence: The state in words.
    """

    key: str
    p_value: float
    p_holm: float
    is_conflict: bool
    state: ConflictState
    touchpoint_up: bool
    compatible_harm: float
    sentence: str


def find_conflicts(
    journey: tuple[float, float], touchpoints: Mapping[str, tuple[float, float]], alpha: float = 0.05
) -> tuple[TouchpointConflict, ...]:
    """Hold every touchpoint effect against the journey effect.

    Why: a change that wins its own touchpoint and costs completed journeys looks like a success
    to whoever owns the touchpoint. Rule: conflict means touchpoint up *and* journey down; the
    larger of both one-sided p-values tests the "and" at its level without correction; Holm over
    touchpoints. It is held against alpha / 2, so that no conflict is called beside a two-sided
    interval that still holds zero.

    Args:
        journey: Effect on the journey and its standard error, oriented so that up is good.
        touchpoints: The same per touchpoint metric.
        alpha: Error rate.

    Returns:
        One finding per touchpoint, in the order given.

    Raises:
        InvalidInputError: If an effect is not finite, or a standard error not positive.

    References:
        Berger (1982), Technometrics 24, theorem 1 (intersection-union test); Holm (1979).

    Examples:
        >>> found = find_conflicts((-0.02, 0.006), {"click": (0.05, 0.01), "scroll": (0.001, 0.01)})
        >>> [(one.key, one.state) for one in found]
        [('click', 'conflict'), ('scroll', 'journey_harm')]
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    journey_z = _standardise("journey", journey)
    gains = {key: _standardise(f"touchpoints.{key}", pair) for key, pair in touchpoints.items()}
    lost = float(special.ndtr(journey_z))
    joint = [max(float(upper_normal(z)), lost) for z in gains.values()]
    adjusted = adjust_p_values(joint)
    gained = adjust_p_values([min(1.0, 2 * float(upper_normal(z))) for z in gains.values()])
    z = critical_normal(alpha)
    harm = max(0.0, z * journey[1] - journey[0])
    return tuple(
        _describe(key, (p, p_holm, up), journey_z / z, harm, alpha)
        for key, p, p_holm, up in zip(gains, joint, adjusted, gained, strict=True)
    )


def _standardise(path: str, pair: tuple[float, float]) -> float:
    """Check an effect with its standard error and return their ratio."""
    effect, se = pair
    if not math.isfinite(effect):
        raise InvalidInputError.at(path, f"needs a finite effect, got {effect!r}")
    if not (math.isfinite(se) and se > 0):
        raise InvalidInputError.at(path, f"needs a positive standard error, got {se!r}")
    return effect / se


def _describe(
    key: str, p_values: tuple[float, float, float], journey_score: float, harm: float, alpha: float
) -> TouchpointConflict:
    """Name the state of one touchpoint; ``journey_score`` is beyond +-1 where the journey moved."""
    is_conflict, is_up = p_values[1] < alpha / 2, p_values[2] < alpha
    state: ConflictState
    if is_conflict:
        state = "conflict"
    elif journey_score < -1:
        state = "journey_harm"
    elif journey_score > 1:
        state = "journey_win"
    else:
        state = "local_win_only" if is_up else "nothing_shown"
    sentence = _SENTENCES[state].format(harm=f"{harm:.3g}")
    return TouchpointConflict(key, p_values[0], p_values[1], is_conflict, state, is_up, harm, sentence)
