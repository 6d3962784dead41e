"""Intervals of link contributions by bootstrap over customers, and value as one more link."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.links import FloatArray, read_chains, share_products
from abplat.stats.result import Computed, NotComputable

MIN_REPLICATES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmValue:
    """What the customers of an arm are worth, beside the chain of links.

    Attributes:
        mean: Mean value per exposed customer, zeros included.
        sd: Its standard deviation over customers.
        with_completion: Covariance of a customer's value with having completed (0 or 1).
    """

    mean: float
    sd: float
    with_completion: float


@dataclass(frozen=True, slots=True)
class LinkShare:
    """What one link adds to the difference, with its bootstrap interval.

    Attributes:
        points: Share of the difference, in its unit.
        ci_lower: Lower end of its bootstrap interval.
        ci_upper: Upper end of it.
    """

    points: float
    ci_lower: float
    ci_upper: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkShares:
    """A difference shared out over links, whose intervals come from resampled customers.

    Attributes:
        difference: The whole difference; the points of the links add up to it.
        ci_lower: Lower end of its bootstrap interval.
        ci_upper: Upper end of it.
        links: One entry per link; with values the last one is value per completer.
        replicates: How often customers were drawn anew.
        seed: What the draws began with; the same seed gives the same interval.
        alpha: Error rate of the intervals.
    """

    difference: float
    ci_lower: float
    ci_upper: float
    links: tuple[LinkShare, ...]
    replicates: int
    seed: int
    alpha: float


def bootstrap_links(  # noqa: PLR0913 -- two arms with their values, and how to draw
    control_counts: Sequence[int],
    treatment_counts: Sequence[int],
    *,
    control_value: ArmValue | None = None,
    treatment_value: ArmValue | None = None,
    alpha: float = 0.05,
    replicates: int = 2_000,
    seed: int = 0,
) -> Computed[LinkShares]:
    """Share a difference out over links by Shapley values, with intervals by bootstrap over customers.

    Why: contributions of links are products of rates, whose intervals are not symmetric with few
    customers. Rule: a customer is known by the last stage reached, so drawing customers anew is
    drawing those counts from a multinomial; percentiles are the interval. With values, the mean
    per customer is drawn from the normal law that its covariance with completion gives.

    Args:
        control_counts: Exposed, then customers reaching each required stage.
        treatment_counts: The same for treatment.
        control_value: What customers of control are worth; the difference is then one of value.
        treatment_value: The same for treatment.
        alpha: Two-sided error rate.
        replicates: How often customers are drawn anew, at least 200.
        seed: What the draws begin with.

    Returns:
        The shares; ``no_units`` for an empty arm, ``empty_link`` where values have no completer.

    Raises:
        InvalidInputError: As for ``decompose_links``; or if only one arm has values.

    References:
        Efron, Tibshirani (1993), section 13.3 (percentile interval); Shorrocks (2013).

    Examples:
        >>> found = bootstrap_links([1000, 200, 100], [1000, 400, 140], seed=1)
        >>> [round(link.points, 3) for link in found.links]
        [0.085, -0.045]
        >>> found == bootstrap_links([1000, 200, 100], [1000, 400, 140], seed=1)
        True
    """
    control, treatment = read_chains(control_counts, treatment_counts, alpha)
    if replicates < MIN_REPLICATES:
        raise InvalidInputError.at("replicates", f"must be at least {MIN_REPLICATES}, got {replicates!r}")
    if (control_value is None) != (treatment_value is None):
        raise InvalidInputError.at("control_value", "and treatment_value go together")
    if not control[0] or not treatment[0]:
        return NotComputable("no_units")
    if control_value is not None and not (control[-1] and treatment[-1]):
        return NotComputable("empty_link")
    generator = np.random.default_rng(seed)
    arms = ((control, control_value), (treatment, treatment_value))
    point = [_factors(counts[None, :], None if v is None else np.array([v.mean])) for counts, v in arms]
    drawn = [_draw(counts, value, replicates, generator) for counts, value in arms]
    whole, shares = share_products(point[0], point[1])
    wholes, many = share_products(drawn[0], drawn[1])
    lower, upper = np.quantile(many, [alpha / 2, 1 - alpha / 2], axis=0)
    ends = np.quantile(wholes, [alpha / 2, 1 - alpha / 2]).tolist()
    links = tuple(LinkShare(*map(float, each)) for each in zip(shares[0], lower, upper, strict=True))
    return LinkShares(
        difference=float(whole[0]),
        ci_lower=ends[0],
        ci_upper=ends[1],
        links=links,
        replicates=replicates,
        seed=seed,
        alpha=alpha,
    )


def _draw(
    counts: FloatArray, value: ArmValue | None, replicates: int, generator: np.random.Generator
) -> FloatArray:
    """Draw the customers of an arm anew and return the factors of each draw."""
    n = int(counts[0])
    last = np.append(counts[:-1] - counts[1:], counts[-1]) / n
    ended = generator.multinomial(n, last, size=replicates)
    chains = np.cumsum(ended[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
    if value is None:
        return _factors(chains, None)
    rate = counts[-1] / n
    spread = rate * (1 - rate)
    slope = value.with_completion / spread if spread > 0 else 0.0
    rest = math.sqrt(max(value.sd**2 - slope**2 * spread, 0.0) / n)
    means = value.mean + slope * (chains[:, -1] / n - rate) + rest * generator.standard_normal(replicates)
    return _factors(chains, means)


def _factors(chains: FloatArray, means: FloatArray | None) -> FloatArray:
    """Return the rate of each link, and value per completer where there are values."""
    before, after = chains[:, :-1], chains[:, 1:]
    rates = np.divide(after, before, out=np.zeros_like(after), where=before > 0)
    if means is None:
        return rates
    done = chains[:, -1] / chains[:, 0]
    worth = np.divide(means, done, out=np.zeros_like(means), where=done > 0)
    return np.column_stack([rates, worth])
