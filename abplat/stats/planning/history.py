"""Planning from what was recorded: a moment record of the past becomes the outcome of a plan."""

from __future__ import annotations

from typing import Literal

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.inputs import FloatArray, require_choice
from abplat.stats.moments import Moments
from abplat.stats.planning.outcome import Growth, Outcome
from abplat.stats.result import Computed, NotComputable

Kind = Literal["mean", "proportion", "count", "ratio"]
_GROWTH: dict[Kind, Growth] = {
    "mean": "constant",
    "proportion": "binomial",
    "count": "linear",
    "ratio": "constant",
}


def outcome_from_moments(record: Moments, kind: Kind = "mean") -> Computed[Outcome]:
    """Return the outcome to plan with, from the record of past units.

    The same linearisation and covariates as in the comparison that will be run: a record with
    pre-period columns plans with the variance that is left after the adjustment.

    Args:
        record: Columns ``y``, ``d`` for a ratio, and ``x``, ``xd``... where covariates are kept;
            one row per unit, such as the last 28 days by exposure day, added up.
        kind: Kind of the metric.

    Returns:
        The outcome, or NotComputable: ``no_units``, ``too_few_units``, ``zero_denominator``,
        ``zero_variance`` (no variance, or none that fits the kind).

    Raises:
        InvalidInputError: If the kind is unknown or a ratio has no column ``d``.

    References:
        Deng, Knoblich and Lu (2018), KDD '18 (ratios); Deng et al. (2013), WSDM '13 (covariates).

    Examples:
        >>> outcome_from_moments(Moments.from_values([0, 1, 0, 1]), "proportion")
        Outcome(baseline=0.5, variance=0.25, growth='binomial')
    """
    require_choice("kind", kind, tuple(_GROWTH))
    covariance = record.covariance
    if isinstance(covariance, NotComputable):
        return covariance
    pairs = _pairs(record, kind)
    means = record.mean
    if any(bottom is not None and means[bottom] == 0 for _, bottom in pairs):
        return NotComputable("zero_denominator")
    gradients = np.stack([_gradient(means, *pair) for pair in pairs])
    left = _residual(gradients @ covariance @ gradients.T)
    top, bottom = pairs[0]
    value = float(means[top] if bottom is None else means[top] / means[bottom])
    return _build(value, left, kind)


def _build(value: float, shares: tuple[float, float], kind: Kind) -> Computed[Outcome]:
    """Return the outcome; a share keeps v (1 - v) and takes only the reduction from the record."""
    total, kept = shares
    is_impossible = (kind == "proportion" and not 0 < value < 1) or (kind == "count" and value <= 0)
    if total <= 0 or kept <= 1e-12 or is_impossible:
        return NotComputable("zero_variance")
    variance = value * (1 - value) if kind == "proportion" else total
    return Outcome(baseline=value, variance=variance * kept, growth=_GROWTH[kind])


def _pairs(record: Moments, kind: Kind) -> list[tuple[int, int | None]]:
    """Return the places of (value, denominator) of the outcome and of each covariate."""
    columns = record.columns
    if kind == "ratio" and "d" not in columns:
        raise InvalidInputError.at("record", "a ratio needs the column d")
    place = {name: index for index, name in enumerate(columns)}
    names = [name for name in columns if name.startswith("x") and not name.startswith("xd")]
    covariates = [(place[name], place.get("xd" + name[1:])) for name in names]
    return [(place["y"], place["d"] if kind == "ratio" else None), *covariates]


def _gradient(means: FloatArray, top: int, bottom: int | None) -> FloatArray:
    """Return the weights that linearise a mean or a ratio."""
    gradient = np.zeros(means.size)
    if bottom is None:
        gradient[top] = 1.0
    else:
        gradient[top], gradient[bottom] = 1 / means[bottom], -means[top] / means[bottom] ** 2
    return gradient


def _residual(spread: FloatArray) -> tuple[float, float]:
    """Return the variance of the outcome, and the share that its covariates leave."""
    total = float(spread[0, 0])
    if total <= 0 or spread.shape[0] == 1:
        return total, 1.0
    slopes = np.linalg.pinv(spread[1:, 1:], hermitian=True) @ spread[1:, 0]
    return total, max(1 - float(slopes @ spread[1:, 0]) / total, 0.0)
