"""Facts into event columns: what the compiled pass reads.

Three sources end in the same columns: rows of a case file, columns in memory, and the result of
a scan whose matchers the engine has already evaluated. A matcher becomes one bit per event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import orjson
from numpy.typing import NDArray

from abplat.analysis.journeys.events import (
    EventRow,
    captured_fields,
    correlation_value,
    props_match,
    snapshot,
)
from abplat.analysis.journeys.kernel import order_by_customer
from abplat.domain.journeys import JourneyDefinition, Matcher

_Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, slots=True)
class EventColumns:
    """Events sorted by customer, time, lowest stage, event id: one entry per event."""

    customer: NDArray[np.int32]
    ts: NDArray[np.int64]
    stage_mask: NDArray[np.int64]
    """Bit i: the event matches stage i."""
    exclude_mask: NDArray[np.int64]
    """Bit i: the event matches exclusion i."""
    in_scope: NDArray[np.bool_]
    channel: NDArray[np.int32]
    """Position in ``channels``, -1 unknown."""
    value: NDArray[np.int32]
    """Position in ``values``, -1 missing; higher position, higher value."""
    captured: NDArray[np.uint64]
    """[:, word] bits of the fields asked for; no word where nothing was."""
    source: NDArray[np.int64]
    """Where the event stood in the input."""
    channels: tuple[str, ...]
    values: tuple[str, ...]

    def as_tuple(self) -> tuple[_Array, ...]:
        """Return the arrays in the order of the compiled pass."""
        return (self.customer, self.ts, self.stage_mask, self.exclude_mask, self.in_scope,
                self.channel, self.value, self.captured)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FactColumns:
    """Touchpoints as columns, in any order, each event once.

    ``name`` and ``channel`` are positions in ``names`` and ``channels`` (-1: unknown channel);
    ``tie`` orders events of one customer at one instant, in the order of their ids.
    ``props`` is needed only where the definition reads properties: JSON texts or parsed objects.
    """

    customer: _Array
    ts: _Array
    name: _Array
    names: Sequence[str]
    channel: _Array
    channels: Sequence[str]
    tie: _Array
    props: Sequence[str | Mapping[str, Any] | None] | None = None


@dataclass(frozen=True, slots=True)
class MaskColumns:
    """A scan's result: matchers evaluated by the engine.

    With ``ordered`` the rows come sorted by time, lowest stage, event id already, so only a
    counting sort by customer is left; otherwise ``tie`` orders events of one instant.
    """

    customer: _Array
    ts: _Array
    stage_mask: _Array
    exclude_mask: _Array
    in_scope: _Array
    channel: Sequence[str | None] | _Array
    value: Sequence[str | None] | _Array | None = None
    captured: Sequence[str | None] | _Array | None = None
    """Per event the JSON text of the list of fields it asked for, or None."""
    tie: _Array | None = None
    ordered: bool = False


def encode_rows(
    definition: JourneyDefinition,
    rows: Iterable[EventRow],
    as_of_us: int,
    customers: Sequence[str] | None = None,
) -> tuple[EventColumns, tuple[str, ...]]:
    """Encode single events whose actor is a customer name.

    Args:
        definition: What to look for.
        rows: Events in any order, late and repeated ones among them.
        as_of_us: The snapshot, microseconds UTC.
        customers: Sorted names to number the customers by; those of the rows when left out.

    Returns:
        The columns, and the customer names by code (sorted).
    """
    kept = snapshot(rows, as_of_us)
    names_of_customers = sorted({row.actor for row in kept}) if customers is None else customers
    places = {name: i for i, name in enumerate(names_of_customers)}
    customer = np.array([places[row.actor] for row in kept], np.int32)
    name, names = code(row.name for row in kept)
    channel, channels = code(row.channel for row in kept)
    tie, _ = code(row.id for row in kept)
    ts = np.array([row.ts_us for row in kept], np.int64)
    facts = FactColumns(customer, ts, name, names, channel, channels, tie, [row.props for row in kept])
    return encode_columns(definition, facts), tuple(names_of_customers)


def encode_columns(definition: JourneyDefinition, facts: FactColumns) -> EventColumns:
    """Encode columns in memory, evaluating the matchers here."""
    props = _Props(facts.props)
    stages = [_mask(facts, part.match, props) for part in definition.stages]
    excludes = [_mask(facts, part.match, props) for part in definition.exclude]
    stage_mask, exclude_mask = _bits(stages, facts.ts.size), _bits(excludes, facts.ts.size)
    scope = (
        np.isin(facts.name, _codes(facts.names, definition.scope)) | (stage_mask != 0) | (exclude_mask != 0)
    )
    value, values = np.full(facts.ts.size, -1, np.int32), tuple[str, ...]()
    if definition.correlate_by is not None:
        value, values = code(correlation_value(definition, parsed) for parsed in props.all(facts.ts.size))
    captured = _captured([captured_fields(parsed) for parsed in props.all(facts.ts.size)] if facts.props else [],
                         facts.ts.size)  # fmt: skip
    order = np.lexsort((facts.tie, _lowest(stage_mask), facts.ts, facts.customer))
    return EventColumns(
        customer=facts.customer[order].astype(np.int32, copy=False),
        ts=facts.ts[order].astype(np.int64, copy=False),
        stage_mask=stage_mask[order],
        exclude_mask=exclude_mask[order],
        in_scope=scope[order],
        channel=facts.channel[order].astype(np.int32, copy=False),
        value=value[order],
        captured=captured[order],
        source=order,
        channels=tuple(facts.channels),
        values=values,
    )


def encode_masks(masks: MaskColumns, n_customers: int) -> EventColumns:
    """Encode a scan's result; ``customer`` holds codes below ``n_customers``."""
    size = masks.ts.size
    customer = np.ascontiguousarray(masks.customer, np.int32)
    stage_mask = np.ascontiguousarray(masks.stage_mask, np.int64)
    channel, channels = code(masks.channel)
    value, values = np.full(size, -1, np.int32), tuple[str, ...]()
    if masks.value is not None:
        value, values = code(masks.value)
    if masks.ordered:
        order = order_by_customer(customer, n_customers)
    else:
        tie = np.arange(size) if masks.tie is None else masks.tie
        order = np.lexsort((tie, _lowest(stage_mask), masks.ts, customer))
    return EventColumns(
        customer=customer[order],
        ts=np.ascontiguousarray(masks.ts, np.int64)[order],
        stage_mask=stage_mask[order],
        exclude_mask=np.ascontiguousarray(masks.exclude_mask, np.int64)[order],
        in_scope=np.ascontiguousarray(masks.in_scope, np.bool_)[order],
        channel=channel[order],
        value=value[order],
        captured=_captured_texts(masks.captured, size)[order],
        source=order,
        channels=channels,
        values=values,
    )


