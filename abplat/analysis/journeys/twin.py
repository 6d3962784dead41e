"""The matcher in plain Python: the rules as a person would read them.

This is the oracle of the compiled pass, one paragraph of the rules per function (numbers refer to
``docs/reference/journeys.md``). It is slow and meant to be: believe it by reading it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import pairwise

from abplat.analysis.journeys.events import (
    EventRow,
    captured_fields,
    correlation_value,
    in_scope,
    matches_any,
    snapshot,
)
from abplat.analysis.journeys.journey import Journey, Link
from abplat.domain.journeys import JourneyDefinition


@dataclass(slots=True)
class _Event:
    """An event seen through one definition."""

    id: str
    ts: int
    channel: str | None
    stages: list[int]
    excludes: list[int]
    in_scope: bool
    value: str | None
    captured: frozenset[str]


@dataclass(slots=True)
class _State:
    """A journey under way."""

    value: str | None
    start: int
    reached: list[tuple[int, int, str | None]] = field(default_factory=list)
    touched: list[_Event] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    repeats: int = 0
    backtracks: int = 0
    recaptures: int = 0
    status: str = "open"
    reason: str | None = None
    end: int = 0

    @property
    def current(self) -> int:
        """Return the stage reached last."""
        return self.reached[-1][0]

    def has(self, stage: int) -> bool:
        """Return whether a stage was reached."""
        return any(stage == reached for reached, _, _ in self.reached)


def match_journeys(definition: JourneyDefinition, rows: Iterable[EventRow], as_of_us: int) -> list[Journey]:
    """Find the journeys of every customer, ordered by customer, start, value.

    Args:
        definition: What a journey is.
        rows: Events whose actor is the customer's name; late and duplicate ones are sorted out here.
        as_of_us: The snapshot, microseconds UTC.
    """
    streams: dict[str, list[_Event]] = defaultdict(list)
    for row in snapshot(rows, as_of_us):
        streams[row.actor].append(_see(definition, row))
    found: list[Journey] = []
    for customer in sorted(streams):
        states = _Customer(definition, as_of_us).run(streams[customer])
        states.sort(key=lambda state: (state.start, state.value or ""))
        found += [_report(definition, s, customer, n, as_of_us) for n, s in enumerate(states, start=1)]
    return found


def _see(definition: JourneyDefinition, row: EventRow) -> _Event:
    """Work out what an event means to the definition."""
    seen = (row.name, row.channel, row.props)
    return _Event(
        id=row.id,
        ts=row.ts_us,
        channel=row.channel,
        stages=[i for i, stage in enumerate(definition.stages) if matches_any(stage.match, *seen)],
        excludes=[i for i, rule in enumerate(definition.exclude) if matches_any(rule.match, *seen)],
        in_scope=in_scope(definition, *seen),
        value=correlation_value(definition, row.props),
        captured=captured_fields(row.props),
    )


class _Customer:
    """Runs one definition over the events of one customer."""

    def __init__(self, definition: JourneyDefinition, as_of_us: int) -> None:
        self.definition = definition
        self.as_of = as_of_us
        self.states: list[_State] = []

    def run(self, events: list[_Event]) -> list[_State]:
        """Read the stream in order (rule 3) and return all journeys."""
        last = len(self.definition.stages)
        for event in sorted(events, key=lambda e: (e.ts, e.stages[0] if e.stages else last, e.id)):
            self.close_overdue(event.ts)
            self.read(event)
        self.close_overdue(self.as_of)
        for state in self.open():
            state.end = self.as_of
        return self.states

    def open(self) -> list[_State]:
        """Return the journeys under way."""
        return [state for state in self.states if state.status == "open"]

    def close_overdue(self, now: int) -> None:
        """Rules 4 and 10: a deadline strictly before ``now`` has ended the journey."""
        for state in self.open():
            deadline, reason = self.deadline(state)
            if deadline < now:
                state.status, state.reason, state.end = "abandoned", reason, deadline

    def deadline(self, state: _State) -> tuple[int, str]:
        """Rule 4: the earliest limit; on equality the first named."""
        d = self.definition
        limits = [(state.start + d.window_us, "window")]
        for stage, anchor in self.awaited(state):
            within = d.stages[stage].within_us
            if within is not None:
                limits.append((anchor + within, f"within:{d.stages[stage].key}"))
        if d.inactivity_us is not None:
            limits.append((state.touched[-1].ts + d.inactivity_us, "inactivity"))
        return min(limits, key=lambda limit: limit[0])

    def awaited(self, state: _State) -> list[tuple[int, int]]:
        """Return the required stages waited for, each with the instant its ``within`` runs from."""
        missing = [
            i for i, stage in enumerate(self.definition.stages) if not stage.optional and not state.has(i)
        ]
        if self.definition.ordering == "any":
            return [(stage, state.start) for stage in missing]
        return [(missing[0], self.anchor(state))]

    def anchor(self, state: _State) -> int:
        """Return the time of the required stage reached last."""
        stages = self.definition.stages
        return [ts for stage, ts, _ in state.reached if not stages[stage].optional][-1]

    def read(self, event: _Event) -> None:
        """Rules 5 to 8: give the event its one role."""
        state = self.target(event)
        if state is None:
            if self.may_start(event):
                self.begin(event)
        elif event.in_scope:
            self.meet(state, event)

    def target(self, event: _Event) -> _State | None:
        """Rule 5: the journey that the event speaks to."""
        under_way = self.open()
        if self.definition.correlate_by is not None:
            if event.value is not None:
                under_way = [state for state in under_way if state.value == event.value]
            under_way.sort(key=lambda state: (state.start, state.value or ""))
        return under_way[-1] if under_way else None

    def counts(self, event: _Event) -> bool:
        """Return whether the event may start or advance a journey at all (rule 5)."""
        return self.definition.correlate_by is None or event.value is not None

    def may_start(self, event: _Event) -> bool:
        """Rule 6: first stage, and re-entry allows."""
        if 0 not in event.stages or not self.counts(event):
            return False
        value = event.value if self.definition.correlate_by is not None else None
        return self.definition.reentry != "once" or all(s.value != value for s in self.states)

    def begin(self, event: _Event) -> None:
        """Start a journey."""
        value = event.value if self.definition.correlate_by is not None else None
        state = _State(value=value, start=event.ts)
        self.states.append(state)
        self.touch(state, event)
        state.reached.append((0, event.ts, event.channel))

    def meet(self, state: _State, event: _Event) -> None:
        """Rule 7: the first that applies."""
        stage = self.candidate(state, event)
        if stage is not None:
            self.advance(state, event, stage)
        elif self.excluded(state, event):
            self.touch(state, event)
            self.end(state, "aborted", "exclusion", event.ts)
        elif self.definition.reentry == "restart" and 0 in event.stages and self.counts(event):
            self.end(state, "superseded", "restart", event.ts)
            self.begin(event)
        elif self.definition.ordering == "strict":
            self.end(state, "aborted", "strict", event.ts)
            if self.may_start(event):
                self.begin(event)
            else:
                self.touch(state, event)
        else:
            self.touch(state, event)
            self.count_return(state, event)

    def candidate(self, state: _State, event: _Event) -> int | None:
        """Rule 7a: the lowest stage that the event reaches, if any."""
        if not self.counts(event):
            return None
        stages = self.definition.stages
        for stage, anchor in self.candidates(state):
            within = stages[stage].within_us
            too_late = stages[stage].optional and within is not None and event.ts > anchor + within
            if stage in event.stages and not too_late:
                return stage
        return None

    def candidates(self, state: _State) -> list[tuple[int, int]]:
        """Return the stages that may come next, each with the instant its ``within`` runs from."""
        n_stages = len(self.definition.stages)
        if self.definition.ordering == "any":
            return [(stage, state.start) for stage in range(n_stages) if not state.has(stage)]
        [(required, anchor)] = self.awaited(state)
        return [(stage, anchor) for stage in range(state.current + 1, required + 1)]

    def advance(self, state: _State, event: _Event, stage: int) -> None:
        """Reach a stage; rule 9: the last one completes the journey."""
        self.touch(state, event)
        state.reached.append((stage, event.ts, event.channel))
        stages = self.definition.stages
        if self.definition.ordering == "any":
            done = all(stages[i].optional or state.has(i) for i in range(len(stages)))
        else:
            done = stage == len(stages) - 1
        if done:
            self.end(state, "completed", None, event.ts)

    def excluded(self, state: _State, event: _Event) -> bool:
        """Rule 7b: an exclusion that the event matches is in force."""
        rules = [self.definition.exclude[i] for i in event.excludes]
        if self.definition.ordering == "any":
            return any(
                state.has(r.after) and not (r.before is not None and state.has(r.before)) for r in rules
            )
        return any(r.after <= state.current and (r.before is None or state.current < r.before) for r in rules)

    def touch(self, state: _State, event: _Event) -> None:
        """Count the event as a touchpoint of the journey."""
        if event.captured & state.known:
            state.recaptures += 1
        state.known |= event.captured
        state.touched.append(event)

    def count_return(self, state: _State, event: _Event) -> None:
        """Rule 7e: a repeat of the current stage, or a way back to an earlier one."""
        if state.current in event.stages:
            state.repeats += 1
        elif self.definition.ordering != "any" and any(stage < state.current for stage in event.stages):
            state.backtracks += 1

    def end(self, state: _State, status: str, reason: str | None, at: int) -> None:
        """End a journey."""
        state.status, state.reason, state.end = status, reason, at


def _report(definition: JourneyDefinition, state: _State, customer: str, n: int, as_of: int) -> Journey:
    """Rule 11: put a journey into words."""
    names = definition.stage_keys
    missing = [i for i, stage in enumerate(definition.stages) if not stage.optional and not state.has(i)]
    path = [event.channel for event in state.touched if event.channel is not None]
    channels = [channel for i, channel in enumerate(path) if i == 0 or path[i - 1] != channel]
    journey = Journey(
        customer=customer,
        n=n,
        key=state.value,
        status=state.status,
        reason=state.reason,
        provisional=state.status == "abandoned" and as_of <= state.end + definition.lateness_us,
        start_us=state.start,
        end_us=state.end,
        reached=tuple((names[stage], ts) for stage, ts, _ in state.reached),
        next_stage=names[missing[0]] if missing else None,
        touchpoints=len(state.touched),
        channels=tuple(channels),
        channel_switches=max(len(channels) - 1, 0),
        links=(),
        repeats=state.repeats,
        backtracks=state.backtracks,
        recaptures=state.recaptures,
    )
    return replace(
        journey,
        links=tuple(_link(names, a, b) for a, b in pairwise(state.reached)),
    )


def _link(names: tuple[str, ...], a: tuple[int, int, str | None], b: tuple[int, int, str | None]) -> Link:
    """Return the move between two reached stages."""
    return Link(names[a[0]], names[b[0]], a[2], b[2], b[1] - a[1])
