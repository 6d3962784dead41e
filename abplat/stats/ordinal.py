"""Ordered answers without a distance between them: ranks, promoters, odds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.moments import FloatArray, Moments
from abplat.stats.result import Computed, NotComputable
from abplat.stats.scores import Scores
from abplat.stats.tails import (
    critical_normal,
    critical_t,
    log10_two_sided_t,
    two_sided_normal,
    two_sided_t,
)

_STEPS = 200
_REACH = 4.0  # longest step of Fisher scoring
_FAR = 30.0  # a log odds beyond this has no maximum: the arms do not overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdinalComparison:
    """How often a treated unit scores above a unit of control.

    Attributes:
        win_share: P(treatment above control) + P(tie) / 2; one half where nothing changed.
        se: Its standard error.
        df: Degrees of freedom.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end of its interval.
        p_value: Two-sided, of one half; below alpha exactly when the interval excludes it.
        log10_p: Its decimal logarithm.
        n_treatment: Answers in treatment.
        n_control: Answers in control.
        alpha: Error rate of the interval.
    """

    win_share: float
    se: float
    df: float
    ci_lower: float
    ci_upper: float
    p_value: float
    log10_p: float
    n_treatment: int
    n_control: int
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OddsComparison:
    """The odds of a higher score in treatment against control, the same at every cut.

    Attributes:
        odds_ratio: Above 1 where treatment scores higher.
        log_odds: Its natural logarithm.
        se: Standard error of the logarithm.
        ci_lower: Lower end of the interval of the ratio.
        ci_upper: Upper end of the interval of the ratio.
        p_value: Two-sided, of ratio 1 (Wald).
        cuts: Cumulative log odds of control at each cut between scores.
        alpha: Error rate of the interval.
    """

    odds_ratio: float
    log_odds: float
    se: float
    ci_lower: float
    ci_upper: float
    p_value: float
    cuts: tuple[float, ...]
    alpha: float


def compare_ordinal(treatment: Scores, control: Scores, alpha: float = 0.05) -> Computed[OrdinalComparison]:
    """Compare ordered scores by ranks, without giving them a distance.

    Why: from 1 to 2 stars need not be as far as from 4 to 5. Rule: Wilcoxon-Mann-Whitney share of
    wins with the variance of Brunner and Munzel, which allows for unequal spread and ties, and
    Satterthwaite degrees of freedom.

    Args:
        treatment: Scores of the treated.
        control: Scores of control.
        alpha: Error rate of the interval.

    Returns:
        The share of wins; ``no_responses``, ``too_few_units`` below two answers in an arm, or
        ``zero_variance`` where the arms do not overlap or all gave one score.

    Raises:
        InvalidInputError: If alpha lies outside 0 to 1.

    References:
        Brunner, Munzel (2000), Biometrical Journal 42, eq. 2.5-2.7;
        ``scipy.stats.brunnermunzel(distribution="t")``.

    Examples:
        >>> treatment = Scores({3: 10, 4: 20, 5: 30}, asked=100)
        >>> control = Scores({3: 20, 4: 20, 5: 20}, asked=100)
        >>> found = compare_ordinal(treatment, control)
        >>> round(found.win_share, 4), round(found.p_value, 4)
        (0.6111, 0.0231)
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if not treatment.answered or not control.answered:
        return NotComputable("no_responses")
    if min(treatment.answered, control.answered) < 2:
        return NotComputable("too_few_units")
    share, variance, df = _rank(_align(treatment, control))
    if variance <= 0:
        return NotComputable("zero_variance")
    se = variance**0.5
    half = float(critical_t(df, alpha)) * se
    return OrdinalComparison(
        win_share=share,
        se=se,
        df=df,
        ci_lower=max(0.0, share - half),
        ci_upper=min(1.0, share + half),
        p_value=float(two_sided_t((share - 0.5) / se, df)),
        log10_p=float(log10_two_sided_t((share - 0.5) / se, df)),
        n_treatment=treatment.answered,
        n_control=control.answered,
        alpha=alpha,
    )


def compare_net_promoter(
    treatment: Scores,
    control: Scores,
    plan: ComparisonPlan | None = None,
    promoters_from: float = 9.0,
    detractors_to: float = 6.0,
) -> Computed[Comparison]:
    """Compare net promoter scores, in points from -100 to 100.

    Why: a net promoter score is a difference of two shares of one sample; taken as one proportion
    its error is wrong. Rule: the mean of +1, 0 and -1 per answer, times 100.

    Args:
        treatment: Scores of the treated, 0 to 10.
        control: Scores of control.
        plan: Error rate and reference; of kind mean.
        promoters_from: Lowest score of a promoter.
        detractors_to: Highest score of a detractor.

    Returns:
        The comparison in points; reasons as for ``compare``.

    Raises:
        InvalidInputError: If the two limits cross.

    References:
        Reichheld (2003); Rocks (2016), Interval estimation for the net promoter score, The
        American Statistician 70, eq. 2 (variance p+ + p- - (p+ - p-)^2).

    Examples:
        >>> control = Scores({10: 40, 8: 30, 3: 30}, asked=100)
        >>> round(compare_net_promoter(Scores({10: 60, 8: 30, 3: 10}, 100), control).effect, 6)
        40.0
    """
    if not detractors_to < promoters_from:
        raise InvalidInputError.at("promoters_from", "must be above detractors_to")
    records = []
    for scores in (treatment, control):
        values, counts = scores.arrays
        points = 100.0 * ((values >= promoters_from).astype(float) - (values <= detractors_to))
        sums = {"y": float(counts @ points)}
        records.append(Moments.from_sums(scores.answered, sums, {"y*y": float(counts @ points**2)}))
    return compare(records[0], records[1], plan or ComparisonPlan())


