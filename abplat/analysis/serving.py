"""Where a variant could have been shown: the touchpoints that the registry calls variant-capable."""

from __future__ import annotations

from typing import Any, Final

from abplat.analysis.registry import Registry
from abplat.domain.journeys import Matcher, parse_journey

MAX_CHANNELS: Final = 60
"""Channels that one pass can tell apart."""


def capable_matches(registry: Registry) -> dict[str, tuple[Matcher, ...]]:
    """Return per channel what a touchpoint matches where a variant could have been shown."""
    found = list(registry.capable.items())[:MAX_CHANNELS]
    return {channel: _read_matchers(documents) for channel, documents in found}


def _read_matchers(documents: list[Any]) -> tuple[Matcher, ...]:
    """Read matchers by the reader of journeys, so that they mean the same here."""
    stages = [{"key": key, "match": [dict(each) for each in documents]} for key in ("any", "other")]
    definition = parse_journey({"key": "capable", "stages": stages, "window": "1s"}, require_owner=False)
    return definition.stages[0].match
