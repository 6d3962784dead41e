"""The part of a Report on time: who has been watched long enough, what is still to come, does it last."""

from __future__ import annotations

from abplat.domain.report_base import Contrast, Frozen


class ArmMaturity(Frozen, frozen=True, kw_only=True):
    """How far the customers of one arm have been watched, and what is expected of them all."""

    variant: str
    n_exposed: int
    n_mature: int
    n_open: int
    """Customers with a journey that is still open."""
    n_provisional: int
    """Customers whose journey counts as abandoned but may still be taken up by a late event."""
    n_completed: int
    """Customers who completed within the horizon so far, young ones among them."""
    expected_completed: float | None
    """Completions within the horizon once everybody exposed so far has passed it."""
    expected_share: float | None
    ci_lower: float | None
    ci_upper: float | None
    reason: str | None = None


class WeekRow(Contrast, frozen=True, kw_only=True):
    """The primary metric among the customers first exposed in one week."""

    week: str
    n_control: int
    n_treatment: int
    is_mature: bool
    """Whether everybody exposed in that week has passed the horizon."""
    p_adjusted: float | None = None
    """Benjamini-Hochberg over the weeks."""


class AgePoint(Contrast, frozen=True, kw_only=True):
    """The primary metric added up to one age, among customers old enough for every age shown."""

    age: int
    """Counted from 0; the value is that up to the end of this step after exposure."""


class Novelty(Frozen, frozen=True, kw_only=True):
    """Whether the effect lasts with the days since exposure."""

    variant: str
    step_seconds: float
    """How long one step of age is: a day, unless the horizon is much shorter or longer."""
    n_cohorts: int
    """Groups of exposure days that are old enough for every age."""
    points: tuple[AgePoint, ...]
    """Effects relative to control."""
    slope: float | None
    """Change of the relative effect per step."""
    p_value: float | None
    first: float | None
    last: float | None
    pattern: str
    """fading, growing, steady or unknown."""
    alarm: bool
    """The effect fades (p < 0.01): the average promises more than is left."""
    reason: str | None = None


class MaturitySection(Frozen, frozen=True, kw_only=True):
    """Everything about time."""

    horizon_seconds: float
    share_known: float | None
    """Share of the exposed customers who have passed the horizon."""
    all_mature_at: str | None
    """When everybody exposed so far will have passed it."""
    arms: tuple[ArmMaturity, ...] = ()
    forecast: tuple[Contrast, ...] = ()
    """The difference in completion to be expected once everybody has passed the horizon."""
    weeks: tuple[WeekRow, ...] = ()
    weeks_p: tuple[Contrast, ...] = ()
    """Per variant the test whether the weeks differ at all; only its p-value says something."""
    novelty: tuple[Novelty, ...] = ()
