"""Metrics summed over cells in one pass, customers counted by their journeys, queries compiled once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abplat import stats
from abplat.analysis.counted import Counted, count_customers, count_having
from abplat.analysis.evidence import list_queries
from abplat.analysis.metrics.rows import UnitRows, add_exactly, find_shift, make_records
from abplat.clock import to_micros
from abplat.domain.journeys import parse_journey
from abplat.facts.engines.scan import scan_aliases, scan_exposures, scan_touchpoints

from .simulated import START, make_shop_plan


def make_rows(n: int, seed: int = 1) -> tuple[UnitRows, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Return a ratio with a covariate, and a cell per customer, some in none."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(2.0, 50.0, (3, n))
    rows = UnitRows(values[0], "ratio", covariate=values[1], denominator=values[2])
    return rows, rng.integers(-1, 4, n)


@pytest.mark.parametrize("n", [0, 1, 50, 9_000])
def test_a_record_per_cell_is_that_of_its_customers(n: int) -> None:
    """Oracle: ``Moments.from_values`` over each cell by itself."""
    rows, cells = make_rows(n)
    shift = find_shift(rows, cells)
    records = make_records(rows, cells, 4, shift)

    for cell, record in enumerate(records):
        mine = cells == cell
        assert rows.denominator is not None
        assert rows.covariate is not None
        expected = stats.Moments.from_values(
            rows.values[mine], rows.denominator[mine], rows.covariate[mine], shift=shift
        )
        assert (record.columns, record.n, record.shift) == (expected.columns, expected.n, expected.shift)
        assert record.sum == pytest.approx(expected.sum, abs=1e-6)
        assert record.cross == pytest.approx(expected.cross)
        assert record.cube_y == pytest.approx(expected.cube_y)


def test_a_share_is_counted() -> None:
    """Oracle: the general sums."""
    rng = np.random.default_rng(3)
    values, cells = (rng.random(500) < 0.3).astype(float), rng.integers(-1, 3, 500)
    shares = make_records(UnitRows(values, "proportion"), cells, 3, (0.0,))

    assert find_shift(UnitRows(values, "proportion"), cells) == (0.0,)
    assert shares == make_records(UnitRows(values, "mean"), cells, 3, (0.0,))


def test_no_digit_of_a_long_sum_is_lost() -> None:
    """Oracle: ``math.fsum``; added up one by one, a million tenths are off in the twelfth digit."""
    values = np.full(1_000_000, 0.1)
    [record] = make_records(UnitRows(values, "mean"), np.zeros(values.size, np.int64), 1, (0.0,))

    assert record.sum[0] == pytest.approx(math.fsum(values), rel=1e-13)


@given(st.lists(st.tuples(st.integers(-1, 2), st.floats(-1e6, 1e6)), max_size=60))
def test_totals_are_exact(drawn: list[tuple[int, float]]) -> None:
    """Oracle: ``math.fsum``, whole numbers or not."""
    arms = np.array([arm for arm, _ in drawn], np.int64)
    for values in (np.array([value for _, value in drawn]), np.rint([value for _, value in drawn])):
        found = add_exactly(np.asarray(values, np.float64), arms, 3)

        assert found == [math.fsum(np.asarray(values)[arms == place]) for place in range(3)]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-1, 3), st.integers(-1, 3)), max_size=60))
def test_a_customer_counts_once_per_label(drawn: list[tuple[int, int, int]]) -> None:
    """Oracle: sets of customers."""
    drawn = sorted(drawn, key=lambda row: row[0])
    unit = np.array([row[0] for row in drawn], np.int64)
    labels = np.array([row[1:] for row in drawn], np.int64).reshape(-1, 2)
    counted = Counted(np.arange(unit.size), unit, unit % 2)
    expected = [
        [len({row[0] for row in drawn if row[0] % 2 == arm and label in row[1:]}) for label in range(4)]
        for arm in range(2)
    ]

    assert count_customers(counted, labels, 4, 2).tolist() == expected
    assert count_having(counted, labels[:, 0] == 3, 2) == [
        len({row[0] for row in drawn if row[0] % 2 == arm and row[1] == 3}) for arm in range(2)
    ]


@pytest.mark.parametrize("as_of_us", [5, to_micros(START)])
def test_a_query_compiled_once_is_the_one_compiled_for_its_instant(as_of_us: int) -> None:
    """Word for word."""
    plan = make_shop_plan()
    found = {query.name: query.sql for query in list_queries(plan, as_of_us)}

    assert found == {
        "exposures": scan_exposures(plan.experiment["key"], as_of_us),
        "aliases": scan_aliases(as_of_us),
        "touchpoints of buy": scan_touchpoints(parse_journey(plan.journeys["buy"]), as_of_us),
    }
