"""Make facts of rows, as a map says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from abplat.clock import format_instant, from_micros, parse_duration
from abplat.errors import InvalidInputError
from abplat.services.imports.maps import AnyMap, EventsMap, ExposuresMap, Outcome, OutcomesMap
from abplat.services.imports.reading import SourceRow
from abplat.services.imports.sources import (
    Read,
    RowRefusedError,
    SourceCompiler,
    read_boolean,
    read_count,
)

MAX_UNITS_PER_ROW = 1_000_000
_MICROS = 1_000_000
_MICROS_MAX = 253_402_300_799_999_999


class Fact(NamedTuple):
    """One event in the shape of the events API, which judges it, and when it was received.

    Without a time of its own it counts as received when it happened: an analysis as of a past
    instant must see what had happened by then.
    """

    wire: dict[str, Any]
    received_us: int | None = None


ToFacts = Callable[[SourceRow], Iterator[Fact]]


class RowMapper:
    """A map, compiled for the columns of one file."""

    def __init__(self, parsed: AnyMap, columns: list[str], file_hash: str) -> None:
        """Compile the map; a column that the file lacks is refused here."""
        self._compiler = SourceCompiler(columns)
        self._tag = file_hash[:16]
        self.keep = self._compiler.keep(parsed.where)
        self.to_facts: ToFacts
        if isinstance(parsed, EventsMap):
            self.to_facts = self._events(parsed)
        elif isinstance(parsed, ExposuresMap):
            self.to_facts = self._exposures(parsed)
        else:
            self.to_facts = self._outcomes(parsed)

    def _identify(self, source: Read, row: SourceRow) -> str:
        """Return the id of a fact: its own, or one that the same file gives again."""
        own = source(row, 1)
        return f"imp-{self._tag}-{row.number:09d}" if own is None else str(own)

    def _events(self, parsed: EventsMap) -> ToFacts:
        """Return the function that makes a touchpoint of a row."""
        compiler = self._compiler
        identity, actor = compiler.value(parsed.id, "id"), compiler.value(parsed.actor, "actor")
        name, channel = compiler.value(parsed.name, "name"), compiler.value(parsed.channel, "channel")
        value = compiler.value(parsed.value, "value", "number")
        instant = compiler.instant_text(parsed.ts, "ts")
        received = compiler.instant(parsed.received, "received") if parsed.received else None
        props = {key: compiler.value(source, f"props.{key}") for key, source in parsed.props.items()}

        def convert(row: SourceRow) -> Iterator[Fact]:
            found = {key: read(row, 1) for key, read in props.items()}
            wire = {
                "kind": "touchpoint",
                "id": self._identify(identity, row),
                "actor": _required(actor(row, 1), "actor"),
                "name": _required(name(row, 1), "name"),
                "channel": _text(channel(row, 1)),
                "value": value(row, 1),
                "props": {key: item for key, item in found.items() if item is not None},
                "ts": instant(row, 1),
            }
            yield Fact(wire, received(row, 1) if received else None)

        return convert

    def _exposures(self, parsed: ExposuresMap) -> ToFacts:
        """Return the function that makes an exposure of a row."""
        compiler = self._compiler
        identity, actor = compiler.value(parsed.id, "id"), compiler.value(parsed.actor, "actor")
        experiment = compiler.value(parsed.experiment, "experiment")
        variant, channel = (
            compiler.value(parsed.variant, "variant"),
            compiler.value(parsed.channel, "channel"),
        )
        cluster = compiler.value(parsed.cluster, "cluster")
        instant = compiler.instant_text(parsed.ts, "ts")
        received = compiler.instant(parsed.received, "received") if parsed.received else None

        def convert(row: SourceRow) -> Iterator[Fact]:
            wire = {
                "kind": "exposure",
                "id": self._identify(identity, row),
                "actor": _required(actor(row, 1), "actor"),
                "experiment": _required(experiment(row, 1), "experiment"),
                "variant": _required(variant(row, 1), "variant"),
                "channel": _text(channel(row, 1)),
                "cluster": _text(cluster(row, 1)),
                "reason": "imported",
                "ts": instant(row, 1),
            }
            yield Fact(wire, received(row, 1) if received else None)

        return convert

    def _outcomes(self, parsed: OutcomesMap) -> ToFacts:
        """Return the function that makes an exposure and its outcomes of each unit of a row."""
        compiler, part = self._compiler, parsed.exposure
        actor = compiler.value(parsed.actor, "actor") if parsed.actor else self._own_actor
        experiment = compiler.value(part.experiment, "exposure.experiment")
        variant = compiler.value(part.variant, "exposure.variant")
        channel = compiler.value(part.channel, "exposure.channel")
        cluster = compiler.value(part.cluster, "exposure.cluster")
        instant = compiler.instant(part.ts, "exposure.ts")
        outcomes = [
            _Outcome(compiler, item, f"outcomes[{index}]") for index, item in enumerate(parsed.outcomes)
        ]
        units = compiler.column(parsed.units, "units") if parsed.units else None

        def convert(row: SourceRow) -> Iterator[Fact]:
            ts = instant(row, 1)
            total = 1 if units is None else read_count(row.values[units], "units", MAX_UNITS_PER_ROW)
            reached = _reached(outcomes, row, total)
            exposure = {
                "kind": "exposure",
                "experiment": _required(experiment(row, 1), "exposure.experiment"),
                "variant": _required(variant(row, 1), "exposure.variant"),
                "channel": _text(channel(row, 1)),
                "cluster": _text(cluster(row, 1)),
                "reason": "imported",
                "ts": _iso(ts),
            }
            for unit in range(1, total + 1):
                who = _required(actor(row, unit), "actor")
                tag = f"imp-{self._tag}-{row.number:09d}-{unit:07d}"
                yield Fact({"id": tag, "actor": who, **exposure})
                for outcome, number in zip(outcomes, reached, strict=True):
                    if unit <= number:
                        yield outcome.fact(row, unit, tag, who, ts)

        return convert

    def _own_actor(self, row: SourceRow, unit: int) -> str:
        """Name a unit that the file does not name, by its place in the file."""
        return f"cust:{self._tag[:8]}-{row.number}-{unit}"


class _Outcome:
    """One compiled outcome."""

    def __init__(self, compiler: SourceCompiler, outcome: Outcome, path: str) -> None:
        self._outcome = outcome
        self._path = path
        column = outcome.when or outcome.count
        if column is None:
            raise InvalidInputError.at(path, "needs 'when' or 'count'", "bad_map")
        self._position = compiler.column(column, f"{path}.{'when' if outcome.when else 'count'}")
        self._after = int(parse_duration(outcome.after, f"{path}.after").total_seconds()) * _MICROS
        self._channel = compiler.value(outcome.channel, f"{path}.channel")
        self._value = compiler.value(outcome.value, f"{path}.value", "number")

    def count(self, row: SourceRow) -> int:
        """Return how many units of the row did this."""
        text = row.values[self._position]
        if self._outcome.when:
            return int(read_boolean(text, f"{self._path}.when"))
        return read_count(text, f"{self._path}.count", MAX_UNITS_PER_ROW)

    def fact(self, row: SourceRow, unit: int, tag: str, actor: str, exposed: int) -> Fact:
        """Return the touchpoint of one unit that did this."""
        ts = exposed + self._after
        if ts > _MICROS_MAX:
            raise RowRefusedError("bad_timestamp", f"{self._path}.after: ends beyond the year 9999")
        wire = {
            "kind": "touchpoint",
            "id": f"{tag}-{self._outcome.name}",
            "actor": actor,
            "name": self._outcome.name,
            "channel": _text(self._channel(row, unit)),
            "value": self._value(row, unit),
            "ts": _iso(ts),
        }
        return Fact(wire)


def _reached(outcomes: list[_Outcome], row: SourceRow, units: int) -> list[int]:
    """Return the count of each outcome; in a group of units counts are nested."""
    reached = [outcome.count(row) for outcome in outcomes]
    for outcome, number in zip(outcomes, reached, strict=True):
        if number > units:
            message = f"{outcome._path}: {number} of {units} units is impossible"  # noqa: SLF001
            raise RowRefusedError("impossible_count", message)
    return reached


def _required(value: Any, path: str) -> str:
    """Return a text that must be there."""
    if value is None or value == "":
        raise RowRefusedError("missing_value", f"{path}: is empty")
    return str(value)


def _text(value: Any) -> str | None:
    """Return a text that may be missing."""
    return None if value is None else str(value)


def _iso(micros: int) -> str:
    """Write an instant as the events API reads it."""
    return format_instant(from_micros(micros))
