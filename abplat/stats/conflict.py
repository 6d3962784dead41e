"""Touchpoint won, journey lost: the contradiction this platform exists to find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ConflictState = Literal["journey_win", "journey_harm", "conflict", "local_win_only", "nothing_shown"]


@dataclass(frozen=True, slots=True)
class TouchpointConflict:
    """One touchpoint held against the journey; effects are oriented so that up is good.

    Attributes:
        key: Touchpoint metric.
        p_value: Of "the touchpoint gained and the journey lost": intersection-union.
        p_holm: Adjusted over the touchpoints.
        is_conflict: Whether ``p_holm`` is below alpha.
        state: ``conflict``, ``journey_harm``, ``journey_win``, ``local_win_only``, ``nothing_shown``.
        touchpoint_up: Whether the touchpoint's gain is shown (one-sided, Holm over touchpoints).
        compatible_harm: Largest loss of the journey not excluded by its interval, not negative.
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

    Args:
        journey: Effect and standard error, oriented so that up is good.
        touchpoints: The same per touchpoint metric.
        alpha: Error rate.
    """
    raise NotImplementedError
