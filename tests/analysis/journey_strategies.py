"""Random journey definitions and random histories for property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from abplat.analysis.journeys.events import EventRow
from abplat.domain.journeys import JourneyDefinition, parse_journey
from abplat.errors import InvalidInputError

SECOND = 1_000_000
EVENTS = ("a", "b", "c", "d", "e", "x")
CHANNELS = ("web", "app", "phone")
PROPS = {"kind": [1, True, "1", 2.0]}

durations = st.one_of(st.none(), st.integers(1, 12).map(lambda s: f"{s}s"))


@st.composite
def matchers(draw: st.DrawFn) -> dict[str, Any]:
    """Return one matcher, mostly a bare event name."""
    matcher: dict[str, Any] = {"event": draw(st.sampled_from(EVENTS))}
    if draw(st.integers(0, 4)) == 0:
        matcher["channel"] = draw(st.sampled_from(["web", ["app", "phone"], ["web", "nowhere"]]))
    if draw(st.integers(0, 5)) == 0:
        matcher["props"] = {"kind": draw(st.sampled_from([1, "1", True, [1, "1"], [2, False]]))}
    return matcher


@st.composite
def definitions(draw: st.DrawFn) -> JourneyDefinition:
    """Return a definition that is valid."""
    n_stages = draw(st.integers(2, 5))
    ordering = draw(st.sampled_from(["ordered", "ordered", "strict", "any"]))
    stages = []
    for i in range(n_stages):
        middle = 0 < i < n_stages - 1
        stages.append({
            "key": f"s{i}",
            "match": draw(st.lists(matchers(), min_size=1, max_size=2)),
            "optional": middle and draw(st.integers(0, 2)) == 0,
            "within": draw(durations) if i else None,
        })  # fmt: skip
    document: dict[str, Any] = {
        "key": "j", "stages": stages, "window": f"{draw(st.integers(1, 20))}s", "ordering": ordering,
        "inactivity": draw(durations), "reentry": draw(st.sampled_from(["after_end", "once", "restart"])),
        "lateness": draw(durations), "correlate_by": draw(st.sampled_from([None, "order"])),
        "scope": draw(st.sampled_from([None, None, ["x"], ["e", "x"]])),
    }  # fmt: skip
    if draw(st.booleans()):
        keys = [None, *(stage["key"] for stage in stages)]
        span = st.fixed_dictionaries({
            "match": st.lists(matchers(), min_size=1, max_size=2),
            "after": st.sampled_from(keys), "before": st.sampled_from(keys),
        })  # fmt: skip
        document["exclude"] = draw(st.lists(span, min_size=1, max_size=2))
    try:
        return parse_journey(document, require_owner=False)
    except InvalidInputError:
        return parse_journey(document | {"exclude": []}, require_owner=False)


@st.composite
def histories(draw: st.DrawFn) -> list[EventRow]:
    """Return events of up to two customers with ties, late, future and repeated ids."""
    event = st.tuples(
        st.sampled_from(EVENTS), st.integers(0, 30), st.sampled_from((None, *CHANNELS)),
        st.sampled_from((None, "A", "A", "B", "C", "", 7, True)), st.integers(0, 11),
    )  # fmt: skip
    rows = []
    for i, (name, at, channel, order, extra) in enumerate(draw(st.lists(event, max_size=40))):
        props: dict[str, Any] = {} if order is None else {"order": order}
        if extra < 4:
            props["kind"] = PROPS["kind"][extra]
        if extra in {4, 5, 6}:
            props["captured"] = [["email"], ["email", "dob"], "email"][extra - 4]
        late = 40 if extra == 7 else extra % 3
        event_id = f"e{i // 2 if extra == 8 else i}"
        customer = "cust:2" if extra == 9 else "cust:1"
        ts = at * SECOND
        rows.append(EventRow(event_id, customer, name, ts, ts + late * SECOND, channel, props))
    return rows
