"""What one unit contributes: the noise that a sample size has to overcome, for every metric kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from abplat.errors import InvalidInputError
from abplat.stats.inputs import require_between, require_choice, require_finite, require_positive

Growth = Literal["constant", "binomial", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A metric as planning sees it: its control value and the variance of one unit.

    Attributes:
        baseline: Control value, in the unit of the metric.
        variance: Variance of one unit's (linearised) value in control: SE^2 of an arm is
            ``variance / n``.
        growth: How the variance follows the value under an effect: ``constant``, ``binomial``
            (shares: v (1 - v)) or ``linear`` (counts).

    Raises:
        InvalidInputError: If a number is bad.
    """

    baseline: float
    variance: float
    growth: Growth = "constant"

    def __post_init__(self) -> None:
        require_finite("baseline", self.baseline)
        require_positive("variance", self.variance)
        require_choice("growth", self.growth, ("constant", "binomial", "linear"))
        if self.growth == "binomial":
            require_between("baseline", self.baseline)
        if self.growth == "linear":
            require_positive("baseline", self.baseline)

    def variance_at(self, value: float) -> float:
        """Return the variance of one unit in an arm with another value.

        Raises:
            InvalidInputError: If the value is impossible for the kind (a share beyond 0 to 1).

        Examples:
            >>> round(proportion_outcome(0.1).variance_at(0.2), 6)
            0.16
        """
        if self.growth == "constant":
            return self.variance
        if self.growth == "linear":
            return self.variance * require_positive("effect", value) / self.baseline
        if not 0 < value < 1:
            raise InvalidInputError.at("effect", f"takes the share to {value:g}, beyond 0 to 1")
        return self.variance * value * (1 - value) / (self.baseline * (1 - self.baseline))


def mean_outcome(mean: float, sd: float) -> Outcome:
    """Return the outcome of a mean per unit.

    Args:
        mean: Mean in control, in the unit of the metric.
        sd: Standard deviation between units.

    Returns:
        The outcome with constant variance.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Welch (1947): the variance of a mean is s^2 / n.

    Examples:
        >>> mean_outcome(20.0, 50.0).variance
        2500.0
    """
    return Outcome(baseline=mean, variance=require_positive("sd", sd) ** 2)


def proportion_outcome(share: float) -> Outcome:
    """Return the outcome of a share of units, such as completed journeys per customer.

    Args:
        share: Share in control, between 0 and 1.

    Returns:
        The outcome whose variance follows v (1 - v).

    Raises:
        InvalidInputError: If the share is not strictly between 0 and 1.

    References:
        The unpooled variance, as in the test that is run.

    Examples:
        >>> proportion_outcome(0.5).variance
        0.25
    """
    require_between("share", share)
    return Outcome(baseline=share, variance=share * (1 - share), growth="binomial")


def count_outcome(rate: float, dispersion: float = 1.0) -> Outcome:
    """Return the outcome of a count per unit, such as calls per customer.

    Args:
        rate: Mean count in control, above 0.
        dispersion: Variance over mean: 1 for Poisson, more for real customers.

    Returns:
        The outcome whose variance grows with the rate.

    Raises:
        InvalidInputError: If a number is not above 0.

    References:
        McCullagh and Nelder (1989) (over-dispersed Poisson).

    Examples:
        >>> count_outcome(0.4, dispersion=2.5).variance
        1.0
    """
    variance = require_positive("rate", rate) * require_positive("dispersion", dispersion)
    return Outcome(baseline=rate, variance=variance, growth="linear")


