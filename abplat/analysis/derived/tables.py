"""The columns of derived tables, and the way from journeys and contacts to rows and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.journeys.results import JourneyColumns
from abplat.analysis.journeys.steps import JourneySteps

Columns = dict[str, NDArray[Any]]
DAY_US = 86_400_000_000
_WHOLE = {
    "status": np.int8,
    "reason": np.int8,
    "reason_stage": np.int8,
    "next_stage": np.int8,
    "touchpoints": np.int32,
    "switches": np.int32,
    "repeats": np.int32,
    "backtracks": np.int32,
    "recaptures": np.int32,
}
_COUNTED = ("ad_hoc", "out_of_order")


def empty_column(name: str) -> NDArray[Any]:
    """Return a column of a table that has no rows."""
    if name == "value":
        return np.empty(0, np.float64)
    if name == "channels":
        return np.empty(0, object)
    return np.empty(0, _WHOLE.get(name, np.int8 if name.endswith("_order") else np.int64))


def list_journey_columns(n_stages: int, *, with_steps: bool) -> list[str]:
    """Return the columns that a reading needs."""
    names = ["customer", "start_us", "end_us", "clean_us", *_WHOLE]
    for stage in range(n_stages):
        names += [f"stage{stage}_us", f"stage{stage}_channel", f"stage{stage}_order"]
    if with_steps:
        names += ["path", *_COUNTED, *(f"stage{stage}_rework" for stage in range(n_stages))]
    return names


def to_columns(journeys: JourneyColumns, steps: JourneySteps, path: NDArray[np.integer]) -> Columns:
    """Return the rows of journeys, without their customers' names.

    Args:
        journeys: As if everything had ended, in the order of customer and start.
        steps: What happened inside.
        path: Per journey the number of its path in the table of paths.
    """
    rows: Columns = {
        "n": journeys.n,
        "start_us": journeys.start,
        "end_us": journeys.end,
        "clean_us": find_clean(journeys.customer, journeys.start, journeys.end),
        **{name: getattr(journeys, name).astype(kind) for name, kind in _WHOLE.items()},
    }
    for stage in range(journeys.stage_time.shape[1]):
        rows[f"stage{stage}_us"] = journeys.stage_time[:, stage]
        rows[f"stage{stage}_channel"] = journeys.stage_channel[:, stage].astype(np.int16)
        rows[f"stage{stage}_order"] = journeys.stage_order[:, stage]
        rows[f"stage{stage}_rework"] = steps.rework[:, stage].astype(np.int32)
    rows |= {name: getattr(steps, name).astype(np.int32) for name in _COUNTED}
    return rows | {"path": path.astype(np.int32)}


def find_clean(
    customer: NDArray[np.int32], start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return per journey the start of the first that it hangs together with.

    Journeys hang together where one begins in the instant in which the one before ends: events of
    that instant may belong to either.

    Args:
        customer: Of each journey; journeys stand in the order of customer and start.
        start: When it began.
        end: When it ended.

    Examples:
        >>> find_clean(np.array([1, 1, 1], np.int32), np.array([0, 5, 9]), np.array([5, 8, 12])).tolist()
        [0, 0, 9]
    """
    fresh = np.ones(customer.size, bool)
    fresh[1:] = (customer[1:] != customer[:-1]) | (start[1:] > end[:-1])
    first = np.maximum.accumulate(np.where(fresh, np.arange(customer.size), 0))
    return np.asarray(start[first], np.int64)


def to_journeys(
    rows: Mapping[str, NDArray[Any]], customer: NDArray[np.int32], channel_of: NDArray[np.int32]
) -> JourneyColumns:
    """Return the journeys of some rows.

    Args:
        rows: As :func:`list_journey_columns` names them.
        customer: The customer of each row.
        channel_of: Per number of a channel in the tables its number now; the last is that of none.
    """
    n_stages = sum(name.endswith("_order") and name.startswith("stage") for name in rows)
    size = customer.size
    time, order = np.empty((size, n_stages), np.int64), np.empty((size, n_stages), np.int8)
    channel = np.empty((size, n_stages), np.int32)
    for stage in range(n_stages):
        time[:, stage] = rows[f"stage{stage}_us"]
        order[:, stage] = rows[f"stage{stage}_order"]
        channel[:, stage] = channel_of[rows[f"stage{stage}_channel"]]
    return JourneyColumns(
        customer=customer,
        n=np.zeros(size, np.int32),
        key=np.full(size, -1, np.int32),
        provisional=np.zeros(size, bool),
        start=rows["start_us"],
        end=rows["end_us"],
        stage_time=time,
        stage_channel=channel,
        stage_order=order,
        **{name: rows[name] for name in _WHOLE},
    )


def to_steps(rows: Mapping[str, NDArray[Any]], paths: Paths, place_of: Mapping[str, int]) -> JourneySteps:
    """Return what happened inside the journeys of some rows.

    Args:
        rows: As :func:`list_journey_columns` names them.
        paths: The table of paths.
        place_of: What stands for each channel.
    """
    n_stages = sum(name.endswith("_rework") for name in rows)
    size = rows["path"].size
    rework = np.empty((size, n_stages), np.int64)
    for stage in range(n_stages):
        rework[:, stage] = rows[f"stage{stage}_rework"]
    path, listed = paths.look_up(rows["path"], place_of)
    return JourneySteps(
        path=path,
        paths=listed,
        ad_hoc=rows["ad_hoc"].astype(np.int64),
        out_of_order=rows["out_of_order"].astype(np.int64),
        rework=rework,
    )


class Paths:
    """The paths through channels that the tables number."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        """Take the table of paths: per path the names of its channels, as JSON."""
        self.texts = list(texts)

    def look_up(
        self, numbers: NDArray[np.integer], place_of: Mapping[str, int]
    ) -> tuple[NDArray[np.int64], tuple[tuple[int, ...], ...]]:
        """Return the paths met, sorted, and the position of each number among them.

        Args:
            numbers: Of paths.
            place_of: What stands for each channel.
        """
        met = np.zeros(len(self.texts), bool)
        met[numbers] = True
        used = np.flatnonzero(met).tolist()
        found = [tuple(place_of[channel] for channel in json.loads(self.texts[number])) for number in used]
        order = sorted(range(len(used)), key=found.__getitem__)
        place = np.zeros(len(self.texts), np.int64)
        place[[used[at] for at in order]] = np.arange(len(order))
        return place[numbers], tuple(found[at] for at in order)

    def number(self, paths: Sequence[tuple[int, ...]], channels: Sequence[str]) -> NDArray[np.int64]:
        """Return the numbers of some paths; those that have none get one."""
        known = {text: number for number, text in enumerate(self.texts)}
        numbers = []
        for path in paths:
            text = json.dumps([channels[channel] for channel in path])
            if text not in known:
                known[text] = len(self.texts)
                self.texts.append(text)
            numbers.append(known[text])
        return np.array(numbers, np.int64)


def take(rows: Mapping[str, NDArray[Any]], at: NDArray[Any]) -> Columns:
    """Return some rows, by position or by flag."""
    return {name: column[at] for name, column in rows.items()}


def join_columns(parts: Sequence[Columns]) -> Columns:
    """Put rows together, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def list_met(*numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers met, each once, in their order; they lie close together.

    Examples:
        >>> list_met(np.array([7, 5]), np.array([5, 9])).tolist()
        [5, 7, 9]
    """
    found = np.concatenate(numbers)
    if not found.size:
        return found
    least = int(found.min())
    met = np.zeros(int(found.max()) - least + 1, bool)
    met[found - least] = True
    return np.flatnonzero(met) + least
