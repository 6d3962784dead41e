"""The part of a Report on breakdowns: does the effect differ between kinds of customers?"""

from __future__ import annotations

from abplat.domain.report_base import Contrast, Frozen


class BreakdownRow(Contrast, frozen=True, kw_only=True):
    """The primary metric among the customers with one value, or with one value of each dimension."""

    value: tuple[str, ...]
    n_control: int
    n_treatment: int
    control_value: float | None = None
    treatment_value: float | None = None
    p_adjusted: float | None = None
    """Benjamini-Hochberg over the rows of the breakdown."""
    shrunken: float | None = None
    """The effect pulled towards the others as far as its noise asks for: the better guess."""
    shrunken_ci_lower: float | None = None
    shrunken_ci_upper: float | None = None
    weight: float | None = None
    """Share of the row's own effect in it."""


class Breakdown(Frozen, frozen=True, kw_only=True):
    """The effect of one variant by one or two dimensions; the interaction test comes first."""

    variant: str
    dimensions: tuple[str, ...]
    interaction_p: float | None
    """Do the rows differ at all (Cochran's Q)?"""
    interaction_p_adjusted: float | None
    """Holm over the breakdowns of the variant: the one to read."""
    differs: bool
    """Adjusted below alpha."""
    tau: float | None
    """Spread of the true effects, in the unit of the metric."""
    i_squared: float | None
    opposite_p: float | None
    """Do effects of both signs exist (Gail-Simon)?"""
    by_dimension_p: tuple[float | None, ...] = ()
    """With two dimensions, the same question for each on its own."""
    crossed_p: float | None = None
    """With two dimensions, do the rows differ by more than the sum of both?"""
    rows: tuple[BreakdownRow, ...] = ()
    reading: str = ""
    reason: str | None = None


class BreakdownsSection(Frozen, frozen=True, kw_only=True):
    """All breakdowns of the primary metric."""

    note: str
    """How many questions were asked, and what that means."""
    breakdowns: tuple[Breakdown, ...] = ()
