"""Satisfaction scores: counted per value, with those who were asked and did not answer.

Only some answer, and the change may decide who: satisfied customers answer more. So the response
rate is tested first, and the effect is bounded by what the silent ones could have said.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import optimize, special

from abplat.errors import InvalidInputError
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.moments import FloatArray, Moments
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import critical_normal

ALARM_P: Final = 0.01
"""Below this p-value the arms answered at different rates, and the answers alone mislead."""


@dataclass(frozen=True, slots=True)
class Scores:
    """How often each score was given, and how many were asked; addable.

    Attributes:
        counts: Answers per score, such as ``{1: 3, 2: 9, 5: 40}``; any finite numbers.
        asked: Units asked (or exposed), answers included.

    Raises:
        InvalidInputError: If a count is not a whole number, a score not finite, or more answered
            than were asked.

    Examples:
        >>> (Scores({1: 2, 5: 3}, asked=10) + Scores({5: 1}, asked=4)).answered
        6
    """

    counts: Mapping[float, int]
    asked: int

    def __post_init__(self) -> None:
        for score, count in self.counts.items():
            if not math.isfinite(score):
                raise InvalidInputError.at("counts", f"has a score that is not finite: {score!r}")
            if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
                raise InvalidInputError.at(f"counts.{score}", f"must be a whole number, got {count!r}")
        if isinstance(self.asked, bool) or int(self.asked) != self.asked or self.asked < self.answered:
            message = f"must be a whole number of at least the {self.answered} answers, got {self.asked!r}"
            raise InvalidInputError.at("asked", message)

    @classmethod
    def from_answers(cls, answers: Sequence[float], asked: int) -> Scores:
        """Count answers.

        Args:
            answers: Score of each unit that answered, shape (n,).
            asked: Units asked.

        Returns:
            The counts.

        Raises:
            InvalidInputError: As for the class.

        Examples:
            >>> Scores.from_answers([5, 4, 5], asked=10).counts
            {4.0: 1, 5.0: 2}
        """
        values, counts = np.unique(np.asarray(answers, dtype=np.float64), return_counts=True)
        return cls(dict(zip(values.tolist(), counts.tolist(), strict=True)), asked)

    def __add__(self, other: Scores) -> Scores:
        """Add the answers of disjoint units."""
        if not isinstance(other, Scores):
            return NotImplemented
        keys = sorted({*self.counts, *other.counts})
        counts = {key: self.counts.get(key, 0) + other.counts.get(key, 0) for key in keys}
        return Scores(counts, self.asked + other.asked)

    @property
    def answered(self) -> int:
        """Units that answered."""
        return sum(self.counts.values())

    @property
    def moments(self) -> Moments:
        """The moment record of the answers."""
        values, counts = self.arrays
        return Moments.from_sums(
            self.answered, {"y": float(counts @ values)}, {"y*y": float(counts @ values**2)}
        )

    @property
    def arrays(self) -> tuple[FloatArray, FloatArray]:
        """Scores in rising order and their counts."""
        keys = sorted(self.counts)
        return np.array(keys, dtype=np.float64), np.array([self.counts[k] for k in keys], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseCheck:
    """Whether both arms answered at the same rate.

    Attributes:
        comparison: Response rate of treatment against control.
        alarm: Whether its p-value is below 0.01: compare bounds then, not answers.
    """

    comparison: Comparison
    alarm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreBounds:
    """What the effect on the score can be, whatever the silent ones would have said.

    Attributes:
        lower: Effect if the silent ones of treatment had given the lowest score and those of
            control the highest.
        upper: Effect the other way round.
        ci_lower: Lower end of the interval that covers the effect.
        ci_upper: Upper end of it.
        alpha: Error rate of the interval.
    """

    lower: float
    upper: float
    ci_lower: float
    ci_upper: float
    alpha: float


@dataclass(frozen=True, slots=True)
class WeightedScores:
    """The effect on the score with answers weighted by the inverse of their response rate.

    Attributes:
        effect: Effect if within a stratum the silent ones are like those who answered.
        se: Its standard error.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end of its interval.
        lower: Least effect if the odds of answering differ by ``odds`` within a stratum.
        upper: Largest effect under the same.
        odds: How many times likelier to answer one may be than another of the same stratum.
    """

    effect: float
    se: float
    ci_lower: float
    ci_upper: float
    lower: float
    upper: float
    odds: float


def check_response(treatment: Scores, control: Scores, alpha: float = 0.05) -> Computed[ResponseCheck]:
    """Test whether both arms answered at the same rate.

    Why: where a change makes unhappy customers answer, the score falls though nobody is less
    satisfied. Rule: proportion of those asked who answered; alarm below 0.01.

    Args:
        treatment: Scores of the treated.
        control: Scores of control.
        alpha: Error rate of the interval.

    Returns:
        The comparison of the rates; ``zero_variance`` where all, or none, answered.

    Raises:
        InvalidInputError: If alpha lies outside 0 to 1.

    References:
        Rubin (1976), Biometrika 63 (missingness that depends on treatment); Welch (1947), and
        Miettinen, Nurminen (1985) for small counts, as in ``compare``.

    Examples:
        >>> treatment, control = Scores({5: 300}, asked=1000), Scores({5: 220}, asked=1000)
        >>> check_response(treatment, control).alarm
        True
    """
    records = [
        Moments.from_sums(s.asked, {"y": float(s.answered)}, {"y*y": float(s.answered)})
        for s in (treatment, control)
    ]
    found = compare(records[0], records[1], ComparisonPlan(alpha=alpha, kind="proportion"))
    if isinstance(found, NotComputable):
        return found
    return ResponseCheck(comparison=found, alarm=found.p_value < ALARM_P)


def bound_scores(
    treatment: Scores, control: Scores, low: float, high: float, alpha: float = 0.05
) -> Computed[ScoreBounds]:
    """Bound the effect on the score by the worst that the silent ones could have said.

    Why: these bounds assume nothing, so what they exclude is excluded. Rule: the silent ones of
    one arm get the lowest score, those of the other the highest, and the reverse; the interval
    covers the effect itself, not the whole set.

    Args:
        treatment: Scores of the treated.
        control: Scores of control.
        low: Lowest score that can be given.
        high: Highest score that can be given.
        alpha: Error rate of the interval.

    Returns:
        Bounds and interval; ``no_units`` where nobody was asked, ``too_few_units`` for one.

    Raises:
        InvalidInputError: If a score lies outside low to high, or low is not below high.

    References:
        Manski (1990), AER 80; Horowitz, Manski (2000), JASA 95, eq. 4; Imbens, Manski (2004),
        Econometrica 72, eq. 6-7 (interval).

    Examples:
        >>> found = bound_scores(Scores({5: 80}, 100), Scores({4: 90}, 100), low=1, high=5)
        >>> round(found.lower, 2), round(found.upper, 2)
        (0.1, 1.3)
    """
    if not low < high or not 0 < alpha < 1:
        raise InvalidInputError.at("low", f"must be below high, got {low!r} and {high!r}")
    if any(not low <= score <= high for s in (treatment, control) for score in s.counts):
        raise InvalidInputError.at("counts", f"must lie between {low} and {high}")
    if not treatment.asked or not control.asked:
        return NotComputable("no_units")
    if min(treatment.asked, control.asked) < 2:
        return NotComputable("too_few_units")
    lower, lower_se = _compare_filled(treatment, control, low, high)
    upper, upper_se = _compare_filled(treatment, control, high, low)
    largest = max(lower_se, upper_se)
    reach = _find_reach((upper - lower) / largest, alpha) if largest > 0 else 0.0
    return ScoreBounds(
        lower=lower,
        upper=upper,
        ci_lower=lower - reach * lower_se,
        ci_upper=upper + reach * upper_se,
        alpha=alpha,
    )


def weigh_scores(
    treatment: Mapping[str, Scores], control: Mapping[str, Scores], odds: float = 1.0, alpha: float = 0.05
) -> Computed[WeightedScores]:
    """Weigh answers by the inverse of the response rate of their stratum.

    Why: where loyal customers answer more, the answers speak for the loyal; weighted, they speak
    for all who were asked. How far that can be wrong is shown by letting the odds of answering
    differ within a stratum. Rule: each stratum counts by those asked in both arms.

    Args:
        treatment: Scores per stratum known before exposure (such as persona or channel).
        control: The same strata.
        odds: At least 1; how many times likelier to answer one may be than another of the same
            stratum for reasons the strata do not know.
        alpha: Error rate of the interval (for ``odds`` 1).

    Returns:
        Weighted effect with interval, and its bounds; ``no_responses`` where a stratum has fewer
        than two answers in an arm.

    Raises:
        InvalidInputError: If the strata differ between the arms, or odds are below 1.

    References:
        Horvitz, Thompson (1952); Rosenbaum, Rubin (1987), JASA 82 (weighting within adjustment
        cells); Zhao, Small, Bhattacharya (2019), JRSS B 81, eq. 8 (bounds by odds).

    Examples:
        >>> arm = {"new": Scores({2: 10, 4: 10}, 100), "loyal": Scores({4: 40, 5: 40}, 100)}
        >>> found = weigh_scores(arm, arm, odds=2.0)
        >>> round(found.effect, 3), round(found.upper, 3)
        (0.0, 0.571)
    """
    if set(treatment) != set(control) or not treatment:
        raise InvalidInputError.at("strata", "must be the same in both arms, and at least one")
    if not (math.isfinite(odds) and odds >= 1) or not 0 < alpha < 1:
        raise InvalidInputError.at("odds", f"must be at least 1, got {odds!r}")
    if any(s.answered < 2 for arm in (treatment, control) for s in arm.values()):
        return NotComputable("no_responses")
    asked = np.array([treatment[key].asked + control[key].asked for key in treatment], dtype=np.float64)
    shares = asked / asked.sum()
    means, variances = zip(*(_average(arm, list(treatment)) for arm in (treatment, control)), strict=True)
    apart = means[0] - means[1]
    effect = float(shares @ apart)
    variance = float(shares**2 @ (variances[0] + variances[1]))
    variance += float(shares @ (apart - effect) ** 2) / float(asked.sum())
    if variance <= 0:
        return NotComputable("zero_variance")
    half = critical_normal(alpha) * variance**0.5
    lower, upper = (
        float(
            shares
            @ [_tilt(treatment[key], odds, side) - _tilt(control[key], odds, -side) for key in treatment]
        )
        for side in (-1, 1)
    )
    return WeightedScores(effect, variance**0.5, effect - half, effect + half, lower, upper, odds)


def _compare_filled(
    treatment: Scores, control: Scores, for_treatment: float, for_control: float
) -> tuple[float, float]:
    """Return effect and error after the silent ones of each arm were given one score."""
    means, variance = [], 0.0
    for scores, fill in ((treatment, for_treatment), (control, for_control)):
        whole = scores + Scores({fill: scores.asked - scores.answered}, scores.asked - scores.answered)
        values, counts = whole.arrays
        mean = float(counts @ values) / counts.sum()
        means.append(mean)
        variance += float(counts @ (values - mean) ** 2) / (counts.sum() - 1) / counts.sum()
    return float(means[0] - means[1]), float(variance**0.5)


def _find_reach(width: float, alpha: float) -> float:
    """Solve Phi(c + width) - Phi(-c) = 1 - alpha: how many errors the interval reaches beyond."""
    return float(
        optimize.brentq(
            lambda c: float(special.ndtr(c + width) - special.ndtr(-c)) - (1 - alpha),
            0.0,
            critical_normal(alpha) + 1e-9,
        )
    )


def _average(arm: Mapping[str, Scores], keys: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Return mean and variance of the mean per stratum."""
    rows = []
    for key in keys:
        values, counts = arm[key].arrays
        n = counts.sum()
        mean = float(counts @ values) / n
        rows.append((mean, float(counts @ (values - mean) ** 2) / (n - 1) / n))
    table = np.array(rows)
    return table[:, 0], table[:, 1]


def _tilt(scores: Scores, odds: float, side: int) -> float:
    """Return the most extreme weighted mean when odds of answering lie within a factor.

    A unit answers with probability p; its weight 1/p is 1 + (1 - p)/p, and the odds may be wrong by
    the factor either way. The extreme puts large weights beyond a threshold, so trying every
    threshold finds it.
    """
    values, counts = scores.arrays
    silent = (scores.asked - scores.answered) / scores.answered
    light, heavy = 1.0 + silent / odds, 1.0 + silent * odds
    ends = []
    for i in range(values.size + 1):
        weights = np.where(np.arange(values.size) < i, light, heavy)
        weights = counts * (weights if side > 0 else light + heavy - weights)
        ends.append(float(weights @ values / weights.sum()))
    return max(ends) if side > 0 else min(ends)
