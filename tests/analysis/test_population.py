"""Population: first exposure, crossovers, maturity, and what customers did after exposure."""

from __future__ import annotations

import numpy as np

from abplat.analysis.journeys.encode import encode_rows
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.rollup import roll_up
from abplat.analysis.population import (
    RELATIONS,
    ExposureColumns,
    Population,
    count_variants,
    first_exposures,
    members,
    relate,
)
from abplat.domain.journeys import parse_journey

SECOND = 1_000_000
AS_OF = 100 * SECOND


def make_population(*exposures: tuple[int, int, int, int]) -> Population:
    """Return the population of (customer, second, variant, channel)."""
    table = np.array(exposures, np.int64).reshape(-1, 4)
    return first_exposures(
        ExposureColumns(
            customer=table[:, 0],
            ts=table[:, 1] * SECOND,
            variant=table[:, 2],
            variants=("A", "B"),
            channel=table[:, 3],
            channels=("app", "web"),
            tie=np.arange(len(table)),
        )
    )


def make_journeys(*events: tuple[str, int, str]) -> JourneyColumns:
    """Return the journeys visit -> buy within 10 seconds of (customer, second, name)."""
    definition = parse_journey({
        "key": "j", "owner": "x", "window": "10s",
        "stages": [{"key": key, "match": [{"event": key}]} for key in ("visit", "buy")],
    })  # fmt: skip
    rows = [EventRow(str(i), c, name, at * SECOND, at * SECOND) for i, (c, at, name) in enumerate(events)]
    columns, _ = encode_rows(definition, rows, AS_OF, ["c0", "c1", "c2", "c3"])
    return match_journeys(definition, columns, AS_OF)


def test_the_first_exposure_decides() -> None:
    """Variant, time, crossover, coherence and channels per customer."""
    population = make_population((2, 5, 1, -1), (1, 9, 1, 1), (1, 3, 0, 1), (1, 4, 0, 0))

    assert population.customer.tolist() == [1, 2]
    assert population.variant.tolist() == [0, 1]
    assert population.first_exposure.tolist() == [3 * SECOND, 5 * SECOND]
    assert population.crossover.tolist() == [True, False]
    assert population.coherent_exposures.tolist() == [2, 1]
    assert population.channels_of(0) == ("app", "web")
    assert population.channels_of(1) == ()
    assert population.coherent().tolist() == [False, False]


def test_nobody_exposed_is_a_population_too() -> None:
    """Every journey is unexposed, every count empty."""
    journeys = make_journeys(("c0", 1, "visit"))
    population = make_population()

    assert [RELATIONS[code] for code in relate(journeys, population)] == ["unexposed"]
    rows = roll_up(journeys, population, horizon_us=SECOND)
    assert rows.journeys.size == 0
    assert count_variants(population, rows, members(population, "itt_first_exposure", None, AS_OF)) == {}


def test_journeys_are_related_to_their_own_customers_exposure() -> None:
    """Before, across, after, and never exposed."""
    journeys = make_journeys(
        ("c0", 1, "visit"),
        ("c0", 2, "buy"),
        ("c0", 4, "visit"),
        ("c0", 6, "buy"),
        ("c0", 7, "visit"),
        ("c3", 7, "visit"),
    )
    relation = relate(journeys, make_population((0, 5, 0, 1)))

    assert [RELATIONS[code] for code in relation] == ["pre", "in_flight", "post", "unexposed"]


def test_roll_up_counts_within_the_horizon() -> None:
    """A completion after the horizon is none; the time to it is kept for the survival curve."""
    journeys = make_journeys(
        ("c0", 1, "visit"),
        ("c0", 2, "buy"),
        ("c0", 11, "visit"),
        ("c0", 19, "buy"),
        ("c1", 12, "visit"),
        ("c1", 14, "buy"),
    )
    population = make_population((0, 10, 0, 1), (1, 10, 1, 1), (2, 10, 1, 1))
    rows = roll_up(journeys, population, horizon_us=5 * SECOND)

    assert rows.journeys.tolist() == [1, 1, 0]
    assert rows.completed.tolist() == [False, True, False]
    assert rows.reached.tolist() == [[True, False], [True, True], [False, False]]
    assert rows.first_completion.tolist() == [9 * SECOND, 4 * SECOND, -1]
    assert rows.touchpoints.tolist() == [2, 2, 0]
    assert rows.pre_completed.tolist() == [1, 0, 0]


def test_maturity_asks_for_exposure_only() -> None:
    """The horizon must have passed before the snapshot, not at it."""
    population = make_population((0, 89, 0, 1), (1, 90, 0, 1))

    assert population.mature(10 * SECOND, AS_OF).tolist() == [True, False]
    assert members(population, "exclude_crossovers", None, AS_OF).all()
