"""What every plan and every function of the statistics asks of a number it is handed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError

FloatArray = npt.NDArray[np.float64]


def require_finite(path: str, value: float) -> float:
    """Return the number, or refuse NaN, infinity and what is no number.

    Raises:
        InvalidInputError: With ``path`` as the place of the fault.

    Examples:
        >>> require_finite("effect", 1)
        1.0
    """
    try:
        number = float(value)
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at(path, f"needs a number, got {value!r}") from error
    if not math.isfinite(number):
        raise InvalidInputError.at(path, f"needs a finite number, got {value!r}")
    return number


def require_positive(path: str, value: float) -> float:
    """Return the number, or refuse what is not finite and above 0.

    Raises:
        InvalidInputError: With ``path`` as the place of the fault.

    Examples:
        >>> require_positive("se", 0.5)
        0.5
    """
    number = require_finite(path, value)
    if number <= 0:
        raise InvalidInputError.at(path, f"must be above 0, got {value!r}")
    return number


def require_between(path: str, value: float, low: float = 0.0, high: float = 1.0) -> float:
    """Return the number, or refuse what does not lie strictly between two limits.

    Raises:
        InvalidInputError: With ``path`` as the place of the fault.

    Examples:
        >>> require_between("alpha", 0.05)
        0.05
    """
    number = require_finite(path, value)
    if not low < number < high:
        raise InvalidInputError.at(path, f"must lie between {low:g} and {high:g}, got {value!r}")
    return number


def require_choice(path: str, value: object, allowed: Sequence[object]) -> None:
    """Refuse a value that is not one of those allowed.

    Raises:
        InvalidInputError: With ``path`` as the place of the fault and the values allowed.
    """
    if value not in allowed:
        names = ", ".join(str(one) for one in allowed)
        raise InvalidInputError.at(path, f"must be one of {names}, got {value!r}")


def require_count(path: str, value: int, low: int = 0) -> int:
    """Return the whole number, or refuse fractions, truth values and what is below ``low``.

    Raises:
        InvalidInputError: With ``path`` as the place of the fault.

    Examples:
        >>> require_count("n", 3)
        3
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise InvalidInputError.at(path, f"must be a whole number of at least {low}, got {value!r}")
    return int(value)


def as_finite_array(path: str, values: npt.ArrayLike, *, positive: bool = False) -> FloatArray:
    """Read numbers as an array of float64, refusing NaN, infinity and (if asked) what is not above 0.

    Raises:
        InvalidInputError: With ``path`` as the place of the fault.

    Examples:
        >>> as_finite_array("effects", [1, 2]).tolist()
        [1.0, 2.0]
    """
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at(path, "needs numbers") from error
    if not np.all(np.isfinite(array)):
        raise InvalidInputError.at(path, "needs finite numbers")
    if positive and not np.all(array > 0):
        raise InvalidInputError.at(path, "needs numbers above 0")
    return array


def as_pair_of_rows(
    effects: npt.ArrayLike, ses: npt.ArrayLike, *, least: int = 1
) -> tuple[FloatArray, FloatArray]:
    """Read effects and their standard errors as two one-dimensional arrays of one length.

    Raises:
        InvalidInputError: If the shapes differ, there are fewer than ``least``, or a number is bad.
    """
    effect = as_finite_array("effects", effects)
    se = as_finite_array("ses", ses, positive=True)
    if effect.ndim != 1 or effect.shape != se.shape:
        raise InvalidInputError.at("ses", f"needs one per effect: {effect.shape} against {se.shape}")
    if effect.size < least:
        raise InvalidInputError.at("effects", f"needs at least {least}, got {effect.size}")
    return effect, se
