"""How fast the permitted error may be spent as information comes in (Lan and DeMets 1983)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri

from abplat.stats.inputs import (
    FloatArray,
    as_finite_array,
    require_between,
    require_choice,
    require_finite,
    require_positive,
)

Family = Literal["obrien_fleming", "pocock", "hwang_shih_decani", "kim_demets"]
FAMILIES: tuple[Family, ...] = ("obrien_fleming", "pocock", "hwang_shih_decani", "kim_demets")
_WITH_PARAMETER = ("hwang_shih_decani", "kim_demets")


@dataclass(frozen=True, slots=True)
class Spending:
    """A spending function by name, fixed before the first look.

    Attributes:
        family: ``obrien_fleming`` (little at first; the default), ``pocock`` (about even bounds),
            ``hwang_shih_decani`` or ``kim_demets``.
        parameter: gamma of Hwang-Shih-DeCani (-4 is like O'Brien-Fleming, 1 like Pocock), or rho > 0
            of Kim-DeMets (3 is like O'Brien-Fleming, 1 spends evenly); None for the other two.

    Raises:
        InvalidInputError: If the family is unknown or its parameter is missing, needless or bad.
    """

    family: Family = "obrien_fleming"
    parameter: float | None = None

    def __post_init__(self) -> None:
        require_choice("family", self.family, FAMILIES)
        require_choice("parameter is given", self.parameter is not None, [self.family in _WITH_PARAMETER])
        if self.family == "kim_demets":
            require_positive("parameter", self.parameter or 0.0)
        elif self.parameter is not None:
            require_finite("parameter", self.parameter)


def spend(spending: Spending, fraction: npt.ArrayLike, alpha: float) -> FloatArray:
    """Return the error that may have been spent when a fraction of the information is in.

    The function is applied to the error of **one side**: O'Brien-Fleming spending is not linear in
    alpha, so the symmetric two-sided test spends ``2 * spend(.., alpha / 2)`` and not
    ``spend(.., alpha)`` (last bound over 14 looks 2.103, not 2.145). Beyond the planned information
    nothing more is spent: the fraction is held at 1.

    Args:
        spending: The function by name.
        fraction: Share of the planned information, any shape, at least 0.
        alpha: Error of one side (or the type II error, for futility), between 0 and 1.

    Returns:
        Cumulative error spent, of the shape of ``fraction``; 0 at 0, ``alpha`` from 1 on, never falling.

    Raises:
        InvalidInputError: If alpha is no error rate, or a fraction is negative or not finite.

    References:
        Lan and DeMets (1983), Biometrika 70: O'Brien-Fleming
        2(1 - Phi(z_{alpha/2} / sqrt t)), Pocock alpha log(1 + (e - 1) t). Hwang, Shih and DeCani
        (1990): alpha (1 - exp(-gamma t)) / (1 - exp(-gamma)). Kim and DeMets (1987): alpha t^rho.

    Examples:
        >>> spend(Spending("obrien_fleming"), [0.25, 0.5, 1.0], 0.025).round(6).tolist()
        [7e-06, 0.001525, 0.025]
        >>> spend(Spending("hwang_shih_decani", -4), 0.5, 0.025).round(6).item()
        0.00298
    """
    require_between("alpha", alpha)
    time = as_finite_array("fraction", fraction)
    if np.any(time < 0):
        require_positive("fraction", float(time.min()))
    return np.asarray(alpha * _share(spending, np.minimum(time, 1.0), alpha), dtype=np.float64)


def _share(spending: Spending, time: FloatArray, alpha: float) -> FloatArray:
    """Return the share of alpha that is spent at an information time between 0 and 1."""
    parameter = spending.parameter or 0.0
    if spending.family == "obrien_fleming":
        root = np.sqrt(np.maximum(time, 1e-300))
        return np.asarray(2 * ndtr(ndtri(alpha / 2) / root) / alpha)
    if spending.family == "pocock":
        return np.asarray(np.log1p((np.e - 1) * time))
    if spending.family == "kim_demets":
        return np.asarray(time**parameter)
    return np.asarray(time if parameter == 0 else np.expm1(-parameter * time) / np.expm1(-parameter))
