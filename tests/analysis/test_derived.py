"""From derived tables the same is read as from all facts, bit for bit, whatever came between."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.analysis.derived.changes import NEVER
from abplat.analysis.derived.kept import Kept
from abplat.analysis.derived.refresh import Refreshed, Wanted, refresh_project
from abplat.analysis.derived.replay import join_journeys, settle, take_journeys
from abplat.analysis.derived.tables import find_clean
from abplat.analysis.derived.units import refresh_units
from abplat.analysis.journeys.encode import EventColumns, FactColumns, encode_columns
from abplat.analysis.journeys.matcher import count_within, match_journeys
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.reading import list_wanted
from abplat.analysis.scorecard import analyse
from abplat.clock import from_micros
from abplat.config import Settings
from abplat.domain.identity_graph import COMMANDS
from abplat.domain.journeys import JourneyDefinition
from abplat.facts.derived import DerivedStore
from abplat.facts.identity_commands import RESERVED
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow

from .journey_strategies import CHANNELS, EVENTS, SECOND, definitions
from .late_facts import AS_OF_US, DAY, FIRST, PROJECT, Arrival, drain, make_arrivals, make_test_plan
from .test_engine import flatten, look, seal

JOURNEYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "once": {"reentry": "once", "window": "1d"},
    "restart": {"reentry": "restart", "inactivity": "6h"},
    "strict": {"ordering": "strict", "lateness": "3d"},
    "any": {"ordering": "any", "scope": ["call"], "window": "12h"},
    "short": {"window": "30m", "exclude": [{"match": [{"event": "call"}]}]},
    "call": {
        "scope": ["page"],
        "window": "2h",
        "exclude": [{"match": [{"event": "page"}], "after": "quote"}],
    },
}


def refresh(folder: Path, as_of_us: int, plans: list[AnalysisPlan], **options: Any) -> Refreshed:
    """Derive what plans ask for."""
    definitions, matches = list_wanted(plans)
    return refresh_project(
        Lake(folder / "lake"), PROJECT, Settings(data_dir=folder),
        Wanted(tuple(definitions), tuple(matches)), as_of_us=as_of_us, **options,
    )  # fmt: skip


def drop(folder: Path) -> None:
    """Forget all derived tables."""
    DerivedStore(folder / "lake" / PROJECT).drop()


def add_commands(arrivals: list[Arrival], draw: random.Random) -> list[Arrival]:
    """Let an operator merge and split customers now and then."""
    found = list(arrivals)
    for number in range(8):
        ts = FIRST + draw.randrange(12 * DAY)
        one, other = draw.sample([f"cust:{i}" for i in range(12)] + [f"anon:{i}" for i in range(16)], 2)
        source = f"{RESERVED}{draw.choice(sorted(COMMANDS))}"
        row = AliasRow(f"command-{number}", one, other, ts, source)
        found.append(Arrival("alias", row, ts + draw.choice([1, 3 * DAY])))
    return sorted(found, key=lambda one: one.received_us)


def live(folder: Path, arrivals: list[Arrival], draw: random.Random, journey: dict[str, Any]) -> int:
    """Drain, seal and refresh in a random order; return the newest instant that was derived."""
    lake, batch, latest = Lake(folder / "lake"), 1, FIRST
    plans = [make_test_plan("one", **journey)]
    size = draw.choice([60, 90, 140])
    for start in range(0, len(arrivals), size):
        piece = arrivals[start : start + size]
        batch = drain(lake, piece, batch)
        # The worker knows nothing of later days, and what is derived holds nothing of them.
        now = max(one.received_us for one in arrivals[: start + size]) - draw.choice([0, DAY])
        now = max(now, latest)
        if draw.random() < 0.7:
            seal(folder, now, everything=draw.random() < 0.3)
        if draw.random() < 0.7:
            refresh(folder, now, plans)
            latest = now
    return latest


@pytest.mark.parametrize(("kind", "seed"), [("once", 1), ("restart", 0), ("strict", 2)])
def test_derived_or_not_the_same_is_gathered(
    tmp_path: Path, seed: int, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With late rows, copies, links and commands that join and part customers; now, later, and as of the past."""
    used = count_uses(monkeypatch)
    journey = JOURNEYS[kind]
    draw = random.Random(seed * 31 + len(kind))
    arrivals = make_arrivals(100 + seed, 360)
    arrivals = add_commands(arrivals, draw) if kind == "once" else arrivals
    latest = live(tmp_path, arrivals, draw, journey)
    instants = [AS_OF_US, latest, FIRST + 6 * DAY]
    derived = [look(tmp_path, each, **journey) for each in instants]
    drop(tmp_path)

    assert used == [PROJECT] * 2
    assert derived == [look(tmp_path, each, **journey) for each in instants]


