"""Shifted, not saved: what fell in one channel may have risen in another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from abplat.errors import InvalidInputError
from abplat.stats.comparison import ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.moments import Moments
from abplat.stats.multiplicity import adjust_p_values
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import upper_chi_square

ShiftState = Literal["shifted", "partly_shifted", "fewer", "more", "changed", "nothing_shown"]
NONE: Final = "none"
"""The class of units that did it in no channel."""
MIN_EXPECTED: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRow:
    """One class of units in both arms.

    Attributes:
        key: The class: a channel, or ``none``.
        control_count: Units of control in it.
        treatment_count: Units of treatment in it.
        effect: Difference of their shares; None where neither arm has any.
        ci_lower: Lower end of its interval.
        ci_upper: Upper end of it.
        p_value: Two-sided.
        p_holm: The same adjusted over the classes.
    """

    key: str
    control_count: int
    treatment_count: int
    effect: float | None
    ci_lower: float | None
    ci_upper: float | None
    p_value: float | None
    p_holm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftCheck:
    """Whether units moved from one channel to another rather than stopping.

    Attributes:
        state: ``shifted``: one channel fell, another rose, and the total is not shown to have
            changed; ``partly_shifted``: the same, and the total changed too; ``fewer`` or ``more``:
            the total changed and no channel went the other way; ``changed``: the classes differ in
            another way; ``nothing_shown``.
        statistic: Chi-square over all classes.
        df: Its degrees of freedom.
        p_value: Of equal shares in both arms, over all classes at once.
        rows: Every class; judged one by one only where ``p_value`` is below alpha.
        total: Units that did it in any channel.
        alpha: Error rate.
    """

    state: ShiftState
    statistic: float
    df: int
    p_value: float
    rows: tuple[ShiftRow, ...]
    total: ShiftRow
    alpha: float


def check_shift(
    control: Mapping[str, int], treatment: Mapping[str, int], alpha: float = 0.05
) -> Computed[ShiftCheck]:
    """Test whether something was moved to another channel rather than saved.

    Why: a change that keeps customers from calling looks like a saving until it is seen that they
    chat instead. Rule: each unit is in one class, so one chi-square test over all classes comes
    first; only if it rejects are classes judged one by one, with Holm, and the total on its own.

    Args:
        control: Units per class, each unit in exactly one; ``none`` for those without any.
        treatment: The same for treatment.
        alpha: Error rate.

    Returns:
        The check; ``no_units`` for an empty arm, ``zero_variance`` where all units are in one class.

    Raises:
        InvalidInputError: If a count is negative or alpha lies outside 0 to 1.

    References:
        Pearson (1900) for the test over classes; Shaffer (1986), JASA 81: after a rejected test
        over all classes, Holm over them keeps the family's error.

    Examples:
        >>> control = {"none": 700, "phone": 250, "chat": 50}
        >>> check_shift(control, {"none": 705, "phone": 150, "chat": 145}).state
        'shifted'
        >>> check_shift(control, {"none": 800, "phone": 150, "chat": 50}).state
        'fewer'
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    if any(count < 0 for arm in (control, treatment) for count in arm.values()):
        raise InvalidInputError.at("counts", "must not be negative")
    keys = sorted({*control, *treatment} - {NONE})
    counts = np.array(
        [[arm.get(key, 0) for key in (NONE, *keys)] for arm in (control, treatment)], np.float64
    )
    if not counts.sum(axis=1).all():
        return NotComputable("no_units")
    tested = _chi_square(counts)
    if tested is None:
        return NotComputable("zero_variance")
    statistic, df = tested
    p_value = float(upper_chi_square(statistic, df))
    n = (int(counts[0].sum()), int(counts[1].sum()))
    rows = _with_holm([_row(key, control.get(key, 0), treatment.get(key, 0), n, alpha) for key in keys])
    total = _row("any", n[0] - control.get(NONE, 0), n[1] - treatment.get(NONE, 0), n, alpha)
    state = _name(rows, total, alpha) if p_value < alpha else "nothing_shown"
    return ShiftCheck(
        state=state, statistic=statistic, df=df, p_value=p_value, rows=tuple(rows), total=total, alpha=alpha
    )


def _chi_square(counts: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> tuple[float, int] | None:
    """Return chi-square and degrees of freedom; classes with few expected units are taken together."""
    shares = counts.sum(axis=1) / counts.sum()
    expected = np.outer(shares, counts.sum(axis=0))
    is_small = expected.min(axis=0) < MIN_EXPECTED
    kept, rest = counts[:, ~is_small], counts[:, is_small].sum(axis=1)
    if kept.shape[1] and (shares * rest.sum()).min() < MIN_EXPECTED:
        # Even together they are few: they join the smallest of the others.
        kept[:, kept.sum(axis=0).argmin()] += rest
        rest = np.zeros(2)
    merged = np.column_stack([kept, rest])
    merged = merged[:, merged.sum(axis=0) > 0]
    if merged.shape[1] < 2:
        return None
    expected = np.outer(shares, merged.sum(axis=0))
    return float(((merged - expected) ** 2 / expected).sum()), merged.shape[1] - 1


def _row(key: str, control: int, treatment: int, n: tuple[int, int], alpha: float) -> ShiftRow:
    """Compare one class between the arms."""
    records = [
        Moments.from_sums(size, {"y": float(count)}, {"y*y": float(count)})
        for count, size in ((treatment, n[1]), (control, n[0]))
    ]
    found = compare(records[0], records[1], ComparisonPlan(alpha=alpha, kind="proportion"))
    known = None if isinstance(found, NotComputable) else found
    return ShiftRow(
        key=key,
        control_count=control,
        treatment_count=treatment,
        effect=known.effect if known else None,
        ci_lower=known.ci_lower if known else None,
        ci_upper=known.ci_upper if known else None,
        p_value=known.p_value if known else None,
        p_holm=known.p_value if known else None,
    )


def _with_holm(rows: list[ShiftRow]) -> list[ShiftRow]:
    """Adjust the p-values over the classes."""
    known = [row for row in rows if row.p_value is not None]
    adjusted = dict(
        zip((row.key for row in known), adjust_p_values([row.p_value or 0.0 for row in known]), strict=True)
    )
    return [_replace(row, adjusted.get(row.key)) for row in rows]


def _replace(row: ShiftRow, p_holm: float | None) -> ShiftRow:
    """Return a row with its adjusted p-value."""
    return ShiftRow(
        key=row.key,
        control_count=row.control_count,
        treatment_count=row.treatment_count,
        effect=row.effect,
        ci_lower=row.ci_lower,
        ci_upper=row.ci_upper,
        p_value=row.p_value,
        p_holm=p_holm,
    )


def _name(rows: list[ShiftRow], total: ShiftRow, alpha: float) -> ShiftState:
    """Name what happened."""
    sides = [_side(row, alpha) for row in rows]
    whole = _side(total, alpha)
    if 1 in sides and -1 in sides:
        return "partly_shifted" if whole else "shifted"
    if whole and -whole not in sides:
        return "fewer" if whole < 0 else "more"
    return "changed"


def _side(row: ShiftRow, alpha: float) -> int:
    """Return 1 where a class is shown to have grown, -1 where to have shrunk."""
    if row.p_holm is None or row.effect is None or row.p_holm >= alpha:
        return 0
    return 1 if row.effect > 0 else -1
