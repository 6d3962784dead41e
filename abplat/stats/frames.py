"""From a data frame to records: pandas, Polars, Arrow, or a mapping of columns.

No frame library is imported here. A frame that offers ``frame[column].to_numpy()`` is read that
way; any other that speaks the Arrow PyCapsule interface is read through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.moments import FloatArray, Moments
from abplat.stats.risk_table import RiskTable

Frame: TypeAlias = Any
"""A table with named columns: pandas, Polars, pyarrow, arro3, or a mapping of arrays."""

T = TypeVar("T")

Labels = npt.NDArray[np.intp]


def moments_from_frame(  # noqa: PLR0913 - options by name
    frame: Frame,
    outcome: str,
    variant: str,
    *,
    denominator: str | None = None,
    covariates: str | Sequence[str] = (),
    strata: str | None = None,
    unit: str | None = None,
) -> dict[str, Moments] | dict[str, dict[str, Moments]]:
    """Make the moment records of each variant from a data frame.

    Why: every comparison starts from records, and the usual mistake is made before it: rows that
    are visits, not customers. With ``unit`` the rows are added up to units first. A covariate may
    be missing for new units: it becomes 0 there, and a second covariate marks them, so that no
    unit is lost.

    Args:
        frame: One row per unit; with ``unit`` any number of rows per unit. pandas, Polars,
            pyarrow, arro3, anything with the Arrow PyCapsule interface, or a mapping of columns.
        outcome: Column of the outcome, in the unit of the metric; with ``unit`` it is summed.
        variant: Column of the variant; one per unit.
        denominator: Column of the denominator of a ratio; with ``unit`` it is summed.
        covariates: Column, or columns, known before exposure; one value per unit.
        strata: Column of the stratum known before exposure; one per unit.
        unit: Column of the unit of assignment, where the frame has several rows per unit.

    Returns:
        One record per variant; with ``strata`` one per variant and stratum. Keys are texts. All
        records share one shift, so they add up exactly.

    Raises:
        InvalidInputError: If a column is missing or holds no numbers, an outcome or label is
            missing, or a unit has several variants, strata or covariate values.

    References:
        The statistics of a ratio by unit follow Deng, Knoblich, Lu (2018); the indicator of a
        missing covariate, Zhao, Ding (2024), JASA, section 3 (missingness-indicator method).

    Examples:
        >>> frame = {"arm": ["t", "c", "t", "t"], "spend": [3.0, 1.0, 2.0, 4.0], "who": [1, 2, 1, 3]}
        >>> found = moments_from_frame(frame, "spend", "arm", unit="who")
        >>> found["t"].n, found["t"].mean
        (2, array([4.5]))
    """
    names = [covariates] if isinstance(covariates, str) else list(covariates)
    table = {"y": _read_numbers(frame, outcome)}
    if denominator is not None:
        table["d"] = _read_numbers(frame, denominator)
    known = {name: _read_numbers(frame, name, may_miss=True) for name in names}
    labels = {name: _read_labels(frame, name) for name in (variant, strata) if name is not None}
    if unit is not None:
        keys = _read_labels(frame, unit)[1]
        table = {name: np.bincount(keys, values).astype(np.float64) for name, values in table.items()}
        known = {name: _take_one(name, values, keys) for name, values in known.items()}
        labels = {name: (levels, _take_label(name, code, keys)) for name, (levels, code) in labels.items()}
    covariate = _mark_missing(known)
    shift = _record(table, covariate, np.arange(table["y"].size), None).shift
    return _split(labels, variant, strata, lambda rows: _record(table, covariate, rows, shift))


def risk_tables_from_frame(  # noqa: PLR0913 - options by name
    frame: Frame,
    time: str,
    observed: str,
    variant: str,
    *,
    tau: float | None = None,
    n_bins: int | None = None,
    strata: str | None = None,
) -> dict[str, RiskTable] | dict[str, dict[str, RiskTable]]:
    """Make the risk tables of each variant from a data frame.

    Args:
        frame: One row per unit, as for ``moments_from_frame``.
        time: Column of the time to event or to last sight, not negative, in one unit of time.
        observed: Column that says whether the event was seen (true or 1).
        variant: Column of the variant.
        tau: Horizon: a later time is censored at tau.
        n_bins: Regular bins up to the horizon; left out, one bin per distinct time.
        strata: Column of the stratum known before exposure.

    Returns:
        One table per variant; with ``strata`` one per variant and stratum. Keys are texts.

    Raises:
        InvalidInputError: If a column is missing, a value is missing, or as for
            ``RiskTable.from_times``.

    References:
        Kaplan, Meier (1958): events and units at risk per time are sufficient.

    Examples:
        >>> frame = {"arm": ["t", "t", "c"], "days": [2, 5, 4], "done": [True, False, True]}
        >>> risk_tables_from_frame(frame, "days", "done", "arm")["t"].events
        (1, 0)
    """
    times, seen = _read_numbers(frame, time), _read_numbers(frame, observed)
    labels = {name: _read_labels(frame, name) for name in (variant, strata) if name is not None}
    return _split(
        labels, variant, strata, lambda rows: RiskTable.from_times(times[rows], seen[rows], tau, n_bins)
    )


def _split(
    labels: Mapping[str, tuple[list[str], Labels]],
    variant: str,
    strata: str | None,
    make: Callable[[Labels], T],
) -> dict[str, T] | dict[str, dict[str, T]]:
    """Make something of the rows of each variant, or of each variant and stratum that has rows."""
    levels, code = labels[variant]
    chosen = {level: np.flatnonzero(code == i) for i, level in enumerate(levels)}
    if strata is None:
        return {level: make(rows) for level, rows in chosen.items()}
    cells, place = labels[strata]
    return {
        level: {
            cell: make(rows[place[rows] == j]) for j, cell in enumerate(cells) if (place[rows] == j).any()
        }
        for level, rows in chosen.items()
    }


def _read_column(frame: Frame, name: str) -> npt.NDArray[Any]:
    """Read one column of any frame as an array of numpy."""
    try:
        column = frame[name] if hasattr(frame, "__getitem__") else _read_arrow(frame)[name]
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise InvalidInputError.at(name, "is no column of the frame") from error
    except Exception as error:
        # Each frame library has an error class of its own for a column that is not there.
        if "notfound" not in type(error).__name__.lower():
            raise
        raise InvalidInputError.at(name, "is no column of the frame") from error
    if hasattr(column, "to_numpy"):
        return np.asarray(column.to_numpy())
    return np.asarray(column)


def _read_arrow(frame: Frame) -> Any:
    """Read a frame that only speaks the Arrow PyCapsule interface."""
    if not hasattr(frame, "__arrow_c_stream__"):
        raise InvalidInputError.at("frame", "must be a data frame, an Arrow table or a mapping of columns")
    from arro3.core import Table  # noqa: PLC0415 - only frames without columns of their own need it

    return Table.from_arrow(frame)


def _read_numbers(frame: Frame, name: str, *, may_miss: bool = False) -> FloatArray:
    """Read a column of numbers; a missing one is NaN where allowed, else refused."""
    column = _read_column(frame, name)
    if column.dtype == object:
        column = np.array([np.nan if value is None else value for value in column.tolist()])
    try:
        values = column.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise InvalidInputError.at(name, "must hold numbers") from error
    missing = int(np.isnan(values).sum())
    if missing and not may_miss:
        message = f"has {missing} missing values; fill them (0 for nobody who did it) or drop the rows first"
        raise InvalidInputError.at(name, message)
    return values


def _read_labels(frame: Frame, name: str) -> tuple[list[str], Labels]:
    """Read a column of labels: the distinct ones as texts, and the place of each row's among them."""
    column = _read_column(frame, name)
    if column.dtype.kind == "f" and np.isnan(column).any():
        raise InvalidInputError.at(name, "has missing values; drop these rows or name them first")
    if column.dtype == object:
        if any(value is None or value != value for value in column.tolist()):  # noqa: PLR0124 - NaN
            raise InvalidInputError.at(name, "has missing values; drop these rows or name them first")
        column = column.astype(str)
    levels, code = np.unique(column, return_inverse=True)
    return [str(level) for level in levels.tolist()], code


