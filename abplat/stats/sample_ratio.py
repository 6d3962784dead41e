"""Whether units reached the variants in the planned proportions.

Two tests of one question: a chi-square for a single look, and an e-process for daily peeking,
whose error holds however often one looks. Either alarm withholds every verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import special

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import log10_upper_chi_square, upper_chi_square

ALARM_P: Final = 0.001
"""Below this p-value, or above its inverse for an e-value, the split is not as planned."""

_PRIOR_UNITS: Final = 1000.0


@dataclass(frozen=True, slots=True)
class SampleRatioCheck:
    """The chi-square test of the counts against the plan.

    Attributes:
        statistic: Chi-square.
        df: Variants with a positive weight, less one.
        p_value: Below 0.001 the experiment is not to be trusted.
        log10_p: Decimal logarithm of the p-value.
        expected: The counts the plan would have given, per variant.
        alarm: Whether the p-value is below 0.001, or units met a variant that has no weight.
    """

    statistic: float
    df: int
    p_value: float
    log10_p: float
    expected: Mapping[str, float]
    alarm: bool


@dataclass(frozen=True, slots=True)
class SequentialSampleRatioCheck:
    """The evidence against the planned split, valid at every look.

    Attributes:
        e_value: Bayes factor after the last increment, capped at the largest float.
        log10_e: Its decimal logarithm.
        path: log10 of the e-value after each increment.
        p_value: Smallest 1 / e seen so far, at most 1: valid however often one looks.
        alarm: Whether e ever passed 1000, or units met a variant that has no weight.
        alarm_at: Index of the increment at which it did, or None.
    """

    e_value: float
    log10_e: float
    path: tuple[float, ...]
    p_value: float
    alarm: bool
    alarm_at: int | None


def check_sample_ratio(counts: Mapping[str, int], weights: Mapping[str, float]) -> Computed[SampleRatioCheck]:
    """Test whether units reached the variants in the planned proportions.

    Why: a mismatch means that assignment or exposure logging is broken, so no other result of the
    experiment can be trusted. Rule: chi-square goodness of fit over the live variants. A variant
    with weight 0 spends no degree of freedom; one with a weight and no units counts in full.

    Args:
        counts: Exposed units per variant key.
        weights: Planned share of traffic per variant key, any scale, not negative.

    Returns:
        The statistic, its p-value and the counts the plan would have given; ``no_units`` before
        the first exposure.

    Raises:
        InvalidInputError: If the keys differ, a count is not a whole number, a weight is negative,
            or fewer than two variants have a weight.

    References:
        Fabijan et al. (2019), Diagnosing Sample Ratio Mismatch in Online Controlled Experiments,
        KDD '19; ``scipy.stats.chisquare``.

    Examples:
        >>> plan = {"control": 1, "treatment": 1}
        >>> check = check_sample_ratio({"control": 4_875, "treatment": 5_125}, plan)
        >>> round(check.p_value, 4)
        0.0124
    """
    shares = _read_plan(counts, weights)
    stray = sum(count for key, count in counts.items() if key not in shares)
    n = sum(counts[key] for key in shares)
    if not n + stray:
        return NotComputable("no_units")
    expected = {key: n * shares.get(key, 0.0) for key in counts}
    statistic = sum((counts[key] - expected[key]) ** 2 / expected[key] for key in shares) if n else 0.0
    df = len(shares) - 1
    p_value = upper_chi_square(statistic, df)
    log10_p = log10_upper_chi_square(statistic, df)
    return SampleRatioCheck(statistic, df, p_value, log10_p, expected, p_value < ALARM_P or stray > 0)


def check_sample_ratio_sequentially(
    increments: Sequence[Mapping[str, int]], weights: Mapping[str, float], prior_units: float = _PRIOR_UNITS
) -> Computed[SequentialSampleRatioCheck]:
    """Test the planned split at every look without paying for looking.

    Why: a chi-square repeated daily raises false alarms far above its level. Rule: the Bayes
    factor of "some other split" (Dirichlet around the plan) against the plan is a martingale under
    the plan; the chance that it ever passes 1000 is below 0.001.

    Args:
        increments: New units per variant key for each look, in time order.
        weights: Planned share of traffic per variant key, any scale, not negative.
        prior_units: How tightly the alternative sits around the plan, in units.

    Returns:
        The e-value after the last look, its path and the first alarm; ``no_units`` where no unit
        has arrived.

    Raises:
        InvalidInputError: As for ``check_sample_ratio``.

    References:
        Lindon, Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS, eq. 6.

    Examples:
        >>> days = [{"control": 400, "treatment": 600}] * 3
        >>> found = check_sample_ratio_sequentially(days, {"control": 1, "treatment": 1})
        >>> found.alarm, found.alarm_at
        (True, 0)
    """
    if not increments:
        return NotComputable("no_units")
    if not (math.isfinite(prior_units) and prior_units > 0):
        raise InvalidInputError.at("prior_units", f"must be positive, got {prior_units!r}")
    plans = [_read_plan(day, weights) for day in increments]
    totals = np.cumsum([[day[key] for key in plans[0]] for day in increments], axis=0)
    strays = np.cumsum([sum(c for k, c in day.items() if k not in plans[0]) for day in increments])
    if not totals[-1].sum() + strays[-1]:
        return NotComputable("no_units")
    path = _log_bayes_factor(totals, np.array(list(plans[0].values())), prior_units) / math.log(10)
    raised = np.flatnonzero((path > -math.log10(ALARM_P)) | (strays > 0))
    best = float(max(path.max(), 0.0))
    return SequentialSampleRatioCheck(
        e_value=10.0 ** min(float(path[-1]), 308.0),
        log10_e=float(path[-1]),
        path=tuple(path.tolist()),
        p_value=10.0**-best,
        alarm=bool(raised.size),
        alarm_at=int(raised[0]) if raised.size else None,
    )


def _log_bayes_factor(
    totals: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    shares: np.ndarray[tuple[int], np.dtype[np.float64]],
    prior_units: float,
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the log Bayes factor of the Dirichlet alternative after each look."""
    prior = prior_units * shares
    n = totals.sum(axis=1)
    fitted = special.gammaln(totals + prior).sum(axis=1) - special.gammaln(n + prior_units)
    start = float(special.gammaln(prior).sum() - special.gammaln(prior_units))
    return np.asarray(fitted - start - totals @ np.log(shares), dtype=np.float64)


def _read_plan(counts: Mapping[str, int], weights: Mapping[str, float]) -> dict[str, float]:
    """Check counts and weights and return the shares of the live variants."""
    if set(counts) != set(weights):
        odd = ", ".join(sorted(set(counts) ^ set(weights)))
        raise InvalidInputError.at("counts", f"must name the variants of the plan; look at {odd}")
    for key, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
            raise InvalidInputError.at(
                f"counts.{key}", f"must be a whole number, not negative, got {count!r}"
            )
    for key, weight in weights.items():
        if not (math.isfinite(weight) and weight >= 0):
            raise InvalidInputError.at(f"weights.{key}", f"must be finite and not negative, got {weight!r}")
    live = {key: float(weight) for key, weight in weights.items() if weight > 0}
    if len(live) < 2:
        raise InvalidInputError.at("weights", "needs at least two variants with a positive weight")
    total = sum(live.values())
    return {key: weight / total for key, weight in live.items()}