def ratio_outcome(means: tuple[float, float], variances: tuple[float, float], covariance: float) -> Outcome:
    """Return the outcome of a ratio of sums, such as value per visit.

    Args:
        means: Means per unit of numerator and denominator.
        variances: Their variances between units.
        covariance: Their covariance.

    Returns:
        The outcome with the linearised variance (s_YY - 2 R s_YD + R^2 s_DD) / m_D^2.

    Raises:
        InvalidInputError: If the denominator is 0 or the numbers allow no positive variance.

    References:
        Deng, Knoblich and Lu (2018), KDD '18 (delta method for ratios).

    Examples:
        >>> ratio_outcome((2.0, 4.0), (1.0, 1.0), 0.5).variance
        0.046875
    """
    top, bottom = (require_finite("means", value) for value in means)
    if bottom == 0:
        raise InvalidInputError.at("means", "the denominator's mean must not be 0")
    ratio = top / bottom
    spread = variances[0] - 2 * ratio * require_finite("covariance", covariance) + ratio**2 * variances[1]
    return Outcome(baseline=ratio, variance=require_positive("variances", spread) / bottom**2)


def quantile_outcome(value: float, level: float, density: float, per_unit: float = 1.0) -> Outcome:
    """Return the outcome of a quantile of events, such as the median time to answer.

    Several events of one unit hang together: apply :func:`with_clusters` as well. The test has to
    estimate the density, which costs one to two points of the power at a few hundred units.

    Args:
        value: The quantile in control, in the unit of the metric.
        level: Its level between 0 and 1; 0.5 is the median.
        density: Density of the events at the quantile, per unit of the metric.
        per_unit: Events per unit.

    Returns:
        The outcome with variance q (1 - q) / (f^2 m).

    Raises:
        InvalidInputError: If a number is out of range.

    References:
        Deng, Knoblich and Lu (2018), KDD '18; the asymptotic variance of a sample quantile.

    Examples:
        >>> quantile_outcome(10.0, 0.5, density=0.125).variance
        16.0
    """
    spread = require_between("level", level) * (1 - level)
    scale = require_positive("density", density) ** 2 * require_positive("per_unit", per_unit)
    return Outcome(baseline=value, variance=spread / scale)


def with_covariate(outcome: Outcome, correlation: float) -> Outcome:
    """Return the outcome after adjustment for a covariate (CUPED), of any kind.

    Args:
        outcome: The outcome.
        correlation: Correlation of the (linearised) outcome with the covariate, or the multiple
            correlation with several.

    Returns:
        The outcome with its variance times 1 - correlation^2.

    Raises:
        InvalidInputError: If the correlation is not between -1 and 1.

    References:
        Deng, Xu, Kohavi and Walker (2013), WSDM '13.

    Examples:
        >>> with_covariate(mean_outcome(20.0, 50.0), 0.6).variance
        1600.0
    """
    kept = 1 - require_between("correlation", correlation, -1.0, 1.0) ** 2
    return replace(outcome, variance=outcome.variance * kept)


def with_clusters(outcome: Outcome, size: float, intraclass: float, size_variation: float = 0.0) -> Outcome:
    """Return the outcome of units that come in clusters, such as journeys of one store.

    Args:
        outcome: The outcome of one member.
        size: Mean members per cluster, at least 1.
        intraclass: Intraclass correlation, from 0 to below 1.
        size_variation: Standard deviation over mean of the cluster sizes.

    Returns:
        The outcome with its variance times the design effect 1 + ((cv^2 + 1) m - 1) icc; units are
        still members.

    Raises:
        InvalidInputError: If a number is out of range.

    References:
        Eldridge, Ashby and Kerry (2006), International Journal of Epidemiology 35.

    Examples:
        >>> round(with_clusters(mean_outcome(0.0, 1.0), size=21, intraclass=0.05).variance, 6)
        2.0
    """
    require_between("intraclass", intraclass, -1e-12, 1.0)
    if require_finite("size", size) < 1 or require_finite("size_variation", size_variation) < 0:
        raise InvalidInputError.at("size", "must be at least 1, and its variation at least 0")
    effect = 1 + ((size_variation**2 + 1) * size - 1) * intraclass
    return replace(outcome, variance=outcome.variance * effect)