def count_uses(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list to which every reading from derived tables adds a line; they are used wherever they can be."""
    used: list[str] = []
    read = Kept.read

    def count(self: Kept, *arguments: Any) -> Any:
        used.append(PROJECT)
        return read(self, *arguments)

    monkeypatch.setattr(Kept, "read", count)
    monkeypatch.setattr(Kept, "is_worth_it", lambda *_: True)
    return used


def read_derived(folder: Path, name: str, query: str) -> list[Any]:
    """Ask something of a derived table as an analyst would: the files that the note names."""
    store = DerivedStore(folder / "lake" / PROJECT)
    note = store.read_note()
    assert note is not None
    files = store.files(name, note.tables[name])
    return duckdb.sql(query.replace("rows", f"read_parquet({files})")).fetchall()


# As in docs/reference/derived.md.
COMPLETION = """
SELECT variant, count(*) AS customers, count(*) FILTER (completed) AS completed
FROM (
  SELECT u.customer, u.variant, bool_or(coalesce(j.status = 1, false)) AS completed
  FROM read_parquet({units}) u LEFT JOIN read_parquet({journeys}) j
    ON j.customer = u.customer AND j.start_us >= u.first_exposure_us
    AND greatest(j.start_us, j.end_us) <= u.first_exposure_us + {horizon_us}
  WHERE u.is_mature GROUP BY ALL)
GROUP BY variant ORDER BY variant
"""


def test_a_query_over_derived_tables_gives_a_metric(tmp_path: Path) -> None:
    """The completion of each variant, counted by an analyst."""
    # Each event once: a day with copies that nothing can decide between is never sealed.
    drain(Lake(tmp_path / "lake"), list({one.row.event_id: one for one in make_arrivals(52, 1200)}.values()))
    seal(tmp_path, AS_OF_US + 9 * DAY, everything=True)
    plan, lake, options = make_test_plan(), Lake(tmp_path / "lake"), Settings(data_dir=tmp_path)
    refresh(tmp_path, AS_OF_US, [plan])
    refresh_units(lake, PROJECT, options, [plan], as_of_us=AS_OF_US)
    store = DerivedStore(tmp_path / "lake" / PROJECT)
    note = store.read_note()
    assert note is not None
    [journeys] = [name for name in note.tables if name.startswith("journeys-")]
    files = {"units": "units-one", "journeys": journeys}
    paths = {name: store.files(table, note.tables[table]) for name, table in files.items()}
    found = duckdb.sql(COMPLETION.format(**paths, horizon_us=plan.horizon_us)).fetchall()
    completed = analyse(lake, plan, from_micros(AS_OF_US), options).metrics[0]

    assert found == [(value.variant, value.n, value.total) for value in completed.values]
    assert sum(row[2] for row in found) > 0


def test_unit_rows_are_what_reports_are_made_of(tmp_path: Path) -> None:
    """Per variant as many customers who count, and the same sums; and journeys hang on the same names."""
    arrivals, plan = make_arrivals(51, 300), make_test_plan()
    drain(Lake(tmp_path / "lake"), arrivals)
    seal(tmp_path, AS_OF_US + 9 * DAY, everything=True)
    refresh(tmp_path, AS_OF_US, [plan])
    lake, options = Lake(tmp_path / "lake"), Settings(data_dir=tmp_path)
    refresh_units(lake, PROJECT, options, [plan], as_of_us=AS_OF_US)
    report = analyse(lake, plan, from_micros(AS_OF_US), options)
    query = "SELECT metric, variant, count(*), sum(y) FROM rows WHERE counts GROUP BY ALL"
    found = {
        (metric, variant): (n, total)
        for metric, variant, n, total in read_derived(tmp_path, "unit_rows-one", query)
    }
    told = {
        (row.key, value.variant): (value.n, value.total)
        for row in report.metrics
        for value in row.values
        if (row.key, value.variant) in found
    }
    units = read_derived(
        tmp_path, "units-one", "SELECT count(*), count(DISTINCT customer), min(customer) FROM rows"
    )

    assert len(told) == 8
    assert {key: (n, pytest.approx(total)) for key, (n, total) in told.items()} == found
    assert units[0][0] == units[0][1] == sum(variant.n_exposed for variant in report.experiment.variants)
    assert units[0][2] >= 0


Step = tuple[int, int, int]
"""Time, name, channel."""


@settings(max_examples=150, deadline=None)
@given(
    definition=definitions(),
    before=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(-1, 2)), max_size=25),
    after=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 5), st.integers(-1, 2)), max_size=8),
    gone=st.integers(0, 2**25 - 1),
    as_of=st.integers(41, 90),
)
def test_journeys_found_from_a_change_on_are_all_journeys(
    definition: JourneyDefinition, before: list[Step], after: list[Step], gone: int, as_of: int
) -> None:
    """Whatever comes or goes, and wherever: what ended before it stays, the rest is found again."""
    definition = replace(definition, correlate_by=None)
    kept = [step for place, step in enumerate(before) if not gone >> place & 1] if after else before
    left = [step for place, step in enumerate(before) if gone >> place & 1] if after else []
    now = sorted([*kept, *after])
    change = min((step[0] * SECOND for step in (*after, *left)), default=NEVER)
    old = match_journeys(definition, see(definition, sorted(before)), NEVER)
    new = match_journeys(definition, see(definition, now), NEVER)
    clean = find_clean(old.customer, old.start, old.end)
    since = min([change, *clean[old.end >= change].tolist()])
    stays = old.start < since
    again = [step for step in now if step[0] * SECOND >= since]
    if definition.reentry == "once" and stays.any():
        again = []
    found = match_journeys(definition, see(definition, again), NEVER)
    joined = join_journeys([take_journeys(old, stays), found])

    assert_same(replace(joined, n=count_within(joined.customer)), new)
    assert_same(
        settle(new, definition, as_of * SECOND),
        match_journeys(definition, see(definition, now), as_of * SECOND),
    )


def see(definition: JourneyDefinition, steps: list[Step]) -> EventColumns:
    """Return the events of one customer as a definition sees them."""
    return encode_columns(
        definition,
        FactColumns(
            customer=np.zeros(len(steps), np.int32),
            ts=np.array([step[0] for step in steps], np.int64) * SECOND,
            name=np.array([step[1] for step in steps], np.int64),
            names=EVENTS,
            channel=np.array([step[2] for step in steps], np.int64),
            channels=CHANNELS,
            tie=np.array([step[1] * 10 + step[2] for step in steps], np.int64),
            props=[None] * len(steps),
        ),
    )


def assert_same(one: JourneyColumns, other: JourneyColumns) -> None:
    """Compare every column with its type."""
    assert flatten(one) == flatten(other)
