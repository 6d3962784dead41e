"""Reads the parts of a journey case: events, links, exposures and what is asked of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from abplat.analysis.identity import Alias
from abplat.analysis.journeys.events import EventRow
from abplat.analysis.population import POPULATIONS
from abplat.clock import parse_duration, parse_instant, to_micros
from abplat.domain.identity import is_typed_id
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.errors import InvalidInputError

_EVENT = {"id": True, "actor": True, "name": True, "ts": True, "channel": False, "props": False,
          "received_at": False, "value": False}  # fmt: skip
_LINK = {"a": True, "b": True, "ts": True, "received_at": False, "source": False}
_EXPOSURE = {"id": True, "actor": True, "variant": True, "ts": True, "channel": False,
             "received_at": False, "experiment": False}  # fmt: skip
_ANALYSIS = {"exposure_grace": False, "horizon": False, "metrics": False}


@dataclass(frozen=True, slots=True)
class ExposureRow:
    """One exposure as recorded."""

    id: str
    actor: str
    variant: str
    ts_us: int
    received_us: int
    channel: str | None


@dataclass(frozen=True, slots=True)
class JourneyCase:
    """A journey case, read; ``links`` and ``exposures`` are None where the case has none."""

    definition: JourneyDefinition
    as_of_us: int
    events: list[EventRow]
    links: list[Alias] | None
    exposures: list[ExposureRow] | None
    grace_us: int
    horizon_us: int | None
    populations: tuple[str, ...]


def read_case(case: Mapping[str, Any]) -> JourneyCase:
    """Read a case.

    Raises:
        InvalidInputError: With the code that a case may expect as its ``error``.
    """
    definition = parse_journey(case["definition"], require_owner=False)
    analysis = _fields(case.get("analysis") or {}, "analysis", _ANALYSIS)
    links, exposures = case.get("links"), case.get("exposures")
    return JourneyCase(
        definition=definition,
        as_of_us=_instant(case["as_of"], "as_of"),
        events=[_event(item, f"events[{i}]") for i, item in enumerate(_list(case["events"], "events"))],
        links=None if links is None
        else [_link(item, f"links[{i}]") for i, item in enumerate(_list(links, "links"))],
        exposures=None if exposures is None
        else [_exposure(item, f"exposures[{i}]") for i, item in enumerate(_list(exposures, "exposures"))],
        grace_us=_duration(analysis.get("exposure_grace"), "analysis.exposure_grace") or 0,
        horizon_us=_duration(analysis.get("horizon"), "analysis.horizon"),
        populations=_populations(analysis.get("metrics")),
    )  # fmt: skip


def _event(item: Any, path: str) -> EventRow:
    """Read one event."""
    doc = _fields(item, path, _EVENT)
    props = doc.get("props") or {}
    if not isinstance(props, dict):
        raise InvalidInputError.at(f"{path}.props", "write an object of names and values", "bad_type")
    ts_us = _instant(doc["ts"], f"{path}.ts")
    return EventRow(
        id=_text(doc["id"], f"{path}.id"),
        actor=_actor(doc["actor"], f"{path}.actor"),
        name=_text(doc["name"], f"{path}.name"),
        ts_us=ts_us,
        received_us=_received(doc, path, ts_us),
        channel=_optional_text(doc.get("channel"), f"{path}.channel"),
        props=props,
    )


def _link(item: Any, path: str) -> Alias:
    """Read one link."""
    doc = _fields(item, path, _LINK)
    ts_us = _instant(doc["ts"], f"{path}.ts")
    return Alias(
        _actor(doc["a"], f"{path}.a"), _actor(doc["b"], f"{path}.b"), ts_us, _received(doc, path, ts_us)
    )


def _exposure(item: Any, path: str) -> ExposureRow:
    """Read one exposure."""
    doc = _fields(item, path, _EXPOSURE)
    ts_us = _instant(doc["ts"], f"{path}.ts")
    return ExposureRow(
        id=_text(doc["id"], f"{path}.id"),
        actor=_actor(doc["actor"], f"{path}.actor"),
        variant=_text(doc["variant"], f"{path}.variant"),
        ts_us=ts_us,
        received_us=_received(doc, path, ts_us),
        channel=_optional_text(doc.get("channel"), f"{path}.channel"),
    )


def _fields(item: Any, path: str, known: Mapping[str, bool]) -> dict[str, Any]:
    """Return the object after refusing unknown and missing fields."""
    if not isinstance(item, dict):
        raise InvalidInputError.at(path, f"write an object with {', '.join(known)}", "bad_type")
    for name in item:
        if name not in known:
            raise InvalidInputError.at(
                f"{path}.{name}", f"unknown field; known are {', '.join(known)}", "unknown_field"
            )
    for name, required in known.items():
        if required and item.get(name) is None:
            raise InvalidInputError.at(f"{path}.{name}", "is missing", "missing")
    return item


def _list(value: Any, path: str) -> Iterable[Any]:
    """Return the list."""
    if not isinstance(value, list):
        raise InvalidInputError.at(path, "write a list", "bad_type")
    return value


def _text(value: Any, path: str) -> str:
    """Return a text that is not empty."""
    if not isinstance(value, str) or not value:
        raise InvalidInputError.at(path, f"{value!r} is not a text", "bad_type")
    return value


def _optional_text(value: Any, path: str) -> str | None:
    """Return a text or None."""
    return None if value is None else _text(value, path)


def _actor(value: Any, path: str) -> str:
    """Return a typed id."""
    if not is_typed_id(value):
        raise InvalidInputError.at(
            path, f"{value!r} is not a typed id such as cust:7 or anon:w1", "bad_actor"
        )
    return str(value)


def _instant(value: Any, path: str) -> int:
    """Return an instant in microseconds."""
    return to_micros(parse_instant(value, path))


def _received(doc: Mapping[str, Any], path: str, ts_us: int) -> int:
    """Return when a fact arrived: the time it happened unless said otherwise."""
    received = doc.get("received_at")
    return ts_us if received is None else _instant(received, f"{path}.received_at")


def _duration(value: Any, path: str) -> int | None:
    """Return an optional duration in microseconds; 0 means none."""
    if value is None or value == 0:
        return None
    return round(parse_duration(value, path).total_seconds()) * 1_000_000


def _populations(value: Any) -> tuple[str, ...]:
    """Return the populations to count."""
    listed = [] if value is None else value
    for name in listed if isinstance(listed, list) else [listed]:
        if name not in POPULATIONS:
            known = ", ".join(POPULATIONS)
            raise InvalidInputError.at(
                "analysis.metrics", f"{name!r} is not one of {known}", "unknown_population"
            )
    return tuple(listed)
