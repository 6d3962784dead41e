"""The questions asked of the lake, compiled to the engine's SQL.

Ibis serves as a compiler only: expressions over unbound tables become text, and values become
literals escaped by the compiler, so no name or property of a definition can change a query. The
engine then answers with columns; matchers come back as bits, so no property leaves the engine.

Every query sees the facts as of one instant: nothing that happened or arrived later, and each id
once (the copy received first, then the lowest batch).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import lru_cache, reduce
from operator import and_, or_
from typing import Any

from abplat.domain.journeys import JourneyDefinition, Matcher, PropValue

_COMMON = {"event_id": "string", "ts_us": "int64", "received_us": "int64", "batch": "int64"}
_TOUCHPOINT = _COMMON | {"actor": "string", "name": "string", "channel": "string", "props": "string"}
_EXPOSURE = _COMMON | {
    "actor": "string", "experiment": "string", "variant": "string", "channel": "string", "reason": "string",
    "phase": "int64",
    "sdk": "string",
    "cluster": "string",
}  # fmt: skip
_ALIAS = _COMMON | {"a": "string", "b": "string", "source": "string"}
_NUMBER_TYPES = ("BIGINT", "UBIGINT", "HUGEINT", "DOUBLE")
_SINGLE_TYPES = ("VARCHAR", "BOOLEAN", *_NUMBER_TYPES)
_EXACT_INTEGER = 2**53
WORD = 46
"""Parts whose bits fit into one integer beside a channel."""


def scan_touchpoints(
    definition: JourneyDefinition,
    as_of_us: int,
    *,
    table: str = "touchpoints",
    customers: str | None = None,
    unique: bool = False,
    dialect: str = "duckdb",
) -> str:
    """Return the SQL that reads touchpoints through a journey definition.

    Columns: ``actor`` (or ``customer``, see below), ``ts_us``, ``received_us``, ``stage_mask``,
    ``exclude_mask``, ``in_scope``, ``channel``, ``correlation`` (text or null), ``captured`` (JSON
    text or null), sorted by time, lowest stage matched, event id: what
    ``encode_masks(MaskColumns(..., ordered=True))`` takes. Events out of scope are left out: they
    have no part in any journey.

    Args:
        definition: Whose matchers to evaluate.
        as_of_us: The snapshot, microseconds UTC.
        table: The relation that holds the touchpoints, columns as in the lake.
        customers: A relation (actor, customer) to answer with customer codes instead of ids.
        unique: Whether the relation holds each event once and nothing later already.
        dialect: Of the engine.
    """
    ibis = _ibis()
    facts = _snapshot(table, _TOUCHPOINT, as_of_us, unique=unique)
    hits = [_any_of(facts, stage.match) for stage in definition.stages]
    facts = facts.mutate(
        stage_mask=_bits(hits),
        exclude_mask=_bits([_any_of(facts, exclude.match) for exclude in definition.exclude]),
        lowest=ibis.cases(*((hit, i) for i, hit in enumerate(hits)), else_=len(hits)),
        correlation=_correlation(facts, definition.correlate_by),
        captured=_captured(facts),
    )
    seen = (facts.stage_mask != 0) | (facts.exclude_mask != 0)
    if definition.scope is not None:
        facts = facts.filter(seen | facts.name.isin(list(definition.scope)))
    facts = facts.mutate(in_scope=ibis.literal(value=True))
    who = "actor"
    if customers is not None:
        codes = ibis.table({"actor": "string", "customer": "int64"}, name=customers)
        facts, who = facts.join(codes, "actor"), "customer"
    facts = facts.order_by("ts_us", "lowest", "event_id")
    names = (
        "ts_us",
        "received_us",
        "stage_mask",
        "exclude_mask",
        "in_scope",
        "channel",
        "correlation",
        "captured",
    )
    return _sql(facts.select(who, *names), dialect)


def scan_contacts(  # noqa: PLR0913  an option each
    metrics: Sequence[Iterable[Matcher] | None],
    as_of_us: int,
    *,
    customers: str,
    properties: Sequence[str] = (),
    with_channel: bool = False,
    table: str = "touchpoints",
    unique: bool = False,
    dialect: str = "duckdb",
) -> str:
    """Return the SQL for the events that metrics count: customer, ts_us, value, mask.

    Args:
        metrics: Per metric the matchers of its events; None counts all events. Bit i of ``mask``
            says that metric i counts the event; at most 63 metrics.
        as_of_us: The snapshot, microseconds UTC.
        customers: A relation (actor, customer): events of other actors are left out.
        properties: Names of properties whose text is wanted, in columns ``property_0`` and on.
        with_channel: Whether the channel is wanted.
        table: The relation that holds the touchpoints.
        unique: Whether it holds each event once and nothing later already.
        dialect: Of the engine.
    """
    ibis = _ibis()
    facts = _snapshot(table, _TOUCHPOINT | {"value": "float64"}, as_of_us, unique=unique)
    everything = ibis.literal(value=True)
    facts = facts.mutate(
        mask=_bits([everything if match is None else _any_of(facts, match) for match in metrics])
    )
    facts = facts.filter(facts.mask != 0)
    read = {f"property_{place}": _correlation(facts, name) for place, name in enumerate(properties)}
    facts = facts.mutate(**read) if read else facts
    codes = ibis.table({"actor": "string", "customer": "int64"}, name=customers)
    facts = facts.join(codes, "actor").order_by("ts_us", "event_id")
    return _sql(
        facts.select("customer", "ts_us", "value", "mask", *read, *(["channel"] if with_channel else [])),
        dialect,
    )


def scan_scores(
    names: Sequence[str],
    as_of_us: int,
    *,
    customers: str,
    table: str = "scores",
    dialect: str = "duckdb",
) -> str:
    """Return the SQL for the scores that customers gave: customer, ts_us, value, name.

    Args:
        names: Names of the scores.
        as_of_us: The snapshot, microseconds UTC.
        customers: A relation (actor, customer): scores of other actors are left out.
        table: The relation that holds the scores.
        dialect: Of the engine.
    """
    facts = _snapshot(table, _COMMON | {"actor": "string", "name": "string", "value": "float64"}, as_of_us)
    codes = _ibis().table({"actor": "string", "customer": "int64"}, name=customers)
    facts = facts.filter(facts.name.isin(list(names))).join(codes, "actor").order_by("ts_us", "event_id")
    return _sql(facts.select("customer", "ts_us", "value", "name"), dialect)


def scan_stream(
    parts: Sequence[Iterable[Matcher] | None],
    *,
    channels: Sequence[str] = (),
    with_value: bool = False,
    table: str = "touchpoints",
    dialect: str = "duckdb",
) -> str:
    """Return the SQL that turns touchpoints into integers, in the order in which they lie.

    Columns: ``actor_code``, ``ts_us``, ``mask0``, ``mask1`` .. (46 parts each, none without parts),
    ``channel`` (position in ``channels``, -1 for any other) and, if asked for, ``value`` (0 for none).

    Args:
        parts: Bit i of the masks says that an event matches part i; None matches every event.
        channels: Names of channels, which become their positions.
        with_value: Whether the values of events are needed.
        table: The relation that holds the touchpoints, each once, with ``actor_code``.
        dialect: Of the engine.
    """
    ibis = _ibis()
    facts = ibis.table(_TOUCHPOINT | {"value": "float64", "actor_code": "int64"}, name=table)
    hits = [ibis.literal(value=True) if part is None else _any_of(facts, part) for part in parts]
    masks = {
        f"mask{word}": _bits(hits[word * WORD : (word + 1) * WORD]).cast(_narrow(len(hits) - word * WORD))
        for word in range(-(-len(hits) // WORD))
    }
    places = [(facts.channel == name, place) for place, name in enumerate(channels)]
    channel = ibis.cases(*places, else_=-1) if places else ibis.literal(-1)
    columns = {"actor_code": facts.actor_code.cast("int32"), "ts_us": facts.ts_us, **masks}
    columns["channel"] = channel.cast("int16")
    if with_value:
        columns["value"] = facts.value.fill_null(0.0)
    return _sql(facts.select(**columns), dialect)


def _narrow(bits: int) -> str:
    """Return a small signed type for so many bits: less to move; two types, as code is compiled for each."""
    return "int16" if bits <= 15 else "int64"


def scan_exposures(
    experiment: str, as_of_us: int, *, table: str = "exposures", unique: bool = False, dialect: str = "duckdb"
) -> str:
    """Return the SQL for the exposures of an experiment: one row each, in the order of time."""
    facts = _snapshot(table, _EXPOSURE, as_of_us, unique=unique)
    facts = facts.filter(facts.experiment == experiment).order_by("ts_us", "event_id")
    columns = ("event_id", "actor", "variant", "channel", "ts_us", "reason", "phase", "sdk", "cluster")
    return _sql(facts.select(*columns), dialect)


def scan_aliases(
    as_of_us: int, *, table: str = "aliases", unique: bool = False, dialect: str = "duckdb"
) -> str:
    """Return the SQL for the aliases: a, b, ts_us, received_us, source, in the order they are taken in."""
    facts = _snapshot(table, _ALIAS, as_of_us, unique=unique)
    facts = facts.order_by("ts_us", "received_us", "batch", "event_id")
    return _sql(facts.select("a", "b", "ts_us", "received_us", "source"), dialect)


def _ibis() -> Any:
    """Load the compiler when it is first needed: it takes seconds."""
    import ibis  # noqa: PLC0415

    return ibis


def _sql(expression: Any, dialect: str) -> str:
    """Compile an expression to text."""
    return str(_ibis().to_sql(expression, dialect=dialect))


def _snapshot(table: str, schema: dict[str, str], as_of_us: int, *, unique: bool = False) -> Any:
    """Return the facts that exist as of an instant, each id once; they do already where they are unique."""
    ibis = _ibis()
    facts = ibis.table(schema, name=table)
    if unique:
        return facts
    facts = facts.filter((facts.ts_us <= as_of_us) & (facts.received_us <= as_of_us))
    copy = ibis.row_number().over(group_by="event_id", order_by=["received_us", "batch", "ts_us"])
    facts = facts.mutate(copy=copy)
    return facts.filter(facts.copy == 0).drop("copy")


@lru_cache(maxsize=1)
def _json() -> tuple[Any, Any, Any]:
    """Return the engine's functions on JSON text: type, text and part at a pointer."""
    builtin = _ibis().udf.scalar.builtin

    def json_type(document: str, pointer: str) -> str: ...  # type: ignore[empty-body]
    def json_extract_string(document: str, pointer: str) -> str: ...  # type: ignore[empty-body]
    def json_extract(document: str, pointer: str) -> str: ...  # type: ignore[empty-body]

    for function in (json_type, json_extract_string, json_extract):
        function.__annotations__ = {"document": str, "pointer": str, "return": str}
    return builtin(json_type), builtin(json_extract_string), builtin(json_extract)


