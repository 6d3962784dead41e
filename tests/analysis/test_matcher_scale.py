"""Nothing is quadratic: one customer may have very many events and very many open journeys."""

from __future__ import annotations

import numpy as np

from abplat.analysis.journeys.encode import MaskColumns, code, encode_masks
from abplat.analysis.journeys.matcher import match_journeys
from abplat.analysis.journeys.results import channel_paths
from abplat.domain.journeys import JourneyDefinition, parse_journey

MANY = 200_000


def make_masks(stage_mask: list[int], ts: list[int], value: list[str | None] | None = None) -> MaskColumns:
    """Return the events of one customer, in order."""
    size = len(ts)
    return MaskColumns(
        customer=np.zeros(size, np.int32),
        ts=np.array(ts),
        stage_mask=np.array(stage_mask),
        exclude_mask=np.zeros(size, np.int64),
        in_scope=np.ones(size, bool),
        channel=["web"] * size,
        value=value,
        ordered=True,
    )


def make_definition(**over: object) -> JourneyDefinition:
    """Return order -> delivered."""
    stages = [{"key": key, "match": [{"event": key}]} for key in ("order", "delivered")]
    return parse_journey({"key": "j", "stages": stages, "window": "10d", **over}, require_owner=False)


def test_events_without_a_value_find_their_journey_among_very_many() -> None:
    """Two hundred thousand open orders begun at one instant, then as many calls, then the deliveries."""
    orders = [f"{i:06}" for i in range(MANY)]
    masks = make_masks(
        [1] * MANY + [0] * MANY + [2] * MANY,
        [0] * MANY + list(range(MANY)) + [MANY] * MANY,
        [*orders, *[None] * MANY, *orders],
    )
    definition = make_definition(correlate_by="order")
    journeys = match_journeys(definition, encode_masks(masks, 1), 10**12)

    assert len(journeys) == MANY
    assert journeys.completed.all()
    assert journeys.touchpoints[-1] == MANY + 2
    assert int(journeys.touchpoints.sum()) == 3 * MANY


def test_one_journey_may_have_very_many_touchpoints() -> None:
    """A single row, whatever happens in it."""
    masks = make_masks([1, *[0] * MANY, 2], list(range(MANY + 2)))
    events = encode_masks(masks, 1)
    journeys = match_journeys(make_definition(), events, 10**12, members=True)

    assert journeys.touchpoints.tolist() == [MANY + 2]
    assert channel_paths(journeys, events.channel) == [(0,)]


def test_no_events_are_no_journeys() -> None:
    """An empty stream is read like any other."""
    journeys = match_journeys(make_definition(), encode_masks(make_masks([], []), 0), 0, members=True)

    assert len(journeys) == 0
    assert journeys.stage_time.shape == (0, 2)


def test_more_than_sixty_four_fields_can_be_asked_for() -> None:
    """Known fields take as many words as are needed."""
    texts = [f'["f{i}"]' for i in range(100)]
    masks = make_masks([1, *[0] * 199], list(range(200)))
    masks = MaskColumns(**{name: getattr(masks, name) for name in masks.__slots__} | {"captured": texts * 2})
    journeys = match_journeys(make_definition(), encode_masks(masks, 1), 10**12)

    assert journeys.recaptures.tolist() == [100]


def test_codes_rank_texts() -> None:
    """A higher text has a higher code; nothing is -1."""
    codes, vocabulary = code(["b", None, "a", "b"])

    assert codes.tolist() == [1, -1, 0, 1]
    assert vocabulary == ("a", "b")
