"""What a map says of its moves beside their size: some journeys, who called afterwards, and what a step costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys.encode import EventColumns
from abplat.analysis.journeys.results import STATUSES, JourneyColumns
from abplat.clock import format_instant, from_micros
from abplat.domain.journey_counts import CALL_DAYS, EXAMPLES, Example, Step
from abplat.domain.masking import mask_id

_SECOND = 1_000_000
_BLOCK = 1_000_000
_CUSTOMER = np.int64(1) << 32


@dataclass(frozen=True, slots=True)
class Walks:
    """The journeys that are counted."""

    stages: Sequence[str]
    channels: Sequence[str]
    journeys: JourneyColumns
    chosen: NDArray[np.int64]
    order: NDArray[np.int64]
    """[:, stage], 0 for the stage reached first; the number of stages where it was not reached."""

    def name(self, code: int) -> str:
        """Name a channel."""
        return self.channels[code] if code >= 0 else "unknown"


@dataclass(frozen=True, slots=True)
class Told:
    """What examples are told with: names of customers, and their calls in order, where any channel has agents."""

    customers: Sequence[str]
    calls: NDArray[np.int64] | None


def list_calls(events: EventColumns, agents: Sequence[str]) -> NDArray[np.int64] | None:
    """Return customer and second of every contact with an agent as one number each, in order."""
    codes = [code for code, name in enumerate(events.channels) if name in agents]
    if not agents:
        return None
    at = np.isin(events.channel, codes)
    return np.sort(_place(events.customer[at], events.ts[at]))


def find_called(
    calls: NDArray[np.int64] | None, customer: NDArray[np.int32], since: NDArray[np.int64]
) -> NDArray[np.bool_] | None:
    """Tell who met an agent within the days after an instant."""
    if calls is None:
        return None
    first = np.searchsorted(calls, _place(customer, since), "right")
    last = np.searchsorted(calls, _place(customer, since + CALL_DAYS * 86_400 * _SECOND), "right")
    return np.asarray(last > first)


def _place(customer: NDArray[np.int32], ts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put customer and second into one number that sorts like both."""
    return np.asarray(customer.astype(np.int64) * _CUSTOMER + ts // _SECOND)


def list_examples(
    walks: Walks,
    told: Told,
    rows: NDArray[np.int64],
    spans: NDArray[np.int64],
    called: NDArray[np.bool_] | None,
) -> Iterator[Example]:
    """Yield some journeys of a move, spread evenly over those that made it."""
    picked = np.unique(np.linspace(0, rows.size - 1, min(EXAMPLES, rows.size)).astype(np.int64))
    for place in picked.tolist():
        journey = int(walks.chosen[rows[place]])
        yield Example(
            customer=mask_id(told.customers[walks.journeys.customer[journey]]),
            starts_at=format_instant(from_micros(int(walks.journeys.start[journey]))),
            seconds=float(spans[place]) / _SECOND,
            path=tuple(_list_path(walks, int(rows[place]), journey)),
            status=STATUSES[walks.journeys.status[journey]],
            called=None if called is None else bool(called[place]),
        )


def _list_path(walks: Walks, row: int, journey: int) -> Iterator[str]:
    """Yield the stages that a journey reached, in order, each with its channel."""
    for stage in np.argsort(walks.order[row], kind="stable").tolist():
        if walks.order[row, stage] < len(walks.stages):
            channel = walks.name(int(walks.journeys.stage_channel[journey, stage]))
            yield f"{walks.stages[stage]}@{channel}"


def list_steps(walks: Walks, events: EventColumns, costs: Mapping[str, float]) -> Iterator[Step]:
    """Yield for each stage the time since the stage before, and the contacts on the way with what they cost."""
    n_stages = len(walks.stages)
    time = walks.journeys.stage_time[walks.chosen]
    contacts, spent = _add_up(walks, events, costs) if costs else (None, None)
    steps = np.argsort(walks.order, axis=1, kind="stable")
    for stage, key in enumerate(walks.stages):
        rows = np.flatnonzero(walks.order[:, stage] < n_stages)
        later = rows[walks.order[rows, stage] > 0]
        before = steps[later, walks.order[later, stage] - 1]
        spans = time[later, stage] - time[later, before]
        yield Step(
            stage=key,
            n=rows.size,
            median_seconds=float(np.median(spans)) / _SECOND if spans.size else None,
            n_contacts=float(contacts[stage]) / rows.size if contacts is not None and rows.size else None,
            cost=float(spent[stage]) / rows.size if spent is not None and rows.size else None,
        )


def _add_up(
    walks: Walks, events: EventColumns, costs: Mapping[str, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return contacts and their cost by the stage that they led to; what came after the last stage leads nowhere."""
    n_stages, member = len(walks.stages), walks.journeys.member
    contacts, spent = np.zeros(n_stages), np.zeros(n_stages)
    is_chosen = np.zeros(len(walks.journeys) + 1, np.bool_)  # the last one stands for no journey
    is_chosen[walks.chosen] = True
    price = np.array([*(costs.get(name, 0.0) for name in events.channels), 0.0])
    later = np.iinfo(np.int64).max
    for start in range(0, events.ts.size if member is not None else 0, _BLOCK):
        part = slice(start, start + _BLOCK)
        owner = np.asarray(member)[part]
        rows = np.flatnonzero(is_chosen[owner])
        times = walks.journeys.stage_time[owner[rows]]
        ahead = np.where((times >= 0) & (times >= events.ts[part][rows, None]), times, later)
        target = np.argmin(ahead, axis=1)
        kept = ahead[np.arange(rows.size), target] < later
        contacts += np.bincount(target[kept], minlength=n_stages)
        paid = price[events.channel[part][rows[kept]]]
        spent += np.bincount(target[kept], weights=paid, minlength=n_stages)
    return contacts, spent