def _take_one(name: str, values: FloatArray, keys: Labels) -> FloatArray:
    """Return the one value of each unit; several are refused."""
    first = np.full(int(keys.max(initial=-1)) + 1, np.nan)
    first[keys[::-1]] = values[::-1]
    same = (values == first[keys]) | (np.isnan(values) & np.isnan(first[keys]))
    if not same.all():
        raise InvalidInputError.at(
            name, f"differs within {np.unique(keys[~same]).size} units; it needs one value each"
        )
    return first


def _take_label(name: str, code: Labels, keys: Labels) -> Labels:
    """Return the one label of each unit; several are refused."""
    first = np.zeros(int(keys.max(initial=-1)) + 1, dtype=np.intp)
    first[keys[::-1]] = code[::-1]
    crossed = np.unique(keys[code != first[keys]]).size
    if crossed:
        raise InvalidInputError.at(
            name, f"differs within {crossed} units; drop them, or keep the first value seen"
        )
    return first


def _mark_missing(known: Mapping[str, FloatArray]) -> FloatArray | None:
    """Lay covariates side by side; where one is missing it is 0, and another column says so."""
    columns = []
    for values in known.values():
        missing = np.isnan(values)
        columns.append(np.where(missing, 0.0, values))
        if missing.any():
            columns.append(missing.astype(np.float64))
    return np.column_stack(columns) if columns else None


def _record(
    table: Mapping[str, FloatArray],
    covariate: FloatArray | None,
    rows: npt.NDArray[np.intp],
    shift: Sequence[float] | None,
) -> Moments:
    """Make the record of some rows."""
    bottom = table["d"][rows] if "d" in table else None
    known = covariate[rows] if covariate is not None else None
    return Moments.from_values(table["y"][rows], bottom, known, shift=shift)
