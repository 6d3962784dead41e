"""Several treatments against one shared control: simultaneous critical values and intervals.

Comparisons with one control are correlated, and the correlation has product form, so the joint
distribution of any number of treatments is a one-dimensional integral. Dunnett's critical value is
smaller than Bonferroni's for the same promise: all intervals hold together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, log_ndtr, ndtr, ndtri

from abplat.errors import InvalidInputError
from abplat.stats.inputs import (
    FloatArray,
    as_finite_array,
    as_pair_of_rows,
    require_between,
    require_choice,
    require_positive,
)
from abplat.stats.quadrature import POINTS, gauss_legendre

_HIGH = 40.0


@dataclass(frozen=True, slots=True)
class SharedControl:
    """How the comparisons of several treatments with one control hang together.

    Attributes:
        loadings: Root of the control's share of each comparison's variance, between 0 and 1, one per
            treatment; the correlation of two comparisons is the product of theirs.
        sides: 2, or 1 where only gains are looked for.
        df: Degrees of freedom of a pooled variance; None for the normal limit.

    Raises:
        InvalidInputError: If there is no treatment or a number is out of range.
    """

    loadings: tuple[float, ...]
    sides: Literal[1, 2] = 2
    df: float | None = None

    def __post_init__(self) -> None:
        values = as_finite_array("loadings", self.loadings)
        if values.size == 0 or np.any(values < 0) or np.any(values >= 1):
            raise InvalidInputError.at("loadings", "needs one number from 0 to below 1 per treatment")
        require_choice("sides", self.sides, (1, 2))
        if self.df is not None:
            require_positive("df", self.df)


@dataclass(frozen=True, slots=True)
class SimultaneousInterval:
    """One effect among several that are shown together.

    Attributes:
        effect: Estimate.
        ci_lower: Lower end; all intervals of the family hold together with probability 1 - alpha.
        ci_upper: Upper end; None for one-sided families.
        p_value: Single-step adjusted p-value: at or below alpha exactly when 0 is excluded.
    """

    effect: float
    ci_lower: float
    ci_upper: float | None
    p_value: float


def share_control(
    treatment_variances: Sequence[float], control_variance: float, *, sides: Literal[1, 2] = 2
) -> SharedControl:
    """Return the structure of several comparisons with one control from the arms' variances.

    Args:
        treatment_variances: Squared standard error of each treatment's value (s^2 / n).
        control_variance: Squared standard error of the control's value.
        sides: 2, or 1 where only gains are looked for.

    Returns:
        Loadings sqrt(v_C / (v_C + v_i)); sqrt(1/2) each for equal arms.

    Raises:
        InvalidInputError: If a variance is not above 0.

    References:
        Dunnett (1955), JASA 50; Hochberg and Tamhane (1987), appendix 3 (product correlation).

    Examples:
        >>> share_control([0.01, 0.01], 0.01).loadings[0].__round__(4)
        0.7071
    """
    own = as_finite_array("treatment_variances", treatment_variances, positive=True)
    control = require_positive("control_variance", control_variance)
    return SharedControl(tuple(np.sqrt(control / (control + own)).tolist()), sides)


def dunnett_p_values(z: npt.ArrayLike, structure: SharedControl) -> FloatArray:
    """Return single-step adjusted p-values: the chance that any comparison is as extreme as each.

    Args:
        z: Effects over standard errors, any shape; need not be those of the structure.
        structure: How the comparisons hang together.

    Returns:
        Adjusted p-values of the shape of ``z``.

    Raises:
        InvalidInputError: If a number is bad.

    References:
        Dunnett (1955), as the integral over the control's deviation.

    Examples:
        >>> equal = SharedControl((0.5**0.5,) * 3)
        >>> dunnett_p_values([2.349, 3.0], equal).round(4).tolist()
        [0.05, 0.0076]
    """
    score = as_finite_array("z", z)
    bounds = np.abs(score) if structure.sides == 2 else score
    values = [chance_of_any(np.array([bound]), structure) for bound in bounds.ravel()]
    return np.asarray(values, dtype=np.float64).reshape(score.shape)


def dunnett_critical_value(structure: SharedControl, alpha: float = 0.05) -> float:
    """Return the critical value that all comparisons with one control share.

    Args:
        structure: How the comparisons hang together.
        alpha: Error rate over all of them.

    Returns:
        The bound of |Z| (or Z); between the plain and the Bonferroni value.

    Raises:
        InvalidInputError: If alpha is no error rate.

    References:
        Dunnett (1955, 1964), whose tables it reproduces: two-sided 5 %, three treatments, normal: 2.35.

    Examples:
        >>> round(dunnett_critical_value(SharedControl((0.5**0.5,) * 3)), 3)
        2.349
    """
    require_between("alpha", alpha)
    from scipy.optimize import brentq  # noqa: PLC0415 - slow to import, and few calls need it

    def miss(bound: float) -> float:
        """Return how far the log of the chance of any crossing is off."""
        return math.log(max(chance_of_any(np.array([bound]), structure), 1e-300)) - math.log(alpha)

    low = 0.0 if structure.sides == 2 else -_HIGH
    top = 100.0 * _HIGH if structure.df is not None else _HIGH
    return float(brentq(miss, low, top, xtol=1e-10))


def chance_of_any(bounds: FloatArray, structure: SharedControl) -> float:
    """Return the chance that any comparison is at or above its bound: one bound for all, or one each.

    Examples:
        >>> round(chance_of_any(np.array([2.349]), SharedControl((0.5**0.5,) * 3)), 4)
        0.05
    """
    if structure.df is None:
        return float(_normal_exceedance(bounds[None, :], structure)[0])
    spread, weight = _scale_rule(structure.df)
    return float(weight @ _normal_exceedance(bounds * spread[:, None], structure))


def _normal_exceedance(bounds: FloatArray, structure: SharedControl) -> FloatArray:
    """Return the chance for each of several rows of bounds, without cancellation in the tail.

    The control's deviation is followed out to the bound, where far bounds are crossed, and on more
    panels where the treatments are large and so the steps of the integrand steep.
    """
    loading = np.asarray(structure.loadings)
    rest = np.sqrt(1 - loading**2)
    reach = 8.5 + min(float(np.max(np.abs(bounds), initial=0.0, where=np.isfinite(bounds))), _HIGH)
    panels = 1 + min(int(6.3 * reach * float(np.max(loading / rest)) / POINTS), 50)
    nodes, weights = gauss_legendre(-reach, reach, panels)
    density = weights * np.exp(-0.5 * nodes * nodes) / math.sqrt(2 * math.pi)
    centre = loading * nodes[:, None]
    above = (centre - bounds[:, None, :]) / rest
    if structure.sides == 1:
        inside = log_ndtr(-above).sum(axis=-1)
    else:
        outside = np.minimum(ndtr(above) + ndtr((-centre - bounds[:, None, :]) / rest), 1 - 1e-16)
        inside = np.log1p(-outside).sum(axis=-1)
    return np.asarray(-np.expm1(inside) @ density)


def _scale_rule(df: float) -> tuple[FloatArray, FloatArray]:
    """Return nodes and weights of the distribution of s / sigma, a chi over root df."""
    width = 9.0 / math.sqrt(2 * df)
    nodes, weights = gauss_legendre(max(1e-12, 1 - width), 1 + width + 9.0 / df)
    log_density = (
        math.log(2)
        + df / 2 * math.log(df / 2)
        - float(gammaln(df / 2))
        + (df - 1) * np.log(nodes)
        - df * nodes**2 / 2
    )
    return nodes, weights * np.exp(log_density)


def simultaneous_intervals(
    effects: npt.ArrayLike,
    ses: npt.ArrayLike,
    structure: SharedControl | None = None,
    *,
    alpha: float = 0.05,
) -> tuple[SimultaneousInterval, ...]:
    """Return single-step intervals that hold together, with p-values that agree with them.

    Args:
        effects: Estimates, shape (k,).
        ses: Standard errors, shape (k,).
        structure: Dunnett's, for one shared control; None for Bonferroni (any dependence).
        alpha: Error rate over the family.

    Returns:
        One interval per effect, in order.

    Raises:
        InvalidInputError: If the shapes differ or a number is bad.

    References:
        Dunnett (1955); Hochberg and Tamhane (1987), Multiple Comparison Procedures.

    Examples:
        >>> rows = simultaneous_intervals([1.0, 3.0], [1.0, 1.0], SharedControl((0.5**0.5,) * 2))
        >>> [(round(row.ci_lower, 2), round(row.p_value, 3)) for row in rows]
        [(-1.21, 0.502), (0.79, 0.005)]
    """
    effect, se = as_pair_of_rows(effects, ses)
    require_between("alpha", alpha)
    if structure is None:
        critical = -float(ndtri(alpha / (2 * effect.size)))
        p_values = np.minimum(2 * effect.size * ndtr(-np.abs(effect / se)), 1.0)
    else:
        if len(structure.loadings) != effect.size:
            raise InvalidInputError.at("structure", "needs one loading per effect")
        critical = dunnett_critical_value(structure, alpha)
        p_values = dunnett_p_values(effect / se, structure)
    is_open = structure is not None and structure.sides == 1
    rows = zip(effect.tolist(), (critical * se).tolist(), p_values.tolist(), strict=True)
    return tuple(SimultaneousInterval(e, e - half, None if is_open else e + half, p) for e, half, p in rows)
