"""From episodes of events to journey definitions: an end, the usual beginning, what mostly lies between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from abplat.domain.discoveries import UNNAMED_OWNER, make_key

Ints: TypeAlias = NDArray[np.int64]

FEWEST: Final = 20
"""Episodes that an end must close."""
FEWEST_SHARE: Final = 0.01
REQUIRED: Final = 0.9
"""A stage in so many of the episodes is required; in fewer, optional."""
OPTIONAL: Final = 0.3
MAX_MIDDLE: Final = 6
LATE: Final = 0.95
"""Share of the episodes that the window holds."""
_HOUR: Final = 3_600_000_000
_DAY: Final = 24 * _HOUR


@dataclass(frozen=True, slots=True)
class Episodes:
    """Events by episode and time; one entry per event, and per episode where it begins and ends.

    Attributes:
        n: Episodes.
        episode: Per event its episode, ascending.
        ts: Per event when.
        name: Per event a position in ``names``.
        names: Names of events.
        opening: Per episode the event it begins with.
        closing: Per episode the event it ends with.
    """

    n: int
    episode: Ints
    ts: Ints
    name: Ints
    names: tuple[str, ...]
    opening: Ints
    closing: Ints

    @classmethod
    def make(cls, episode: Ints, ts: Ints, name: Ints, names: tuple[str, ...]) -> Self:
        """Find where the episodes begin and end."""
        n = int(episode[-1]) + 1 if episode.size else 0
        begin = np.searchsorted(episode, np.arange(n))
        end = np.searchsorted(episode, np.arange(n), side="right") - 1
        return cls(n, episode, ts, name, names, name[begin], name[end])

    def first_times(self, name: int) -> Ints:
        """Return per episode the first time of an event, -1 where it has none."""
        hit = np.flatnonzero(self.name == name)
        found = np.full(self.n, -1, np.int64)
        found[self.episode[hit[::-1]]] = self.ts[hit[::-1]]
        return found

    def count_having(self) -> Ints:
        """Return per name the episodes that contain it."""
        pairs = np.unique(np.stack([self.name, self.episode]), axis=1) if self.name.size else None
        counted = np.bincount(pairs[0], minlength=len(self.names)) if pairs is not None else np.zeros(0)
        return np.asarray(counted, np.int64)


def propose(episodes: Episodes, n: int) -> list[tuple[dict[str, Any], str]]:
    """Return up to n definitions, each with the reason in a sentence; the best ends first.

    An end is an event that closes many of the episodes it appears in. Its journey begins with the
    event that most of those episodes begin with; between lie the events that mostly come before
    the end, in the order of their median place.
    """
    found: list[tuple[dict[str, Any], str]] = []
    for end in _rank_ends(episodes):
        if len(found) == n:
            break
        made = _propose_for(episodes, end, [document["key"] for document, _ in found])
        if made is not None:
            found.append(made)
    return found


def _rank_ends(episodes: Episodes) -> list[int]:
    """Return the events that close episodes, the purest and most frequent first."""
    having = episodes.count_having()
    closed = np.bincount(episodes.closing, minlength=len(episodes.names))
    least = max(FEWEST, FEWEST_SHARE * episodes.n)
    score = {i: closed[i] ** 2 / having[i] for i in range(len(episodes.names)) if closed[i] >= least}
    return sorted(score, key=lambda i: (-score[i], episodes.names[i]))


def _propose_for(episodes: Episodes, end: int, taken: list[str]) -> tuple[dict[str, Any], str] | None:
    """Propose the journey that leads to one end."""
    times = {name: episodes.first_times(name) for name in range(len(episodes.names))}
    ending = times[end] >= 0
    entry = int(np.argmax(np.bincount(episodes.opening[ending], minlength=len(episodes.names))))
    if entry == end:
        return None
    led = ending & (times[entry] >= 0) & (times[entry] <= times[end])
    if np.count_nonzero(led) < FEWEST:
        return None
    middle = _find_middle(times, led, entry, end)
    keys: list[str] = []
    stages = []
    for name, share in [(entry, 1.0), *middle, (end, 1.0)]:
        keys.append(make_key(episodes.names[name], keys))
        stage: dict[str, Any] = {
            "key": keys[-1],
            "title": episodes.names[name],
            "match": [{"event": episodes.names[name]}],
        }
        stages.append(stage if share >= REQUIRED else {**stage, "optional": True})
    span = float(np.quantile((times[end] - times[entry])[led], LATE))
    document = {
        "key": make_key(f"{episodes.names[entry]}-to-{episodes.names[end]}", taken),
        "title": f"From {episodes.names[entry]} to {episodes.names[end]}",
        "owner": UNNAMED_OWNER,
        "stages": stages,
        "window": _round_up(span),
    }
    return document, _explain(episodes, (entry, end), middle, int(np.count_nonzero(led)))


def _find_middle(
    times: dict[int, Ints], led: NDArray[np.bool_], entry: int, end: int
) -> list[tuple[int, float]]:
    """Return the events that mostly lie between entry and end, with their share, in their order."""
    n, found = int(np.count_nonzero(led)), []
    for name, time in times.items():
        inside = led & (time >= times[entry]) & (time <= times[end])
        share = int(np.count_nonzero(inside)) / n
        if name not in (entry, end) and share >= OPTIONAL:
            span = np.maximum(times[end][inside] - times[entry][inside], 1)
            found.append((float(np.median((time[inside] - times[entry][inside]) / span)), name, share))
    frequent = sorted(found, key=lambda item: (-item[2], item[1]))[:MAX_MIDDLE]
    return [(name, share) for _, name, share in sorted(frequent)]


def _round_up(span_us: float) -> str:
    """Return a window that holds a span: whole hours below two days, else whole days.

    Examples:
        >>> _round_up(1.0), _round_up(3.5 * _HOUR), _round_up(6.2 * _DAY)
        ('1h', '4h', '7d')
    """
    if span_us < 2 * _DAY:
        return f"{max(int(-(-span_us // _HOUR)), 1)}h"
    return f"{int(-(-span_us // _DAY))}d"


def _explain(episodes: Episodes, ends: tuple[int, int], middle: list[tuple[int, float]], n: int) -> str:
    """Say in a sentence why this journey is proposed."""
    closed = int(np.count_nonzero(episodes.closing == ends[1]))
    having = int(episodes.count_having()[ends[1]])
    between = ", ".join(f"{episodes.names[name]} {100 * share:.0f} %" for name, share in middle) or "nothing"
    return (
        f"{episodes.names[ends[1]]} closes {closed} of the {having} episodes it appears in; {n} of them lead there from "
        f"{episodes.names[ends[0]]}; between lie: {between}"
    )