def code(texts: Iterable[str | None] | _Array) -> tuple[NDArray[np.int32], tuple[str, ...]]:
    """Return codes and the sorted vocabulary: a higher code is a higher text, None is -1.

    Examples:
        >>> code(["b", None, "a"])
        (array([ 1, -1,  0], dtype=int32), ('a', 'b'))
    """
    found: defaultdict[str | None, int] = defaultdict()
    found.default_factory = found.__len__  # a text not met before gets the next number
    first_seen = np.fromiter(map(found.__getitem__, texts), np.int64)
    vocabulary = sorted(text for text in found if text is not None)
    place = {text: i for i, text in enumerate(vocabulary)}
    rank = np.array([-1 if text is None else place[text] for text in found], np.int32)
    return (rank[first_seen] if found else np.empty(0, np.int32)), tuple(vocabulary)


class _Props:
    """Parses properties once, and only those that are looked at."""

    def __init__(self, props: Sequence[str | Mapping[str, Any] | None] | None) -> None:
        self._props = props

    def at(self, i: int) -> Mapping[str, Any]:
        """Return the properties of one event."""
        item = None if self._props is None else self._props[i]
        parsed = orjson.loads(item) if isinstance(item, str | bytes) else item
        return parsed if isinstance(parsed, Mapping) else {}

    def all(self, size: int) -> Iterable[Mapping[str, Any]]:
        """Return the properties of every event."""
        return (self.at(i) for i in range(size))


def _codes(vocabulary: Sequence[str], wanted: Iterable[str] | None) -> list[int]:
    """Return the codes of the wanted texts; of all where nothing is named."""
    chosen = None if wanted is None else set(wanted)
    return [i for i, text in enumerate(vocabulary) if chosen is None or text in chosen]


def _mask(facts: FactColumns, matchers: Iterable[Matcher], props: _Props) -> NDArray[np.bool_]:
    """Return which events some matcher accepts."""
    found = np.zeros(facts.ts.size, bool)
    for matcher in matchers:
        hit = np.isin(facts.name, _codes(facts.names, [matcher.event]))
        if matcher.channels is not None:
            hit &= np.isin(facts.channel, _codes(facts.channels, matcher.channels))
        if matcher.props:
            hit[[i for i in np.flatnonzero(hit).tolist() if not props_match(matcher, props.at(i))]] = False
        found |= hit
    return found


def _bits(parts: list[NDArray[np.bool_]], size: int) -> NDArray[np.int64]:
    """Pack one flag per part into the bits of one integer per event."""
    mask = np.zeros(size, np.int64)
    for i, part in enumerate(parts):
        mask |= part.astype(np.int64) << i
    return mask


def _lowest(mask: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the lowest stage matched; events that match none come last."""
    _, exponent = np.frexp((mask & -mask).astype(np.float64))
    return np.where(mask == 0, 64, exponent.astype(np.int64) - 1)


def _captured_texts(texts: Sequence[str | None] | _Array | None, size: int) -> NDArray[np.uint64]:
    """Pack the fields asked for; every different text is read once."""
    codes, vocabulary = code(texts if texts is not None else ())
    if not vocabulary:
        return np.zeros((size, 0), np.uint64)
    fields = [captured_fields({"captured": orjson.loads(text)}) for text in vocabulary]
    packed = _captured([*fields, frozenset()], len(fields) + 1)
    return packed[codes]


def _captured(fields: list[frozenset[str]], size: int) -> NDArray[np.uint64]:
    """Pack the fields asked for into words of 64 bits."""
    places: dict[str, int] = {}
    for names in fields:
        for name in names:
            places.setdefault(name, len(places))
    packed = np.zeros((size, -(-len(places) // 64)), np.uint64)
    for i, names in enumerate(fields):
        for name in names:
            packed[i, places[name] // 64] |= np.uint64(1 << places[name] % 64)
    return packed
