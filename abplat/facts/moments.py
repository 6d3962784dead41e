"""The read model of customers: what each id did last, and which fields it was asked for.

The lake answers what happened to everybody; this table answers in a millisecond what happened to one id
lately, to an agent on the telephone. It follows the drain and lags behind by seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection

from abplat.db.driver import fetch, run, run_many
from abplat.facts.rows import TouchpointRow

KEPT: Final = 20
"""Touchpoints kept per id."""
KEPT_DAYS: Final = 60
"""Days after which an id without a touchpoint is forgotten here; the lake keeps everything."""

_MAX_FIELDS: Final = 100
_MAX_PROPS: Final = 20
_MAX_TEXT: Final = 200
_MAX_PROPS_TEXT: Final = 500
_ASKING: Final = '"captured"'
_SINGLE: Final = (bool, int, float)
_CHUNK: Final = 500
_DAY_US: Final = 86_400_000_000
_READ = "SELECT unit, document FROM customer_moments WHERE project = ? AND unit IN []"
_WRITE = """
INSERT INTO customer_moments (project, unit, last_us, document) VALUES (?, ?, ?, ?)
ON CONFLICT (project, unit) DO UPDATE SET last_us = excluded.last_us, document = excluded.document
"""
_PRUNE = "DELETE FROM customer_moments WHERE last_us < ?"


class Moment(msgspec.Struct, frozen=True, array_like=True):
    """One touchpoint; of many properties only those that a journey can look at: single values."""

    ts_us: int
    event_id: str
    name: str
    channel: str | None
    text: str | None
    """The properties, as JSON: most are never read again."""

    @property
    def props(self) -> dict[str, Any]:
        """The properties."""
        return msgspec.json.decode(self.text, type=dict[str, Any]) if self.text else {}


class Captured(msgspec.Struct, frozen=True, array_like=True):
    """A field that a touchpoint has asked for: when and where last, and the value if the event told it."""

    ts_us: int
    channel: str | None
    value: Any


class Moments(msgspec.Struct, frozen=True):
    """What is kept of one id: its last touchpoints, the youngest first, and the fields captured."""

    last: list[Moment] = []
    fields: dict[str, Captured] = {}
    cut_us: int | None = None
    """The youngest touchpoint that is no longer kept."""


def read_moments(connection: Connection, project: str, units: Sequence[str]) -> dict[str, Moments]:
    """Return what is kept of some ids."""
    found: dict[str, Moments] = {}
    for chunk in _chunks(units):
        rows = fetch(connection, _READ, [project], chunk)
        found |= {unit: msgspec.json.decode(text, type=Moments) for unit, text in rows}
    return found


def keep_moments(connection: Connection, project: str, rows: Iterable[TouchpointRow]) -> None:
    """Add touchpoints to what is kept of their ids."""
    arrived: dict[str, list[TouchpointRow]] = {}
    for row in rows:
        arrived.setdefault(row.actor, []).append(row)
    for units in _chunks(sorted(arrived)):
        held = read_moments(connection, project, units)
        merged = {unit: _add(held.get(unit, Moments()), arrived[unit]) for unit in units}
        encode = msgspec.json.encode
        run_many(
            connection,
            _WRITE,
            ((project, unit, now.last[0].ts_us, encode(now).decode()) for unit, now in merged.items()),
        )


def prune_moments(connection: Connection, now_us: int) -> int:
    """Forget ids that have been silent for long; return how many."""
    return int(run(connection, _PRUNE, [now_us - KEPT_DAYS * _DAY_US]).rowcount)


def _add(held: Moments, rows: Sequence[TouchpointRow]) -> Moments:
    """Return what is kept of an id after some more touchpoints, in whatever order they arrive."""
    known = {moment.event_id for moment in held.last}
    moments = [*held.last, *(_moment(row) for row in rows if row.event_id not in known)]
    moments.sort(key=_youngest_first)
    cut = held.cut_us
    if len(moments) > KEPT:
        cut = max(moments[KEPT].ts_us, cut or 0)
        del moments[KEPT:]
    asking = [row for row in rows if row.props is not None and _ASKING in row.props]
    return Moments(moments, _capture(held.fields, asking) if asking else held.fields, cut)


def _moment(row: TouchpointRow) -> Moment:
    """Return a touchpoint as it is kept."""
    text = row.props
    if text is not None and len(text) > _MAX_PROPS_TEXT:
        text = msgspec.json.encode(_plain(msgspec.json.decode(text))).decode()
    return Moment(row.ts_us, row.event_id, row.name, row.channel, text)


def _youngest_first(moment: Moment) -> tuple[int, str]:
    """Return the place of a touchpoint among those of one id."""
    return -moment.ts_us, moment.event_id


def _capture(held: Mapping[str, Captured], rows: Iterable[TouchpointRow]) -> dict[str, Captured]:
    """Return the fields captured so far, after some more touchpoints."""
    fields = dict(held)
    for row in rows:
        props: dict[str, Any] = msgspec.json.decode(row.props or "{}")
        for name in _asked(props):
            if name not in fields or fields[name].ts_us <= row.ts_us:
                fields[name] = Captured(row.ts_us, row.channel, _single(props.get(name)))
    youngest = sorted(fields.items(), key=lambda item: -item[1].ts_us)
    return dict(youngest[:_MAX_FIELDS])


def _asked(props: Mapping[str, Any]) -> list[str]:
    """Return the names of the fields that a touchpoint asked for."""
    value = props.get("captured")
    listed = value if isinstance(value, list) else [value]
    return [name for name in listed if isinstance(name, str) and 0 < len(name) <= _MAX_TEXT]


def _plain(props: Mapping[str, Any]) -> dict[str, Any]:
    """Return the single values among properties, as many as are kept."""
    singles = ((name, _single(value)) for name, value in props.items() if len(name) <= _MAX_TEXT)
    return dict(islice(((name, value) for name, value in singles if value is not None), _MAX_PROPS))


def _single(value: Any) -> Any:
    """Return a single value of bounded length, None for anything else."""
    if isinstance(value, str):
        return value if len(value) <= _MAX_TEXT else None
    return value if isinstance(value, _SINGLE) else None


def _chunks(units: Sequence[str]) -> Iterable[Sequence[str]]:
    """Cut ids into lists that a statement can take."""
    return (units[start : start + _CHUNK] for start in range(0, len(units), _CHUNK))
