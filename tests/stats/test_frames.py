"""From data frames to records, and how results look."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from abplat import stats
from abplat.errors import InvalidInputError
from abplat.stats import (
    Moments,
    NotComputable,
    RiskTable,
    compare,
    moments_from_frame,
    risk_tables_from_frame,
)
from abplat.stats.display import Bar, draw_intervals, find_bars, format_value


def make_visits(n_units: int = 300) -> pd.DataFrame:
    """Make visits of units, several each, with what was known before."""
    rng = np.random.default_rng(9)
    visits = rng.integers(1, 6, n_units)
    unit = np.repeat(np.arange(n_units), visits)
    return pd.DataFrame(
        {
            "who": [f"cust:{u}" for u in unit],
            "arm": np.where(unit % 2 == 0, "treatment", "control"),
            "persona": np.where(unit % 3 == 0, "new", "loyal"),
            "spend": rng.gamma(2.0, 10.0, unit.size),
            "items": rng.integers(1, 4, unit.size),
            "before": np.repeat(rng.gamma(2.0, 30.0, n_units), visits),
        }
    )


class OnlyCapsule:
    """A frame that has nothing but the Arrow PyCapsule interface."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


def make_polars(frame: pd.DataFrame) -> Any:
    """Return a Polars frame, where Polars is installed."""
    polars = pytest.importorskip("polars")
    return polars.DataFrame({name: frame[name].tolist() for name in frame})


