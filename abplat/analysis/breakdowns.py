"""The breakdowns section of a Report: the primary effect by kinds of customers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Final, NamedTuple

import msgspec
import numpy as np

from abplat import stats
from abplat.analysis.dimensions import Values, read_dimension
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered, IntArray
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.slices import Records, Slicer, contrast, slice_primary
from abplat.domain.report_breakdowns import Breakdown, BreakdownRow, BreakdownsSection

MAX_ROWS: Final = 60
NOT_KNOWN: Final = "not_known"
ONE_VALUE: Final = "one_value"

Value = tuple[str, ...]


class _Broken(NamedTuple):
    """The records of one breakdown, or why there are none."""

    dimensions: Value
    records: dict[Value, Records]
    reason: str | None = None


def break_down(gathered: Gathered, plan: AnalysisPlan) -> BreakdownsSection | None:
    """Break the primary effect down by every planned dimension, or pair of them.

    Only what was known before the exposure divides customers here, so both arms of a row hold the
    same kind of people. The interaction test is asked first; Holm answers for the number of
    breakdowns, Benjamini-Hochberg for the rows of each.
    """
    if not gathered.mature.any() or gathered.encounters is None:
        return None
    slicer = slice_primary(gathered, plan)
    broken = [_slice(dimensions, gathered, plan, slicer) for dimensions in plan.dimensions]
    found = [
        row for place in range(1, len(plan.variants)) for row in _judge_variant(plan, place, broken, slicer)
    ]
    return BreakdownsSection(note=_note(found, plan), breakdowns=tuple(found))


def _slice(dimensions: Value, gathered: Gathered, plan: AnalysisPlan, slicer: Slicer) -> _Broken:
    """Add the primary metric up over the values of one or two dimensions."""
    columns = [read_dimension(name, gathered, plan) for name in dimensions]
    known = [column for column in columns if column is not None]
    if len(known) < len(columns):
        return _Broken(dimensions, {}, NOT_KNOWN)
    code, values = _cross(known)
    if any(len({value[place] for value in values}) < 2 for place in range(len(dimensions))):
        return _Broken(dimensions, {}, ONE_VALUE)
    size = np.bincount(code, minlength=len(values)).tolist()
    largest = sorted(range(len(values)), key=lambda place: (-size[place], values[place]))
    records = slicer.add_up(code, len(values))
    return _Broken(dimensions, {values[place]: records[place] for place in sorted(largest[:MAX_ROWS])})


def _cross(columns: Sequence[Values]) -> tuple[IntArray, list[Value]]:
    """Return the combination of each customer, and the combinations met, sorted."""
    code = columns[0].code
    for column in columns[1:]:
        code = code * len(column.names) + column.code
    combined = list(product(*(column.names for column in columns)))
    met = np.bincount(code, minlength=len(combined)) > 0
    place = np.cumsum(met) - 1
    return place[code], [value for value, is_met in zip(combined, met.tolist(), strict=True) if is_met]


def _judge_variant(
    plan: AnalysisPlan, place: int, broken: Sequence[_Broken], slicer: Slicer
) -> list[Breakdown]:
    """Compare one arm with control in every breakdown, with Holm over their interaction tests."""
    how = stats.BreakdownPlan(comparison=replace(slicer.comparison, alpha=plan.alpha))
    found = [
        None
        if each.reason
        else stats.break_down(
            {value: records[place] for value, records in each.records.items()},
            {value: records[0] for value, records in each.records.items()},
            how,
        )
        for each in broken
    ]
    tested = [_p(each.interaction) if each else None for each in found]
    asked = [p_value for p_value in tested if p_value is not None]
    adjusted = iter(stats.adjust_p_values(asked, method="holm") if asked else ())
    answers = [None if p_value is None else float(next(adjusted)) for p_value in tested]
    key = plan.variants[place].key
    return [
        _skip(key, each) if result is None else _describe(key, each.dimensions, result, answer, plan)
        for each, result, answer in zip(broken, found, answers, strict=True)
    ]


def _p(found: stats.Computed[stats.Heterogeneity] | None) -> float | None:
    """Return the p-value of a test that could be made."""
    return None if found is None or isinstance(found, stats.NotComputable) else plain(found.p_value)


def _skip(variant: str, broken: _Broken) -> Breakdown:
    """Say why there is no breakdown."""
    said = {
        NOT_KNOWN: "Nothing was known of this before the exposure.",
        ONE_VALUE: "All customers are alike in this.",
    }
    return Breakdown(
        variant=variant,
        dimensions=broken.dimensions,
        interaction_p=None,
        interaction_p_adjusted=None,
        differs=False,
        tau=None,
        i_squared=None,
        opposite_p=None,
        reading=said[broken.reason or NOT_KNOWN],
        reason=broken.reason,
    )


def _describe(
    variant: str, dimensions: Value, found: stats.Breakdown, answer: float | None, plan: AnalysisPlan
) -> Breakdown:
    """Write one breakdown."""
    test, differs = found.interaction, answer is not None and answer < plan.alpha
    spread = test if isinstance(test, stats.Heterogeneity) else None
    return Breakdown(
        variant=variant,
        dimensions=dimensions,
        interaction_p=_p(test),
        interaction_p_adjusted=answer,
        differs=differs,
        tau=plain(spread.tau) if spread else None,
        i_squared=plain(spread.i_squared) if spread else None,
        opposite_p=_test_signs(found),
        by_dimension_p=tuple(_p(each) for each in found.by_dimension),
        crossed_p=_p(found.crossed),
        rows=tuple(_row(variant, row) for row in found.rows),
        reading=_read(dimensions, answer, differs=differs),
        reason=test.reason if isinstance(test, stats.NotComputable) else None,
    )


def _test_signs(found: stats.Breakdown) -> float | None:
    """Test whether effects of both signs exist."""
    rows = [row.result for row in found.rows if isinstance(row.result, stats.Comparison)]
    if len(rows) < 2:
        return None
    test = stats.gail_simon([row.effect for row in rows], [row.se for row in rows])
    return None if isinstance(test, stats.NotComputable) else plain(test.p_value)


def _row(variant: str, row: stats.BreakdownRow) -> BreakdownRow:
    """Write one row."""
    shrunken = row.shrunken
    known = row.result if isinstance(row.result, stats.Comparison) else None
    return BreakdownRow(
        **msgspec.structs.asdict(contrast(variant, row.result)),
        value=row.value,
        n_control=row.n_control,
        n_treatment=row.n_treatment,
        control_value=plain(known.control_value) if known else None,
        treatment_value=plain(known.treatment_value) if known else None,
        p_adjusted=plain(row.adjusted_p),
        shrunken=plain(shrunken.effect) if shrunken else None,
        shrunken_ci_lower=plain(shrunken.ci_lower) if shrunken else None,
        shrunken_ci_upper=plain(shrunken.ci_upper) if shrunken else None,
        weight=plain(shrunken.weight) if shrunken else None,
    )


def _read(dimensions: Value, answer: float | None, *, differs: bool) -> str:
    """Say what to make of the rows."""
    named = " and ".join(name.replace("_", " ") for name in dimensions)
    if answer is None:
        return f"Too few customers to ask whether the effect differs by {named}."
    if differs:
        return f"The effect differs by {named}: read the rows, and their shrunken effects first."
    return f"No sign that the effect differs by {named}: read the whole, not the rows."


def _note(found: Sequence[Breakdown], plan: AnalysisPlan) -> str:
    """Say how many questions were asked."""
    asked = sum(row.interaction_p is not None for row in found)
    rows = sum(len(row.rows) for row in found)
    return (
        f"{asked} interaction tests and {rows} rows over the primary metric ({plan.primary.title}). The tests are "
        "adjusted by Holm within a variant, the rows by Benjamini-Hochberg within a breakdown; unadjusted, one of "
        "twenty rows stands out where nothing differs. Breakdowns explain and suggest the next test; they never decide."
    )
