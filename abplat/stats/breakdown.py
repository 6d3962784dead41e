"""The effect by the values of one or two dimensions: the same records, not added up.

First one question (do the rows differ at all?), then the rows with an error rate for their
number, then each row pulled towards the others. Only what was known before exposure may be
judged: a dimension that the change can move compares different customers in each arm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple, TypeAlias

from abplat.errors import InvalidInputError
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.heterogeneity import (
    Heterogeneity,
    ShrunkenEffect,
    check_additivity,
    check_heterogeneity,
    shrink_effects,
)
from abplat.stats.inputs import require_choice
from abplat.stats.moments import Moments, pool_strata
from abplat.stats.multiplicity import adjust_p_values
from abplat.stats.result import Computed, NotComputable

Value: TypeAlias = str | tuple[str, ...]
"""A value of a dimension, or one value per dimension."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownPlan:
    """How an effect is broken down; fixed before the data are seen.

    Attributes:
        comparison: How the arms are compared in each row.
        min_units: A row with fewer units in an arm is shown without a result and takes no part in
            the tests: its variance is not known well enough.
        refit_units: Rows with more units than this in both arms find their own slopes; smaller
            ones take over those of all units.
        scale: Whether rows are held against each other by their ``absolute`` or ``relative`` effects:
            a change of +10 % everywhere is one effect on the relative scale and many on the absolute.
        is_pre_exposure: Whether the dimension was known before exposure. Without it the rows have
            intervals, but no test, no adjusted p-value and no shrunken effect.
    """

    comparison: ComparisonPlan = field(default_factory=ComparisonPlan)
    min_units: int = 100
    refit_units: int = 1000
    scale: Literal["absolute", "relative"] = "absolute"
    is_pre_exposure: bool = True

    def __post_init__(self) -> None:
        for name in ("min_units", "refit_units"):
            if getattr(self, name) < 2:
                raise InvalidInputError.at(name, f"must be at least 2, got {getattr(self, name)!r}")
        require_choice("scale", self.scale, ("absolute", "relative"))


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownRow:
    """The effect among the units with one value (or one value per dimension).

    Attributes:
        value: The value, one per dimension.
        n_treatment: Units in treatment.
        n_control: Units in control.
        result: The comparison, or why there is none.
        adjusted_p: Benjamini-Hochberg p-value over the rows judged; None where none is due.
        selected: For a row that Benjamini-Hochberg picks, its result again with intervals at
            1 - R alpha / m (R of m rows picked): of the intervals of picked rows at most alpha are
            expected to miss. None for all other rows, whose plain intervals are not to be read as
            findings.
        shrunken: The effect on the scale of the plan, pulled towards the mean of the rows; None where none is due.
    """

    value: tuple[str, ...]
    n_treatment: int
    n_control: int
    result: Computed[Comparison]
    adjusted_p: float | None = None
    selected: Comparison | None = None
    shrunken: ShrunkenEffect | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The effect by the values of one or two dimensions.

    Attributes:
        whole: The comparison of all units.
        rows: One per value, in the order in which the values were given.
        interaction: Whether the rows differ at all: read this before any row.
        by_dimension: With two dimensions, the same question for each on its own.
        crossed: With two dimensions, whether the rows differ by more than the sum of both.
    """

    whole: Computed[Comparison]
    rows: tuple[BreakdownRow, ...]
    interaction: Computed[Heterogeneity]
    by_dimension: tuple[Computed[Heterogeneity], ...] = ()
    crossed: Computed[Heterogeneity] | None = None


def break_down(
    treatment: Mapping[Value, Moments], control: Mapping[Value, Moments], plan: BreakdownPlan | None = None
) -> Breakdown:
    """Break an effect down by the values of one or two dimensions.

    Why: a change may help one persona and harm another, but twenty rows always show something.
    Rule: Cochran's Q over the rows first, then the rows with Benjamini-Hochberg, then shrunken
    effects; rows that are picked have intervals for picked rows. Small rows take over the slopes of the covariates from all units.

    Args:
        treatment: Record of the treated units per value; a value is a text, or a tuple of texts
            with one per dimension. Units are disjoint between the rows.
        control: The same for control. A value that one arm lacks has no units there.
        plan: Comparison, smallest row, whether the dimension is from before exposure.

    Returns:
        The rows with their tests; a row too small says ``too_few_units``, and a dimension from
        after exposure has no tests (``after_exposure``).

    Raises:
        InvalidInputError: If no value is given, values differ in their number of dimensions, or
            columns differ between the records.

    References:
        Cochran (1954); Benjamini, Hochberg (1995); Benjamini, Yekutieli (2005) (intervals of picked
        rows); DerSimonian, Laird (1986).

    Examples:
        >>> import numpy as np
        >>> rng = np.random.default_rng(1)
        >>> def arm(lifts):
        ...     return {k: Moments.from_values(rng.normal(v, 1.0, 800)) for k, v in lifts.items()}
        >>> found = break_down(arm({"web": 0.4, "shop": 0.0}), arm({"web": 0.0, "shop": 0.0}))
        >>> found.interaction.p_value < 0.001, [row.value for row in found.rows]
        (True, [('web',), ('shop',)])
    """
    plan = plan or BreakdownPlan()
    arms = [{_read_value(k): r for k, r in arm.items()} for arm in (treatment, control)]
    values = list(dict.fromkeys([*arms[0], *arms[1]]))
    if not values or len({len(value) for value in values}) > 1:
        raise InvalidInputError.at("values", "need at least one, all with the same number of dimensions")
    empty = _empty_record(next(iter({**arms[1], **arms[0]}.values())))
    pairs = {value: (arms[0].get(value, empty), arms[1].get(value, empty)) for value in values}
    whole = compare(*_pool(pairs.values()), plan.comparison)
    found = [_compare_row(pair, whole, plan) for pair in pairs.values()]
    judged = [row for row in found if row.effect is not None] if plan.is_pre_exposure else []
    crossed = len(values[0]) > 1
    return Breakdown(
        whole=whole,
        rows=_lay_out(dict(zip(values, found, strict=True)), judged, plan),
        interaction=_test(found, plan),
        by_dimension=tuple(
            _test_margin(pairs, place, whole, plan) for place in range(len(values[0]) if crossed else 0)
        ),
        crossed=_test_crossed(dict(zip(values, found, strict=True)), plan) if crossed else None,
    )


def _read_value(value: Value) -> tuple[str, ...]:
    """Return a value as a tuple with one text per dimension."""
    parts = (value,) if isinstance(value, str) else value
    if not isinstance(parts, tuple) or not parts or not all(isinstance(part, str) for part in parts):
        raise InvalidInputError.at("values", f"must be a text or a tuple of texts, got {value!r}")
    return parts


def _empty_record(like: Moments) -> Moments:
    """Make a record without units with the columns of another."""
    k = len(like.columns)
    return Moments(like.columns, 0, like.shift, (0.0,) * k, (0.0,) * (k * (k + 1) // 2))


def _pool(pairs: Iterable[tuple[Moments, Moments]]) -> tuple[Moments, Moments]:
    """Add up rows, arm by arm."""
    left, right = zip(*pairs, strict=True)
    return _add_up(left), _add_up(right)


def _add_up(records: Sequence[Moments]) -> Moments:
    """Add up records."""
    return pool_strata({str(i): record for i, record in enumerate(records)})


class _Effect(NamedTuple):
    """An effect on the scale of the plan, with its standard error."""

    point: float
    se: float


class _Row(NamedTuple):
    """A row as it is computed: its records, its own plan, its result, what the tests go by."""

    pair: tuple[Moments, Moments]
    plan: ComparisonPlan
    result: Computed[Comparison]
    effect: _Effect | None


def _compare_row(pair: tuple[Moments, Moments], whole: Computed[Comparison], plan: BreakdownPlan) -> _Row:
    """Compare the arms within a row, with slopes of its own only where it is large."""
    n = min(pair[0].n, pair[1].n)
    if n < plan.min_units:
        return _Row(pair, plan.comparison, NotComputable("too_few_units" if n else "no_units"), None)
    own = _plan_row(n, whole, plan)
    result = compare(*pair, own)
    return _Row(pair, own, result, _read_effect(pair, result, own, plan.scale))


def _plan_row(n: int, whole: Computed[Comparison], plan: BreakdownPlan) -> ComparisonPlan:
    """Choose the slopes of a row: its own above ``refit_units``, else those of all units."""
    own = plan.comparison
    if n > plan.refit_units or own.theta_rule in ("none", "fixed") or isinstance(whole, NotComputable):
        return own
    return replace(own, theta_rule="fixed", theta=whole.theta) if whole.theta else own


def _read_effect(
    pair: tuple[Moments, Moments], result: Computed[Comparison], plan: ComparisonPlan, scale: str
) -> _Effect | None:
    """Return what a row brings to the tests; None where it has no effect on the scale."""
    if isinstance(result, NotComputable):
        return None
    if scale == "absolute":
        return _Effect(result.effect, result.se)
    # The delta interval is symmetric, so its width gives the standard error of the relative effect.
    linear = compare(*pair, replace(plan, relative="delta", small_table="never"))
    if isinstance(linear, NotComputable) or linear.rel_ci_lower is None or linear.rel_ci_upper is None:
        return None
    share = (linear.rel_ci_upper - linear.rel_ci_lower) / (linear.ci_upper - linear.ci_lower)
    return _Effect(linear.rel_effect or 0.0, share * linear.se)


def _lay_out(
    rows: Mapping[tuple[str, ...], _Row], judged: Sequence[_Row], plan: BreakdownPlan
) -> tuple[BreakdownRow, ...]:
    """Give the rows that may be judged their adjusted p-values, intervals and shrunken effects."""
    alpha = plan.comparison.alpha
    p_values = [row.result.p_value for row in judged if isinstance(row.result, Comparison)]
    adjusted = adjust_p_values(p_values, "bh")
    shrunken = shrink_effects(*_list_effects(judged), alpha)
    level = alpha * sum(p <= alpha for p in adjusted) / max(len(judged), 1)
    laid = []
    for value, row in rows.items():
        place = next((i for i, other in enumerate(judged) if other is row), None)
        laid.append(
            BreakdownRow(
                value=value,
                n_treatment=row.pair[0].n,
                n_control=row.pair[1].n,
                result=row.result,
                adjusted_p=None if place is None else adjusted[place],
                selected=None if place is None or adjusted[place] > alpha else _select(row, level),
                shrunken=None if place is None else shrunken[place],
            )
        )
    return tuple(laid)


def _select(row: _Row, level: float) -> Comparison | None:
    """Compare a picked row again, with intervals for picked rows."""
    found = compare(*row.pair, replace(row.plan, alpha=level))
    return None if isinstance(found, NotComputable) else found


def _list_effects(rows: Sequence[_Row]) -> tuple[list[float], list[float]]:
    """Return the effects and their errors of the rows that have any."""
    found = [row.effect for row in rows if row.effect is not None]
    return [each.point for each in found], [each.se for each in found]


def _test(rows: Sequence[_Row], plan: BreakdownPlan) -> Computed[Heterogeneity]:
    """Test whether the rows differ, where that means anything."""
    if not plan.is_pre_exposure:
        return NotComputable("after_exposure")
    return check_heterogeneity(*_list_effects(rows))


def _test_margin(
    pairs: Mapping[tuple[str, ...], tuple[Moments, Moments]],
    place: int,
    whole: Computed[Comparison],
    plan: BreakdownPlan,
) -> Computed[Heterogeneity]:
    """Test whether the effect differs along one of several dimensions."""
    if not plan.is_pre_exposure:
        return NotComputable("after_exposure")
    levels = dict.fromkeys(value[place] for value in pairs)
    pooled = [_pool([pair for value, pair in pairs.items() if value[place] == level]) for level in levels]
    return check_heterogeneity(*_list_effects([_compare_row(pair, whole, plan) for pair in pooled]))


def _test_crossed(rows: Mapping[tuple[str, ...], _Row], plan: BreakdownPlan) -> Computed[Heterogeneity]:
    """Test whether the rows differ by more than the sum of their dimensions."""
    if not plan.is_pre_exposure:
        return NotComputable("after_exposure")
    kept = {value: row for value, row in rows.items() if row.effect is not None}
    return check_additivity(*_list_effects(list(kept.values())), list(kept))
