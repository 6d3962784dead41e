"""Where a variant could have been shown: the touchpoints that the registry calls variant-capable."""

from __future__ import annotations

from typing import Any, Final

from abplat.analysis.gathered import Contacts
from abplat.analysis.population import Population
from abplat.analysis.registry import Registry
from abplat.analysis.snapshot import Snapshot
from abplat.domain.journeys import Matcher, parse_journey

MAX_CHANNELS: Final = 60
"""Channels that one pass can tell apart."""


def read_capable(snapshot: Snapshot, registry: Registry, population: Population) -> dict[str, Contacts]:
    """Return the variant-capable touchpoints of exposed customers, by channel."""
    found = dict(list(registry.capable.items())[:MAX_CHANNELS])
    if not found or not len(population):
        return {}
    rows = snapshot.contacts([_read_matchers(documents) for documents in found.values()])
    unit = population.locate(rows["customer"])
    contacts = {}
    for bit, channel in enumerate(found):
        hit = (rows["mask"] >> bit) & 1 == 1
        contacts[channel] = Contacts(unit=unit[hit], ts=rows["ts_us"][hit], value=rows["value"][hit])
    return contacts


def _read_matchers(documents: list[Any]) -> tuple[Matcher, ...]:
    """Read matchers by the reader of journeys, so that they mean the same here."""
    stages = [{"key": key, "match": [dict(each) for each in documents]} for key in ("any", "other")]
    definition = parse_journey({"key": "capable", "stages": stages, "window": "1s"}, require_owner=False)
    return definition.stages[0].match
