"""The compiled pass and its plain twin say the same about every history."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abplat.analysis.journeys import twin
from abplat.analysis.journeys.encode import encode_rows
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import Journey, describe
from abplat.domain.journeys import JourneyDefinition

from .journey_strategies import SECOND, definitions, histories

EXAMPLES = int(os.environ.get("ABPLAT_TEST_EXAMPLES", "200"))
thorough = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
)


def compiled(definition: JourneyDefinition, rows: list[EventRow], as_of_us: int) -> list[Journey]:
    """Return the compiled pass's journeys as objects."""
    events, customers = encode_rows(definition, rows, as_of_us)
    journeys = match_journeys(definition, events, as_of_us, members=True)
    return describe(journeys, definition, events, customers)


@thorough
@given(definitions(), histories(), st.integers(0, 60))
def test_compiled_pass_equals_its_twin(
    definition: JourneyDefinition, rows: list[EventRow], as_of: int
) -> None:
    """Both matchers find the same journeys, field by field."""
    as_of_us = as_of * SECOND

    assert compiled(definition, rows, as_of_us) == twin.match_journeys(definition, rows, as_of_us)


@thorough
@given(definitions(), histories(), st.randoms(use_true_random=False))
def test_order_of_arrival_never_matters(
    definition: JourneyDefinition, rows: list[EventRow], random: object
) -> None:
    """Events handed over in another order make the same journeys; ids are unique here."""
    unique = list({row.id: row for row in rows}.values())
    shuffled = unique.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    assert compiled(definition, shuffled, 50 * SECOND) == compiled(definition, unique, 50 * SECOND)


@thorough
@given(definitions(), histories())
def test_an_event_has_at_most_one_role(definition: JourneyDefinition, rows: list[EventRow]) -> None:
    """The touchpoints of all journeys are no more than the events, and journeys number from 1."""
    journeys = compiled(definition, rows, 50 * SECOND)

    assert sum(journey.touchpoints for journey in journeys) <= len({row.id for row in rows})
    assert all(journey.start_us <= journey.end_us <= 50 * SECOND for journey in journeys)
    for customer in {journey.customer for journey in journeys}:
        numbers = [journey.n for journey in journeys if journey.customer == customer]
        assert numbers == list(range(1, len(numbers) + 1))
