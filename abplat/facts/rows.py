"""The rows that facts are kept in: one kind of row per kind of event."""

from __future__ import annotations

import msgspec


class TouchpointRow(msgspec.Struct, frozen=True, omit_defaults=True, tag="touchpoint", tag_field="kind"):
    """Something a customer did, or that was done to them, in a channel.

    Attributes:
        event_id: The sender's id of the event: the same id is counted once.
        actor: Typed id of whom it happened to, such as ``cust:7``.
        name: What happened.
        ts_us: When it happened, in microseconds since 1970 UTC.
        channel: Where it happened.
        value: What it was worth, for example in money.
        props: Everything else, as the text of a JSON object.
    """

    event_id: str
    actor: str
    name: str
    ts_us: int
    channel: str | None = None
    value: float | None = None
    props: str | None = None


class ExposureRow(msgspec.Struct, frozen=True, omit_defaults=True, tag="exposure", tag_field="kind"):
    """A customer met a variant of an experiment.

    ``phase`` is the number of the phase that decided it; ``sdk`` names what told it, such as ``python/0.1.0``;
    ``cluster`` is the group that was drawn in place of the customer, such as ``store:42``.
    """

    event_id: str
    actor: str
    experiment: str
    variant: str
    ts_us: int
    channel: str | None = None
    reason: str | None = None
    config_version: str | None = None
    phase: int | None = None
    sdk: str | None = None
    cluster: str | None = None


class AliasRow(msgspec.Struct, frozen=True, omit_defaults=True, tag="alias", tag_field="kind"):
    """Two typed ids belong to one customer, says a source."""

    event_id: str
    a: str
    b: str
    ts_us: int
    source: str | None = None


class ScoreRow(msgspec.Struct, frozen=True, omit_defaults=True, tag="score", tag_field="kind"):
    """A customer's answer to a question, such as a satisfaction score."""

    event_id: str
    actor: str
    name: str
    value: float
    ts_us: int
    channel: str | None = None


Row = TouchpointRow | ExposureRow | AliasRow | ScoreRow

ROW_TYPES: dict[str, type[Row]] = {
    "touchpoint": TouchpointRow,
    "exposure": ExposureRow,
    "alias": AliasRow,
    "score": ScoreRow,
}
_KINDS = {row_type: kind for kind, row_type in ROW_TYPES.items()}


def kind_of(row: Row) -> str:
    """Return the kind of a row.

    Examples:
        >>> kind_of(AliasRow("e1", "anon:w1", "cust:7", 0))
        'alias'
    """
    return _KINDS[type(row)]


def ids_of(row: Row) -> tuple[str, ...]:
    """Return whom a row is about.

    Examples:
        >>> ids_of(AliasRow("e1", "anon:w1", "cust:7", 0))
        ('anon:w1', 'cust:7')
    """
    if isinstance(row, AliasRow):
        return row.a, row.b
    if isinstance(row, ExposureRow) and row.cluster is not None:
        return row.actor, row.cluster
    return (row.actor,)


class Failure(msgspec.Struct, frozen=True):
    """An event that was refused, with the reason, kept so that it can be mended and sent again.

    Attributes:
        index: Its place in the batch it came in, from 0.
        code: The reason for programs.
        message: The reason for people: what is wrong, the value seen, the way out.
        body: The event as it was sent, as JSON text.
    """

    index: int
    code: str
    message: str
    body: str