KINDS = {
    "pandas": lambda frame: frame,
    "pyarrow": pa.Table.from_pandas,
    "arro3": lambda frame: __import__("arro3.core").core.Table.from_arrow(pa.Table.from_pandas(frame)),
    "capsule": lambda frame: OnlyCapsule(pa.Table.from_pandas(frame)),
    "mapping": lambda frame: {name: frame[name].tolist() for name in frame},
    "polars": make_polars,
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_frame_gives_the_same_records(kind: str) -> None:
    """Visits are added up to units; oracle: pandas groupby."""
    visits = make_visits()
    found = moments_from_frame(
        KINDS[kind](visits), "spend", "arm", denominator="items", covariates="before", unit="who"
    )

    units = visits.groupby("who").agg(
        spend=("spend", "sum"), items=("items", "sum"), before=("before", "first"), arm=("arm", "first")
    )
    for arm, rows in units.groupby("arm"):
        values = rows[["spend", "items", "before"]].to_numpy()
        assert found[arm].n == len(rows)
        assert found[arm].mean == pytest.approx(values.mean(axis=0), rel=1e-10)
        assert found[arm].covariance == pytest.approx(np.cov(values.T), rel=1e-9)


def test_strata_share_one_shift_and_add_up() -> None:
    """One record per stratum; together they are the record without strata."""
    units = make_visits().drop_duplicates("who")
    units["spend"] += 1e9
    parts = moments_from_frame(units, "spend", "arm", strata="persona")
    whole = moments_from_frame(units, "spend", "arm")

    assert set(parts["control"]) == {"new", "loyal"}
    assert parts["control"]["new"].shift == parts["treatment"]["loyal"].shift != (0.0,)
    assert (parts["control"]["new"] + parts["control"]["loyal"]).sum == pytest.approx(whole["control"].sum)


def test_a_mean_of_a_thousand_million_keeps_eight_digits() -> None:
    """Mean 1e9 with standard deviation 1: the variance is not lost (gbstats: 939)."""
    rng = np.random.default_rng(1)
    small = rng.normal(0, 1, 20_000)
    frame = {"y": 1e9 + small, "arm": np.tile(["t", "c"], 10_000)}
    found = moments_from_frame(frame, "y", "arm")

    exact = np.asarray(frame["y"]) - 1e9
    wanted = compare(Moments.from_values(exact[::2]), Moments.from_values(exact[1::2]))
    result = compare(found["t"], found["c"])
    assert result.se == pytest.approx(wanted.se, rel=1e-8)
    assert result.effect == pytest.approx(wanted.effect, abs=2e-7)  # one unit in the last place of 1e9


def test_a_missing_covariate_is_zero_and_marked() -> None:
    """New customers have no past; they stay in, with an indicator of their own."""
    units = make_visits().drop_duplicates("who").reset_index(drop=True)
    units.loc[::4, "before"] = np.nan
    found = moments_from_frame(units, "spend", "arm", covariates=["before"])

    table = np.column_stack([units.before.fillna(0), units.before.isna()])
    chosen = (units.arm == "control").to_numpy()
    wanted = Moments.from_values(units.spend[chosen], covariate=table[chosen])
    assert found["control"].columns == ("y", "x", "x2")
    assert found["control"].covariance == pytest.approx(wanted.covariance)


def test_booleans_and_missing_values_of_arrow_are_read() -> None:
    """A flag is 0 or 1; a null covariate is missing."""
    table = pa.table({"y": [True, False, True], "arm": ["t", "t", "c"], "x": pa.array([1.0, None, 2.0])})
    found = moments_from_frame(table, "y", "arm", covariates="x")

    assert found["t"].mean[0] == 0.5
    assert found["t"].columns == ("y", "x", "x2")
    objects = {"y": [1, 0], "arm": ["t", "c"], "x": np.array([3, None], dtype=object)}
    assert moments_from_frame(objects, "y", "arm", covariates="x")["c"].mean[1] == 0.0


@pytest.mark.parametrize("kind", KINDS)
def test_risk_tables_come_from_frames(kind: str) -> None:
    """Oracle: RiskTable.from_times on the rows of each arm."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        {"days": rng.integers(1, 30, 200), "done": rng.random(200) < 0.6, "arm": np.tile(["t", "c"], 100),
         "persona": np.repeat(["a", "b"], 100)}
    )  # fmt: skip
    found = risk_tables_from_frame(KINDS[kind](frame), "days", "done", "arm", tau=20)
    strata = risk_tables_from_frame(
        KINDS[kind](frame), "days", "done", "arm", tau=20, n_bins=40, strata="persona"
    )

    rows = frame[frame.arm == "t"]
    assert found["t"] == RiskTable.from_times(rows.days, rows.done, 20)
    assert strata["t"]["a"] + strata["t"]["b"] == RiskTable.from_times(rows.days, rows.done, 20, 40)


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.drop(columns="spend"),
        lambda f: f.assign(spend="a lot"),
        lambda f: f.assign(spend=np.nan),
        lambda f: f.assign(arm=np.where(f.index == 3, None, f.arm)),
        lambda f: f.assign(arm=np.where(f.index == 3, np.nan, 1.0)),
        lambda f: f.assign(arm=np.where(f.index % 2 == 0, "treatment", "control")),
        lambda f: f.assign(before=f.index.to_numpy(float)),
        lambda _: 7,
    ],
    ids=["no column", "texts", "missing", "no arm", "nan arm", "crossed", "two values", "no frame"],
)
def test_a_broken_frame_is_refused(change: Any) -> None:
    """The message names the column."""
    with pytest.raises(InvalidInputError):
        moments_from_frame(change(make_visits()), "spend", "arm", covariates="before", unit="who")


def test_a_missing_column_of_another_library_is_refused() -> None:
    """A frame may raise an error class of its own; other errors pass through."""

    class ColumnNotFoundError(Exception):
        pass

    class Frame:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def __getitem__(self, name: str) -> object:
            raise self.error

    with pytest.raises(InvalidInputError):
        moments_from_frame(Frame(ColumnNotFoundError()), "y", "arm")
    with pytest.raises(RuntimeError):
        moments_from_frame(Frame(RuntimeError()), "y", "arm")


def test_no_frame_library_is_loaded() -> None:
    """Loading the package imports neither pandas, nor Polars, nor an Arrow library, nor statsmodels."""
    code = (
        "import sys, abplat.stats; "
        "print(sorted({'pandas', 'polars', 'pyarrow', 'arro3', 'statsmodels'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def make_cells() -> dict[str, Moments]:
    """Make two rows without an effect."""
    values = np.random.default_rng(8).normal(0, 1, 150)
    return {"a": Moments.from_values(values), "b": Moments.from_values(values)}


def make_results() -> dict[str, Any]:
    """Make one result of each look."""
    rng = np.random.default_rng(5)
    rows = {v: (rng.normal(0.3 * i, 1, 200), rng.normal(0, 1, 200)) for i, v in enumerate(["<web>", "shop"])}
    arms = [{v: Moments.from_values(pair[i]) for v, pair in rows.items()} for i in (0, 1)]
    table = RiskTable.from_times([1, 2, 3, 4], [True, False, True, True])
    return {
        "comparison": compare(arms[0]["shop"], arms[1]["shop"]),
        "breakdown": stats.break_down(*arms),
        "reason": NotComputable("no_units"),
        "curve": stats.kaplan_meier(table),
        "split": stats.check_sample_ratio({"c": 5, "t": 9}, {"c": 1, "t": 1}),
        "scores": stats.check_response(stats.Scores({5: 60}, 99), stats.Scores({5: 70}, 99)),
        "rows": stats.shrink_effects([0.1, 0.3], [0.1, 0.2]),
    }


@pytest.mark.parametrize("name", make_results())
def test_results_are_well_formed_html(name: str) -> None:
    """Tags close, texts are escaped, and no number is printed as nan."""
    html = stats.to_html(make_results()[name])

    root = ET.fromstring(html)
    assert root.tag == "div"
    assert "<web>" not in html
    assert "nan" not in "".join(root.itertext()).lower().split()
    assert ("svg" in html) == (name not in ("reason", "split"))


def test_every_exported_result_can_be_shown() -> None:
    """A notebook asks each of them for _repr_html_."""
    exported = [getattr(stats, name) for name in stats.__all__]
    results = [thing for thing in exported if isinstance(thing, type) and dataclasses.is_dataclass(thing)]

    assert len(results) > 30
    assert all(callable(getattr(thing, "_repr_html_", None)) for thing in results)
    assert make_results()["split"]._repr_html_() == stats.to_html(make_results()["split"])


def test_a_picture_says_what_it_shows() -> None:
    """A better, a worse and an open interval differ in colour, and the label has the numbers."""
    svg = draw_intervals([Bar("up", 2, 1, 3), Bar("down", -2, -3, -1), Bar("open", 0, -1, 1)])

    assert [colour in svg for colour in ("#1a7f4b", "#b3261e", "#5f6368")] == [True] * 3
    assert "up 2 (1 to 3); down -2 (-3 to -1)" in svg
    assert find_bars(make_results()["breakdown"])[0][1].name == "shop"
    inner = stats.break_down(make_cells(), make_cells())
    assert "p = 1" in stats.to_html((inner,))
    assert stats.to_html(()).endswith("<p>–</p></div>")
    assert "<p>3</p>" in stats.to_html(3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "True"),
        (1234567, "1234567"),
        (1e-9, "1e-09"),
        ({"a": 1.0}, "a: 1"),
        ([1] * 13, "1, " * 12 + "…"),
    ],
)
def test_values_are_short(value: Any, text: str) -> None:
    """Four digits; long sequences are cut."""
    assert format_value(value) == text