def _pointer(name: str) -> str:
    """Return the JSON pointer of a property: it can hold any name."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _any_of(facts: Any, matchers: Iterable[Matcher]) -> Any:
    """Return whether some matcher accepts the event."""
    return reduce(or_, (_accepts(facts, matcher) for matcher in matchers))


def _accepts(facts: Any, matcher: Matcher) -> Any:
    """Return whether a matcher accepts the event: every part it names must hold."""
    # A matcher of metrics may name channels alone; journeys always name the event.
    parts = [facts.name == matcher.event] if matcher.event else []
    if matcher.channels is not None:
        parts.append(facts.channel.isin(list(matcher.channels)))
    for name, values in matcher.props:
        parts.append(reduce(or_, (_holds(facts.props, name, value) for value in values)))
    return reduce(and_, parts)


def _holds(props: Any, name: str, wanted: PropValue) -> Any:
    """Return whether a property has a value, of the same JSON kind."""
    json_type, json_text, _ = _json()
    pointer = _pointer(name)
    kind, text = json_type(props, pointer), json_text(props, pointer)
    if isinstance(wanted, bool):
        return (kind == "BOOLEAN") & (text == str(wanted).lower())
    if isinstance(wanted, str):
        return (kind == "VARCHAR") & (text == wanted)
    if isinstance(wanted, int) and abs(wanted) > _EXACT_INTEGER:
        return kind.isin(list(_NUMBER_TYPES)) & (text == str(wanted))
    if not math.isfinite(wanted):
        return _ibis().literal(value=False)
    return kind.isin(list(_NUMBER_TYPES)) & (text.try_cast("float64") == float(wanted))


def _bits(hits: list[Any]) -> Any:
    """Pack one condition per place into the bits of an integer."""
    ibis = _ibis()
    zero = ibis.literal(0, "int64")
    bits = (ibis.cases((hit, ibis.literal(1 << i, "int64")), else_=zero) for i, hit in enumerate(hits))
    return reduce(lambda a, b: a + b, bits, zero)


def _correlation(facts: Any, name: str | None) -> Any:
    """Return the correlation value as text; null where it is missing, empty or no single value."""
    if name is None:
        return _ibis().null("string")
    json_type, json_text, _ = _json()
    text = json_text(facts.props, _pointer(name))
    single = json_type(facts.props, _pointer(name)).isin(list(_SINGLE_TYPES)) & (text != "")
    return _ibis().cases((single, text), else_=_ibis().null("string"))


def _captured(facts: Any) -> Any:
    """Return the JSON text of the fields asked for; null where there are none."""
    json_type, _, json_part = _json()
    named = json_type(facts.props, "/captured").isin(["ARRAY", "VARCHAR"])
    return _ibis().cases((named, json_part(facts.props, "/captured")), else_=_ibis().null("string"))
