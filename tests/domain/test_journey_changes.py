"""Differences between versions of a journey, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from abplat.domain.journey_changes import describe_changes

VISIT: dict[str, Any] = {"key": "visit", "title": "Visit", "match": [{"event": "visit"}]}
QUOTE: dict[str, Any] = {"key": "quote", "match": [{"event": "quote", "channel": "web"}]}
BUY: dict[str, Any] = {"key": "buy", "match": [{"event": "buy"}]}
JOURNEY: dict[str, Any] = {
    "key": "shop",
    "title": "Shop",
    "owner": "Ada",
    "window": "7d",
    "stages": [VISIT, QUOTE, BUY],
}


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({}, []),
        ({"stages": [VISIT, {**QUOTE, "match": [{"event": "quote", "channel": ["web"]}]}, BUY]}, []),
        ({"ordering": "ordered", "reentry": "after_end"}, []),
        ({"window": "14d"}, ["The window was 7d and is 14d."]),
        ({"inactivity": "2d"}, ["The longest silence is new: 2d."]),
        ({"title": None}, ["The title was Shop and is gone."]),
        ({"personas": ["new", "old"]}, ["Personas are new: new, old."]),
        ({"stages": [VISIT, BUY]}, ["Stage “quote” is gone."]),
        ({"stages": [VISIT, BUY, QUOTE]}, ["The stages come in another order: “Visit”, “buy”, “quote”."]),
        (
            {"stages": [{"key": "ad", "match": [{"event": "ad"}]}, VISIT, QUOTE, BUY]},
            ["Stage “ad” is new, at the start: ad."],
        ),
        (
            {"stages": [VISIT, QUOTE, {"key": "pay", "match": [{"event": "pay"}, {"event": "cash"}]}, BUY]},
            ["Stage “pay” is new, after “quote”: pay or cash."],
        ),
        (
            {"stages": [VISIT, {**QUOTE, "match": [{"event": "call"}], "optional": True, "within": "1d", "moment_of_truth": True}, BUY]},
            [
                "Stage “quote” no longer counts quote by web.", "Stage “quote” counts call now.",
                "Stage “quote” is optional now.", "Stage “quote” is a moment of truth now.",
                "The time limit of stage “quote” is new: 1d.",
            ],
        ),
        (
            {"exclude": [{"match": [{"event": "cancel"}], "after": "quote", "before": "buy"}]},
            ["Aborted by cancel from quote on until buy now."],
        ),
    ],
)  # fmt: skip
def test_each_difference_is_one_sentence(over: dict[str, Any], said: list[str]) -> None:
    """And what means the same is none."""
    assert describe_changes(JOURNEY, {**JOURNEY, **over}) == said


def test_what_is_taken_back_is_said_too() -> None:
    """Exclusions, optional stages and moments of truth."""
    exclude = [{"match": [{"event": "cancel"}]}]
    old = {
        **JOURNEY,
        "exclude": exclude,
        "stages": [VISIT, {**QUOTE, "optional": True, "moment_of_truth": True}, BUY],
    }

    assert describe_changes(old, JOURNEY) == [
        "Stage “quote” is required now.",
        "Stage “quote” is no moment of truth now.",
        "No longer aborted by cancel.",
    ]