def compare_odds(treatment: Scores, control: Scores, alpha: float = 0.05) -> Computed[OddsComparison]:
    """Compare ordered scores by one odds ratio (proportional odds).

    Why: where the shift is alike along the scale, one number says it, and more sharply than any
    single cut. Rule: maximum likelihood of the cumulative logit by Newton steps on the counts.

    Args:
        treatment: Scores of the treated.
        control: Scores of control.
        alpha: Error rate of the interval.

    Returns:
        The odds ratio; ``no_responses``, ``zero_variance`` for a single score, ``not_converged``
        where the arms do not overlap.

    Raises:
        InvalidInputError: If alpha lies outside 0 to 1.

    References:
        McCullagh (1980), JRSS B 42, eq. 2.2;
        ``statsmodels.miscmodels.ordinal_model.OrderedModel(distr="logit")``.

    Examples:
        >>> treatment = Scores({3: 10, 4: 20, 5: 30}, asked=100)
        >>> control = Scores({3: 20, 4: 20, 5: 20}, asked=100)
        >>> round(compare_odds(treatment, control).odds_ratio, 3)
        2.169
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if not treatment.answered or not control.answered:
        return NotComputable("no_responses")
    counts = _align(treatment, control)
    if counts.shape[1] < 2:
        return NotComputable("zero_variance")
    found = _fit_odds(counts)
    if found is None:
        return NotComputable("not_converged")
    values, se = found
    log_odds = float(values[-1])
    half = critical_normal(alpha) * se
    return OddsComparison(
        odds_ratio=float(np.exp(log_odds)),
        log_odds=log_odds,
        se=se,
        ci_lower=float(np.exp(log_odds - half)),
        ci_upper=float(np.exp(log_odds + half)),
        p_value=float(two_sided_normal(log_odds / se)),
        cuts=tuple(values[:-1].tolist()),
        alpha=alpha,
    )


def _align(treatment: Scores, control: Scores) -> FloatArray:
    """Return counts per arm over all scores given, shape (2, k)."""
    keys = sorted(
        k for k in {*treatment.counts, *control.counts} if treatment.counts.get(k) or control.counts.get(k)
    )
    return np.array([[s.counts.get(k, 0) for k in keys] for s in (treatment, control)], dtype=np.float64)


def _rank(counts: FloatArray) -> tuple[float, float, float]:
    """Return the share of wins, its variance and degrees of freedom from counts per score."""
    sizes = counts.sum(axis=1)
    below = np.cumsum(counts, axis=1) - counts / 2
    beaten = below[::-1] / sizes[::-1, None]
    means = (counts * beaten).sum(axis=1) / sizes
    spread = (counts * (beaten - means[:, None]) ** 2).sum(axis=1) / (sizes - 1)
    parts = spread / sizes
    variance = float(parts.sum())
    bottom = float(np.sum(parts**2 / (sizes - 1)))
    return float(means[0]), variance, variance * variance / bottom if bottom > 0 else 0.0


def _fit_odds(counts: FloatArray) -> tuple[FloatArray, float] | None:
    """Maximise the likelihood of cuts and log odds by Fisher scoring; None where it does not settle."""
    total = counts.sum(axis=0)
    values = np.append(special.logit(np.cumsum(total)[:-1] / total.sum()), 0.0)
    likelihood, gradient, information = _score_odds(values, counts)
    for _ in range(_STEPS):
        step = np.linalg.solve(information, gradient)
        scale = min(1.0, _REACH / float(np.abs(step).max()))
        floor = likelihood - 1e-9 * abs(likelihood)
        while not _is_better(values + scale * step, counts, floor):
            scale /= 2
        values = values + scale * step
        likelihood, gradient, information = _score_odds(values, counts)
        if float(np.abs(step).max()) < 1e-8:
            return values, float(np.linalg.inv(information)[-1, -1] ** 0.5)
        if abs(values[-1]) > _FAR:
            break
    return None


def _is_better(values: FloatArray, counts: FloatArray, floor: float) -> bool:
    """Tell whether cuts still rise and the likelihood has not fallen."""
    return bool((np.diff(values[:-1]) > 0).all()) and _score_odds(values, counts)[0] >= floor


def _score_odds(values: FloatArray, counts: FloatArray) -> tuple[float, FloatArray, FloatArray]:
    """Return log likelihood, gradient and expected information of the proportional odds model."""
    k = values.size - 1
    likelihood, gradient, information = 0.0, np.zeros(k + 1), np.zeros((k + 1, k + 1))
    for row, is_treated in zip(counts, (1.0, 0.0), strict=True):
        below = special.expit(values[:k] - values[-1] * is_treated)
        density = below * (1 - below)
        share = np.diff(np.concatenate([[0.0], below, [1.0]]))
        slope = np.zeros((k + 1, k + 1))
        slope[np.arange(k), np.arange(k)] = density
        slope[np.arange(1, k + 1), np.arange(k)] = -density
        slope[:, k] = -is_treated * slope[:, :k].sum(axis=1)
        share = np.maximum(share, 1e-300)
        likelihood += float(row @ np.log(share))
        gradient += slope.T @ (row / share)
        information += row.sum() * (slope.T / share) @ slope
    return likelihood, gradient, information
