"""The ASOS Digital Experiments Dataset (Liu, Cardoso, Couturier, McCoy, NeurIPS 2021): what its datasheet says.

Source of the expected numbers: the datasheet, and the README beside the data (recomputed with statsmodels).
Skipped where the data are absent.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.errors import InvalidInputError
from abplat.stats import (
    Comparison,
    ComparisonPlan,
    Moments,
    SampleRatioCheck,
    check_sample_ratio,
    compare,
    compare_rows,
)

PATH = Path(__file__).resolve().parents[3] / "shared/data/real/asos_digital_experiments.parquet"
NORMAL = ComparisonPlan(reference="normal")


@pytest.fixture(scope="module")
def rows() -> Any:
    """Read every look, or skip."""
    if not PATH.exists():
        pytest.skip("the data set is not here")
    import pandas as pd

    found = pd.read_parquet(PATH)
    return found.sort_values("time_since_start")


def read_arm(row: Any, arm: str) -> Moments:
    """Make a record of an arm from its count, mean and variance (divided by n, as the binary metric shows)."""
    n, mean, variance = (getattr(row, f"{name}_{arm}") for name in ("count", "mean", "variance"))
    return Moments(("y",), int(n), (mean,), (0.0,), (variance * n,))


def test_the_size_is_that_of_the_datasheet(rows: Any) -> None:
    """78 experiments, 99 treatments, 24,153 rows, 4 metrics; 778 and 779 variances missing."""
    assert len(rows) == 24_153
    assert rows.experiment_id.nunique() == 78
    assert len(rows[["experiment_id", "variant_id"]].drop_duplicates()) == 99
    assert sorted(rows.metric_id.unique()) == [1, 2, 3, 4]
    assert (rows.variance_c.isna().sum(), rows.variance_t.isna().sum()) == (778, 779)


def test_the_last_looks_show_as_many_effects_as_known(rows: Any) -> None:
    """Unpooled z below 0.05 in 26 of 99, 27 of 94, 25 of 94 and 27 of 94 treatments for metrics 1 to 4."""
    last = rows.groupby(["experiment_id", "variant_id", "metric_id"]).tail(1).dropna()
    counted = {}
    for metric, looks in last.groupby("metric_id"):
        pairs = [(read_arm(row, "t"), read_arm(row, "c")) for row in looks.itertuples()]
        treatment, control = zip(*pairs, strict=True)
        found = [f for f in compare_rows(treatment, control, NORMAL) if isinstance(f, Comparison)]
        counted[int(metric)] = (sum(f.p_value < 0.05 for f in found), len(found))

    assert counted == {1: (26, 99), 2: (27, 94), 3: (25, 94), 4: (27, 94)}


def test_twelve_splits_are_not_equal(rows: Any) -> None:
    """A screening: the planned weights are not in the data."""
    last = rows[rows.metric_id == 1].groupby(["experiment_id", "variant_id"]).tail(1)
    checks = [
        check_sample_ratio({"c": int(row.count_c), "t": int(row.count_t)}, {"c": 1, "t": 1})
        for row in last.itertuples()
    ]

    assert len(checks) == 99
    assert sum(isinstance(check, SampleRatioCheck) and check.p_value < 0.001 for check in checks) == 12


def test_a_missing_variance_is_refused_by_name(rows: Any) -> None:
    """The datasheet warns of it: no NaN may come out where one went in."""
    row = next(rows[rows.variance_t.isna()].itertuples())

    with pytest.raises(InvalidInputError):
        read_arm(row, "t")


def test_the_lost_telemetry_of_162a38_is_seen_at_day_38(rows: Any) -> None:
    """One look at which control's events are missing: a spike of four standard errors, gone half a day later."""
    looks = rows[(rows.experiment_id == "162a38") & (rows.metric_id == 1)]
    found = {
        float(row.time_since_start): compare(read_arm(row, "t"), read_arm(row, "c"), NORMAL)
        for row in looks[looks.time_since_start.isin([37.5, 38.0, 38.5])].itertuples()
    }
    scores = {day: each.effect / each.se for day, each in found.items()}  # type: ignore[union-attr]

    assert scores[38.0] > 4
    assert max(abs(scores[37.5]), abs(scores[38.5])) < 1
    assert np.isfinite(list(scores.values())).all()
