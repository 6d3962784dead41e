"""Non-inferiority of guardrails and equivalence, against absolute and relative margins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from abplat.stats.comparison import ComparisonPlan
from abplat.stats.moments import Strata
from abplat.stats.result import Computed


@dataclass(frozen=True, slots=True)
class MarginTest:
    """Whether an arm is shown not to be worse than control by more than a margin.

    Attributes:
        is_shown: The harm is shown to be smaller than the margin (one-sided alpha).
        is_breached: The harm is shown to be larger than the margin (one-sided alpha).
        p_value: One-sided, of "worse by the margin or more".
        p_breach: One-sided, of "worse by the margin or less".
        harm: Harm observed on the scale of the margin (positive is worse).
        harm_upper: Largest harm not excluded: the upper one-sided bound.
        margin: The margin.
        scale: ``relative`` or ``absolute``.
    """

    is_shown: bool
    is_breached: bool
    p_value: float
    p_breach: float
    harm: float
    harm_upper: float | None
    margin: float
    scale: Literal["relative", "absolute"]


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests: whether the effect lies inside (-margin, margin)."""

    is_shown: bool
    p_value: float
    margin: float
    scale: Literal["relative", "absolute"]


def check_margin(
    treatment: Strata,
    control: Strata,
    margin: float,
    *,
    direction: Literal["up", "down"] = "up",
    scale: Literal["relative", "absolute"] = "relative",
    alpha: float = 0.05,
    plan: ComparisonPlan | None = None,
) -> Computed[MarginTest]:
    """Test a guardrail against its margin."""
    raise NotImplementedError


def check_equivalence(
    treatment: Strata,
    control: Strata,
    margin: float,
    *,
    scale: Literal["relative", "absolute"] = "relative",
    alpha: float = 0.05,
    plan: ComparisonPlan | None = None,
) -> Computed[Equivalence]:
    """Test whether two arms are the same up to a margin worth acting on."""
    raise NotImplementedError
