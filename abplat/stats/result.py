"""What a calculation answers when the honest answer is no number.

A statistic that cannot be computed is not an error of the caller: an experiment without units
yet is a normal state. Every function of ``abplat.stats`` therefore returns its result or a
:class:`NotComputable` that names the reason; it never returns NaN, infinity or a placeholder.
Input that breaks a rule (a negative count, a record that no data can have produced) is an error
and raises :class:`abplat.errors.InvalidInputError`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

T = TypeVar("T")

REASONS: Final[dict[str, str]] = {
    "no_units": "An arm has no units.",
    "too_few_units": "An arm has too few units for a variance.",
    "zero_variance": "The values do not vary, so no uncertainty can be given.",
    "precision_lost": "The sums were made without a shift and have lost their digits.",
    "zero_denominator": "The denominator of the ratio sums to zero.",
    "zero_baseline": "The control value is zero, so a relative effect has no meaning.",
    "control_mean_near_zero": "The control value is within its noise of zero: no finite relative interval.",
    "non_positive_mean": "A logarithm was asked for and an arm has no positive value.",
    "no_events": "Nothing happened in an arm, so nothing can be compared.",
    "tau_beyond_follow_up": "The horizon is later than the last time observed in an arm.",
    "empty_link": "Nobody reached this link in an arm.",
    "empty_cell": "A channel has no starters in an arm.",
    "too_few_strata": "The test needs at least two subgroups.",
    "no_cubes": "The record holds no sum of cubes, so its skewness is unknown.",
    "no_local_variability": "The ends of the interval fall on one value: too many units share it.",
    "quantile_out_of_reach": "The quantile lies too near the end of the data for an interval.",
    "cap_is_zero": "The cap would be zero: most units have no value, so look at those that have one.",
    "too_few_bins": "The time bins are too wide for the horizon: at least 100 are needed.",
    "no_missing_values": "No unit lacks a value, so there is nothing to test or to bound.",
    "information_not_grown": "The look added no information to the looks before it.",
    "not_ended": "The test goes on: there is no final result yet.",
    "not_reached": "The units needed are not reached within the longest time allowed.",
    "too_few_categories": "Only one category is left, so there is nothing to compare.",
    "not_clustered": "Groups were drawn, and this number has errors of single customers only.",
    "too_few_clusters": "An arm has too few clusters for an interval.",
    "too_few_ages": "A trend needs at least three ages with an effect.",
    "no_responses": "Nobody answered in an arm.",
    "after_exposure": "The dimension was measured after exposure, so the change may have moved it.",
    "not_converged": "The search for the interval did not converge.",
}

FLAGS: Final[dict[str, str]] = {
    "negative_control": "The control value is below zero: the relative effect is against its size.",
    "denominator_moved": "The denominator of the ratio differs between the arms.",
    "covariate_imbalance": "A covariate differed between the arms before exposure (p < 0.001).",
    "covariate_singular": "A covariate does not vary or repeats others, so it got no slope.",
    "covariate_dropped": "Counts compared as rates use no covariate.",
    "strata_merged": "Strata with too few units in an arm were merged.",
    "strata_dropped": "Only one stratum was left after merging, so there is no stratification.",
    "exact_test_disagrees": "Interval and exact test fall on different sides of no effect.",
    "normal_interval_unreliable": "Skewed values and unequal arms put too much error into one tail.",
    "non_proportional_hazards": "One hazard ratio does not describe the whole time.",
    "missing_by_arm": "Values are missing more often in one arm.",
}
"""What a result may ask its reader to know: codes in ``flags`` and ``code``."""


@dataclass(frozen=True, slots=True)
class NotComputable:
    """A result that would have been a lie, with the reason why there is none.

    Attributes:
        reason: A code out of :data:`REASONS`.
        detail: What was seen, for people; may be empty.

    Examples:
        >>> bool(NotComputable("no_units"))
        False
        >>> NotComputable("no_units").message
        'An arm has no units.'
    """

    reason: str
    detail: str = ""

    def __bool__(self) -> bool:
        """Be false, so that ``if result:`` reads as it should."""
        return False

    @property
    def message(self) -> str:
        """The reason as a sentence."""
        return self.detail or REASONS.get(self.reason, self.reason)


Computed: TypeAlias = T | NotComputable
