"""Moment records: made, added and checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.errors import InvalidInputError
from abplat.stats import Moments, NotComputable
from abplat.stats.moments import pool_strata

_NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


def test_mean_and_covariance_are_those_of_the_rows(arms: Any) -> None:
    """Oracle: numpy.mean and numpy.cov."""
    arm = arms[0]
    record = arm.record("d", "x", "xd")

    rows = np.stack([arm.y, arm.d, arm.x, arm.xd])
    assert record.columns == ("y", "d", "x", "xd")
    assert record.mean == pytest.approx(rows.mean(axis=1), rel=1e-12)
    assert record.covariance == pytest.approx(np.cov(rows), rel=1e-11)


def test_a_mean_of_1e9_with_sd_1_keeps_eight_digits() -> None:
    """Oracle: numpy.var of the values with the mean taken off in exact arithmetic."""
    values = np.random.default_rng(1).normal(1e9, 1, 100_000)
    parts = [Moments.from_values(part) for part in np.array_split(values, 7)]

    exact = np.var(values - 1e9, ddof=1)
    merged = pool_strata({str(i): part for i, part in enumerate(parts)})
    assert Moments.from_values(values).covariance[0, 0] == pytest.approx(exact, rel=1e-8)
    assert merged.covariance[0, 0] == pytest.approx(exact, rel=1e-8)


@settings(max_examples=60, deadline=None)
@given(first=_NUMBERS, second=_NUMBERS, same_shift=st.booleans())
def test_merging_equals_the_whole(first: list[float], second: list[float], *, same_shift: bool) -> None:
    """Merging, plainly or about different shifts, gives the record of all rows."""
    shifts = (3.0, 3.0) if same_shift else (3.0, -50.0)
    merged = Moments.from_values(first, shift=shifts[:1]) + Moments.from_values(second, shift=shifts[1:])
    whole = Moments.from_values([*first, *second])

    size = max(map(abs, [*first, *second, 50.0]))
    assert merged.n == whole.n
    assert merged.mean == pytest.approx(whole.mean, abs=1e-9 * size)
    if whole.n > 1:
        assert merged.covariance == pytest.approx(whole.covariance, abs=1e-8 * size**2)
    third = np.sum((np.array([*first, *second]) - whole.mean[0]) ** 3)
    shift, n = merged.shift[0], merged.n
    back = (
        merged.cube_y - 3 * (merged.mean[0] - shift) * merged.cross[0] + 2 * n * (merged.mean[0] - shift) ** 3
    )
    assert back == pytest.approx(third, abs=1e-7 * size**3 * n)


def test_adding_an_empty_record_changes_nothing() -> None:
    """A cell without units is the neutral element."""
    record = Moments.from_values([1.0, 2.0])
    empty = Moments.from_values([])

    assert record + empty == record
    assert empty + record == record
    assert empty.mean.size == 0
    assert empty.covariance == NotComputable("no_units")
    assert Moments.from_values([1.0]).covariance == NotComputable("too_few_units")


def test_a_missing_cube_stays_missing_when_records_are_added() -> None:
    """A sum of cubes is only known where both parts know theirs."""
    bare = Moments(("y",), 2, (0.0,), (3.0,), (5.0,))
    elsewhere = Moments(("y",), 2, (1.0,), (1.0,), (1.0,))

    assert (bare + Moments.from_values([1.0], shift=(0.0,))).cube_y is None
    assert (bare + elsewhere).cube_y is None


def test_merging_constant_columns_on_different_shifts_stays_possible() -> None:
    """Rounding must not turn the merge of good records into a broken one."""
    rows = np.array([[144_213.7, 0.1], [144_213.7, 0.1], [144_213.7, 0.1]])
    parts = [Moments.from_values(rows[:, 0], covariate=rows, shift=(s, s, 1.0)) for s in (3.0, -50.0, 1e3)]
    merged = parts[0] + parts[1] + parts[2]

    assert merged.n == 9
    assert merged.covariance == pytest.approx(np.zeros((3, 3)), abs=1e-4)


def test_several_covariates_are_named_in_order() -> None:
    """A table of covariates gives x, x2, x3, each with its denominator."""
    table = np.arange(6.0).reshape(3, 2)
    record = Moments.from_values([1, 2, 4], covariate=table, covariate_denominator=table + 1)

    assert record.columns == ("y", "x", "xd", "x2", "xd2")


def test_sums_of_a_database_are_read() -> None:
    """Sums about a shift give the record that the rows give."""
    rows = Moments.from_values([1.0, 2.0, 4.0], covariate=[1.0, 0.0, 3.0], shift=(2.0, 0.0))
    sums = {"y": rows.sum[0], "x": rows.sum[1]}
    products = dict(zip(("y*y", "y*x", "x*x"), rows.cross, strict=True))

    assert Moments.from_sums(3, sums, products, {"y": 2.0}, rows.cube_y) == rows


@pytest.mark.parametrize(
    ("made", "path"),
    [
        (lambda: Moments(("y",), -1, (0.0,), (0.0,), (0.0,)), "n"),
        (lambda: Moments(("y",), 2.0, (0.0,), (0.0,), (0.0,)), "n"),
        (lambda: Moments(("y",), n=True, shift=(0.0,), sum=(0.0,), cross=(0.0,)), "n"),
        (lambda: Moments(("y",), 0, (0.0,), (1.0,), (1.0,)), "n"),
        (lambda: Moments(("x",), 1, (0.0,), (1.0,), (1.0,)), "columns"),
        (lambda: Moments((), 1, (), (), ()), "columns"),
        (lambda: Moments(("y", "x", "d"), 0, (0.0,) * 3, (0.0,) * 3, (0.0,) * 6), "columns"),
        (lambda: Moments(("y", "xd"), 0, (0.0,) * 2, (0.0,) * 2, (0.0,) * 3), "columns"),
        (lambda: Moments(("y", "z"), 0, (0.0,) * 2, (0.0,) * 2, (0.0,) * 3), "columns"),
        (lambda: Moments(("y",), 1, (0.0, 0.0), (1.0,), (1.0,)), "shift"),
        (lambda: Moments(("y",), 1, (0.0,), (1.0,), ()), "cross"),
        (lambda: Moments(("y",), 1, (0.0,), (float("nan"),), (1.0,)), "sum"),
        (lambda: Moments(("y",), 1, (0.0,), (1.0,), (1.0,), float("inf")), "cube_y"),
        (lambda: Moments(("y",), 4, (0.0,), (8.0,), (15.0,)), "cross"),
        (lambda: Moments(("y",), 4, (0.0,), (0.0,), (-1.0,)), "cross"),
        (lambda: Moments(("y",), 4, (0.0,), (1.0,), (0.0,)), "cross"),
        (lambda: Moments(("y", "x"), 4, (0.0, 0.0), (0.0, 0.0), (1.0, 1.1, 1.0)), "cross"),
        (lambda: Moments(("y",), 4, (0.0,), (0.0,), (4.0,), 9.0), "cube_y"),
        (lambda: Moments.from_values([1.0, float("nan")]), "y[1]"),
        (lambda: Moments.from_values([[1.0]]), "y"),
        (lambda: Moments.from_values(["a"]), "y"),
        (lambda: Moments.from_values([1.0, 2.0], [1.0]), "values"),
        (lambda: Moments.from_values([1.0], shift=(0.0, 0.0)), "shift"),
        (lambda: Moments.from_values([1.0], covariate_denominator=[1.0]), "covariate_denominator"),
        (lambda: Moments.from_sums(1, {"y": 1.0}, {}), "products"),
        (lambda: Moments.from_sums(1, {"y": 1.0}, {"y*y": 1.0}, {"x": 1.0}), "shift"),
        (lambda: Moments.from_values([1.0]) + Moments.from_values([1.0], [1.0]), "columns"),
        (lambda: pool_strata({}), "strata"),
    ],
)
def test_a_broken_record_is_refused(made: Any, path: str) -> None:
    """Every broken record names the field that is wrong."""
    with pytest.raises(InvalidInputError) as caught:
        made()

    assert caught.value.problems[0].path == path


def test_a_record_adds_up_with_records_only() -> None:
    """Adding a number is a mistake of the caller."""
    with pytest.raises(TypeError):
        Moments.from_values([1.0]) + 1
