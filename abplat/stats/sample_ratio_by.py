"""Where a sample ratio mismatch comes from: the same test within each value of each dimension."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abplat.errors import InvalidInputError
from abplat.stats.multiplicity import adjust_p_values
from abplat.stats.result import Computed, NotComputable
from abplat.stats.sample_ratio import ALARM_P, SampleRatioCheck, check_sample_ratio

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatioRow:
    """The planned split among the units with one value of one dimension.

    Attributes:
        dimension: Dimension, such as ``channel``.
        value: Its value, such as ``app``.
        check: The chi-square test of its counts, or ``no_units``.
        adjusted_p: Holm p-value over all rows of all dimensions; None without units.
        contribution: Share of its chi-square in that of all values of the dimension, 0 to 1.
        rest: The test of all other values of the dimension together: what would be left.
        alarm: Whether the adjusted p-value is below 0.001, or units met a variant without weight.
    """

    dimension: str
    value: str
    check: Computed[SampleRatioCheck]
    adjusted_p: float | None
    contribution: float
    rest: Computed[SampleRatioCheck]
    alarm: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRatioBreakdown:
    """The planned split by the values of dimensions.

    Attributes:
        rows: One per value of each dimension.
        hint: Among the rows with an alarm, the one with the largest contribution; None where no
            row raises one. If its ``rest`` is as planned, the fault is there and nowhere else.
        alarm: Whether any row raises an alarm.
    """

    rows: tuple[SampleRatioRow, ...]
    hint: SampleRatioRow | None
    alarm: bool


def check_sample_ratio_by(counts: Counts, weights: Mapping[str, float]) -> SampleRatioBreakdown:
    """Test the planned split within each value of each dimension, to find where it breaks.

    Why: "the split is off" helps nobody; "it is off in the app and nowhere else" names the
    release. A split can also break in two values in opposite ways and look right as a whole.
    Rule: chi-square per value, Holm over all of them, and the largest share of chi-square as hint.

    Args:
        counts: Exposed units per dimension, value and variant; dimensions from before exposure.
        weights: Planned share of traffic per variant key, any scale, not negative.

    Returns:
        Rows and hint; a value without units says ``no_units``.

    Raises:
        InvalidInputError: If there is no row, or counts and weights are not as for
            ``check_sample_ratio``.

    References:
        Fabijan et al. (2019), section 5; Holm (1979).

    Examples:
        >>> counts = {"channel": {"web": {"c": 5000, "t": 5010}, "app": {"c": 900, "t": 700}}}
        >>> found = check_sample_ratio_by(counts, {"c": 1, "t": 1})
        >>> found.hint.value, round(found.hint.contribution, 3), found.hint.rest.alarm
        ('app', 1.0, False)
    """
    cells = [(dimension, value) for dimension, values in counts.items() for value in values]
    if not cells:
        raise InvalidInputError.at("counts", "needs at least one value of one dimension")
    checks = {(d, v): check_sample_ratio(counts[d][v], weights) for d, v in cells}
    seen = {cell: check for cell, check in checks.items() if isinstance(check, SampleRatioCheck)}
    adjusted = dict(zip(seen, adjust_p_values([c.p_value for c in seen.values()], "holm"), strict=True))
    totals = {d: sum(c.statistic for (of, _), c in seen.items() if of == d) for d in counts}
    rows = []
    for dimension, value in cells:
        check = checks[dimension, value]
        p_value = adjusted.get((dimension, value))
        is_stray = isinstance(check, SampleRatioCheck) and check.alarm and check.p_value >= ALARM_P
        statistic = check.statistic if isinstance(check, SampleRatioCheck) else 0.0
        rows.append(
            SampleRatioRow(
                dimension=dimension,
                value=value,
                check=check,
                adjusted_p=p_value,
                contribution=statistic / totals[dimension] if totals[dimension] > 0 else 0.0,
                rest=_check_rest(counts[dimension], value, weights),
                alarm=is_stray or (p_value is not None and p_value < ALARM_P),
            )
        )
    raised = [row for row in rows if row.alarm]
    hint = max(raised, key=lambda row: row.contribution, default=None)
    return SampleRatioBreakdown(rows=tuple(rows), hint=hint, alarm=bool(raised))


def _check_rest(
    values: Mapping[str, Mapping[str, int]], value: str, weights: Mapping[str, float]
) -> Computed[SampleRatioCheck]:
    """Test the units of all other values of a dimension together."""
    others = [counts for key, counts in values.items() if key != value]
    if not others:
        return NotComputable("no_units")
    return check_sample_ratio({k: sum(counts.get(k, 0) for counts in others) for k in weights}, weights)
