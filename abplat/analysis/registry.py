"""The definitions around an experiment that its analysis reads: touchpoints, segments, personas."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from abplat.domain.breakdowns import ATTRIBUTE, ENTRY_CHANNEL, NEW_RETURNING, PERSONA, SEGMENT
from abplat.domain.targeting import list_conditions

Document = Mapping[str, Any]
MAX_SEGMENTS: Final = 5
_GIVEN: Final = frozenset({"unit", "channel"})


@dataclass(frozen=True, slots=True)
class Registry:
    """What a project knew at the instant of the analysis, in the order of keys.

    Attributes:
        touchpoints: Documents of the registered touchpoints.
        segments: Document per segment.
        personas: Document per persona.
    """

    touchpoints: tuple[Document, ...] = ()
    segments: Mapping[str, Document] = field(default_factory=dict)
    personas: Mapping[str, Document] = field(default_factory=dict)

    @property
    def capable(self) -> dict[str, list[Document]]:
        """Return the matchers of touchpoints that can show a variant, by channel."""
        found: dict[str, list[Document]] = {}
        for touchpoint in self.touchpoints:
            if touchpoint.get("variant_capable"):
                matcher = {"event": touchpoint["event"], "channel": touchpoint["channel"]}
                found.setdefault(touchpoint["channel"], []).append(matcher)
        return dict(sorted(found.items()))

    @property
    def rules(self) -> dict[str, Any]:
        """Return the rules of personas and segments that have one."""
        groups = [*self.personas.items(), *self.segments.items()]
        return {key: document["rule"] for key, document in groups if document.get("rule") is not None}

    def as_document(self) -> dict[str, Any]:
        """Return what the hash of the definitions covers; empty where nothing is registered."""
        parts = {
            "touchpoints": list(self.touchpoints),
            "segments": dict(self.segments),
            "personas": dict(self.personas),
        }
        return {name: part for name, part in parts.items() if part}


def read_registry(document: Mapping[str, Any]) -> Registry:
    """Read a registry, as ``services.registry.get`` returns it."""
    return Registry(
        touchpoints=tuple(document.get("touchpoints", ())),
        segments=dict(sorted(document.get("segments", {}).items())),
        personas=dict(sorted(document.get("personas", {}).items())),
    )


def default_dimensions(registry: Registry) -> tuple[tuple[str, ...], ...]:
    """Return the breakdowns of an experiment that plans none: what every project knows."""
    found = [(ENTRY_CHANNEL,), (NEW_RETURNING,), (ENTRY_CHANNEL, NEW_RETURNING)]
    if registry.personas:
        found.append((PERSONA,))
    found += [(f"{SEGMENT}{key}",) for key in list(registry.segments)[:MAX_SEGMENTS]]
    return tuple(found)


def list_attributes(rules: Mapping[str, Any], dimensions: tuple[str, ...]) -> tuple[str, ...]:
    """Return the attributes that rules and dimensions ask for, sorted.

    Examples:
        >>> rule = {"attribute": "visits", "op": "gte", "value": 5}
        >>> list_attributes({"planner": rule}, ("attribute:country", "persona"))
        ('country', 'visits')
    """
    asked = {condition.attribute for rule in rules.values() for condition in list_conditions(rule)}
    named = {name.removeprefix(ATTRIBUTE) for name in dimensions if name.startswith(ATTRIBUTE)}
    return tuple(sorted((asked - _GIVEN) | named))
