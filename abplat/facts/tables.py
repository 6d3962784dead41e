"""The Arrow schemas of the lake, and the way from rows to columns.

The schemas are spelled out because a Delta table takes a float for an integer column and cuts it
off without a word. Time is whole microseconds: naive timestamps ask for newer readers, zoned ones
follow the reader's time zone.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

from arro3.core import Array, DataType, Field, Schema, Table

from abplat.errors import InvalidInputError
from abplat.facts.rows import Row

_DAY_US = 86_400_000_000
_TEXT, _INTEGER, _NUMBER = DataType.string(), DataType.int64(), DataType.float64()


def _schema(**columns: tuple[DataType, bool]) -> Schema:
    """Make the schema of a kind: its own columns, then those that every kind has."""
    common = {"ts_us": (_INTEGER, False), "received_us": (_INTEGER, False), "batch": (_INTEGER, False)}
    every = {"event_id": (_TEXT, False), **columns, **common, "day": (DataType.date32(), False)}
    return Schema([Field(name, kind, nullable=optional) for name, (kind, optional) in every.items()])


_MUST, _MAY = (_TEXT, False), (_TEXT, True)

SCHEMAS: dict[str, Schema] = {
    "touchpoint": _schema(actor=_MUST, name=_MUST, channel=_MAY, value=(_NUMBER, True), props=_MAY),
    "exposure": _schema(
        **dict.fromkeys(("actor", "experiment", "variant"), _MUST),
        **dict.fromkeys(("channel", "reason", "config_version"), _MAY),
        phase=(_INTEGER, True),
        sdk=_MAY,
        cluster=_MAY,
    ),
    "alias": _schema(a=_MUST, b=_MUST, source=_MAY),
    "score": _schema(actor=_MUST, name=_MUST, channel=_MAY, value=(_NUMBER, False)),
}
CODED = {"touchpoint": ("actor",), "exposure": ("actor",), "alias": ("a", "b")}
"""Kinds that are sealed, each with its columns that hold ids of people."""

LATER_COLUMNS = {"exposure": ("phase", "sdk", "cluster")}
"""Columns that tables made by an earlier abplat may lack."""
FOLDERS = {"touchpoint": "touchpoints", "exposure": "exposures", "alias": "aliases", "score": "scores"}
_KINDS = {**{folder: kind for kind, folder in FOLDERS.items()}, **{kind: kind for kind in FOLDERS}}


def normal_kind(kind: str) -> str:
    """Return the kind of a name, which may be its folder's.

    Raises:
        InvalidInputError: ``unknown_kind``.

    Examples:
        >>> normal_kind("aliases")
        'alias'
    """
    if kind not in _KINDS:
        raise InvalidInputError.at("kind", f"{kind!r} is not one of {', '.join(FOLDERS)}", "unknown_kind")
    return _KINDS[kind]


def to_table(kind: str, rows: Sequence[Row], received_us: Sequence[int], batch: int = 0) -> Table:
    """Turn rows of one kind into an Arrow table as the lake wants it.

    Args:
        kind: Kind of all rows.
        rows: The rows.
        received_us: When each was received.
        batch: Number of the drained batch; 0 for what came another way, such as an import.
    """
    kind = normal_kind(kind)
    made: dict[str, list[Any]] = {
        "received_us": list(received_us),
        "batch": [batch] * len(rows),
        "day": [row.ts_us // _DAY_US for row in rows],
    }
    arrays = []
    for field in map(SCHEMAS[kind].field, SCHEMAS[kind].names):
        values = made.get(field.name)
        arrays.append(_to_array(field, list(map(attrgetter(field.name), rows)) if values is None else values))
    return Table.from_arrays(arrays, schema=SCHEMAS[kind])


def _to_array(field: Field, values: list[Any]) -> Array:
    """Make a column; a day is counted from 1970 and only then called a date."""
    if DataType.is_date32(field.type):
        return Array(values, type=DataType.int32()).cast(field.type)
    return Array(values, type=field.type)
