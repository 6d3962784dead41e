"""Does the variant travel with the customer: by pair of channels, by SDK, by week, and is it shown?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Final

import numpy as np

from abplat import stats
from abplat.analysis.encounters import Encounters, first_of_each
from abplat.analysis.gathered import Flags, Gathered, IntArray
from abplat.analysis.plan import AnalysisPlan
from abplat.clock import to_micros
from abplat.domain.report_identity import Coherence, Coverage

DAY_US: Final = 86_400_000_000
ALARM_P: Final = 0.001
COVERAGE_WARNING: Final = 0.95
FEWEST_DAYS: Final = 20
_MONDAY: Final = 3
"""1970-01-01 was a Thursday."""


def measure_coherence(gathered: Gathered, encounters: Encounters) -> tuple[Coherence, ...]:
    """Say whether customers met one variant everywhere.

    Pairs of channels are counted over customers met in both. SDKs and weeks are counted over
    customers met again there: the first meeting of a customer cannot disagree with anything.
    """
    return (
        *_by_pair(gathered, encounters),
        *_by_sdk(gathered, encounters),
        *_by_week(gathered, encounters),
    )


def _by_pair(gathered: Gathered, encounters: Encounters) -> list[Coherence]:
    """Count the customers met in two channels, and those of one variant in both."""
    several = np.flatnonzero(gathered.population.multi_channel())
    place = np.searchsorted(several, encounters.unit)
    known = (encounters.channel >= 0) & np.isin(encounters.unit, several)
    # Per channel and customer one bit per variant met there.
    met = np.zeros((len(encounters.channels), several.size), np.int64)
    np.bitwise_or.at(met, (encounters.channel[known], place[known]), np.int64(1) << encounters.variant[known])
    names, cells = [], []
    for a, b in combinations(range(len(encounters.channels)), 2):
        both = (met[a] > 0) & (met[b] > 0)
        variants = (met[a] | met[b])[both]
        if variants.size:
            names.append(f"{encounters.channels[a]} + {encounters.channels[b]}")
            cells.append((int(variants.size), int(np.count_nonzero(variants & (variants - 1) == 0))))
    return _against_rest("channel_pair", names, cells)


def _by_sdk(gathered: Gathered, encounters: Encounters) -> list[Coherence]:
    """Count the customers met again by each SDK."""
    found = _count_again(gathered, encounters, encounters.sdk)
    rows = [(encounters.sdks[code] if code >= 0 else "unknown", cell) for code, cell in found.items()]
    if [name for name, _ in rows] == ["unknown"]:
        return []
    return _against_rest("sdk", [name for name, _ in rows], [cell for _, cell in rows])


def _by_week(gathered: Gathered, encounters: Encounters) -> list[Coherence]:
    """Count the customers met again in each week; a week is held against all before it."""
    found = _count_again(gathered, encounters, week_of(encounters.ts))
    cells = list(found.values())
    before = [_sum(cells[:place]) for place in range(len(cells))]
    return _rows("week", [name_week(week) for week in found], cells, before)


def _count_again(gathered: Gathered, encounters: Encounters, group: IntArray) -> dict[int, tuple[int, int]]:
    """Return per group the customers met again there, and those who met their own variant alone."""
    again = np.ones(encounters.unit.size, bool)
    again[first_of_each(encounters.unit, len(gathered.population))] = False
    own = encounters.variant == gathered.population.variant[encounters.unit]
    keys, place = np.unique(np.stack([group[again], encounters.unit[again]]), axis=1, return_inverse=True)
    broken = np.bincount(place.ravel(), weights=~own[again], minlength=keys.shape[1]) > 0
    return {
        int(code): (int(np.count_nonzero(hit)), int(np.count_nonzero(hit & ~broken)))
        for code in np.unique(keys[0]).tolist()
        for hit in [keys[0] == code]
    }


def _sum(cells: Sequence[tuple[int, ...]]) -> tuple[int, int]:
    """Add cells up."""
    return sum(cell[0] for cell in cells), sum(cell[1] for cell in cells)


def _against_rest(group: str, names: Sequence[str], cells: Sequence[tuple[int, ...]]) -> list[Coherence]:
    """Hold every cell against all others of its group."""
    whole = _sum(cells)
    rest = [(whole[0] - cell[0], whole[1] - cell[1]) for cell in cells]
    return _rows(group, names, cells, rest)


def _rows(
    group: str, names: Sequence[str], cells: Sequence[tuple[int, ...]], rest: Sequence[tuple[int, int]]
) -> list[Coherence]:
    """Write the rows of a group, with Holm over those that can be tested."""
    found = [_less_coherent(cell, other) for cell, other in zip(cells, rest, strict=True)]
    tested = [p_value for p_value in found if p_value is not None]
    adjusted = iter(stats.adjust_p_values(tested, method="holm") if tested else ())
    rows = []
    for name, cell, p_value in zip(names, cells, found, strict=True):
        p_holm = None if p_value is None else float(next(adjusted))
        rows.append(
            Coherence(
                group=group,
                value=name,
                n=cell[0],
                n_coherent=cell[1],
                share=cell[1] / cell[0] if cell[0] else None,
                p_value=p_holm,
                alarm=p_holm is not None and p_holm < ALARM_P,
            )
        )
    return rows


def _less_coherent(cell: tuple[int, ...], rest: tuple[int, int]) -> float | None:
    """Test one-sided whether a cell is less coherent than the rest; None where nothing can be said."""
    if not cell[0] or not rest[0]:
        return None
    plan = stats.ComparisonPlan(kind="proportion")
    found = stats.compare(_shares(cell), _shares(rest), plan)
    if isinstance(found, stats.NotComputable):
        return None
    half = float(found.p_value) / 2
    return half if found.effect < 0 else 1 - half


def _shares(cell: tuple[int, ...]) -> stats.Moments:
    """Return the record of a count."""
    return stats.Moments.from_sums(cell[0], {"y": float(cell[1])}, {"y*y": float(cell[1])})


def week_of(ts: IntArray) -> IntArray:
    """Return the week of each instant, counted from 1970; a week begins on Monday, UTC.

    Examples:
        >>> week_of(np.array([0, 3 * DAY_US, 4 * DAY_US])).tolist()
        [0, 0, 1]
    """
    return np.asarray((ts // DAY_US + _MONDAY) // 7, np.int64)


def name_week(week: int) -> str:
    """Return the name of a week by ISO 8601.

    Examples:
        >>> name_week(0), name_week(2932)
        ('1970-W01', '2026-W11')
    """
    monday = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=7 * week - _MONDAY)
    year, number, _ = monday.isocalendar()
    return f"{year}-W{number:02d}"


def measure_coverage(gathered: Gathered, encounters: Encounters, plan: AnalysisPlan) -> tuple[Coverage, ...]:
    """Say how often a channel that could show the variant did.

    One customer-day in a channel counts once: after the first exposure, while the experiment ran,
    with a variant-capable touchpoint there. It was served if an exposure lies in it.
    """
    if not gathered.capable:
        return ()
    first = first_of_each(encounters.unit, len(gathered.population))
    channel, sdk = encounters.channel[first], encounters.sdk[first]
    cells: dict[tuple[str, str], list[int]] = {}
    for name in gathered.capable:
        unit, served = _customer_days(gathered, encounters, plan, name)
        _tally(cells, "channel", [name] * unit.size, served)
        came = [_name(encounters.channels, code) for code in channel[unit].tolist()]
        _tally(cells, "channel_pair", [f"{each} > {name}" for each in came], served)
        _tally(cells, "sdk", [_name(encounters.sdks, code) for code in sdk[unit].tolist()], served)
    return tuple(_cover(group, value, *cell) for (group, value), cell in sorted(cells.items()))


def _customer_days(
    gathered: Gathered, encounters: Encounters, plan: AnalysisPlan, channel: str
) -> tuple[IntArray, Flags]:
    """Return the customer of each customer-day in a channel, and whether it was served."""
    contacts = gathered.capable[channel]
    until = gathered.as_of_us if plan.stopped_at is None else to_micros(plan.stopped_at)
    after = (contacts.ts > gathered.population.first_exposure[contacts.unit]) & (contacts.ts <= until)
    days = np.unique(np.stack([contacts.unit[after], contacts.ts[after] // DAY_US]), axis=1)
    here = encounters.channel == (
        encounters.channels.index(channel) if channel in encounters.channels else -2
    )
    shown = set(zip(encounters.unit[here].tolist(), (encounters.ts[here] // DAY_US).tolist(), strict=True))
    served = np.array([(unit, day) in shown for unit, day in days.T.tolist()], bool)
    return days[0].astype(np.int64), served


def _tally(cells: dict[tuple[str, str], list[int]], group: str, values: Sequence[str], served: Flags) -> None:
    """Count days into the cells of a group."""
    for value, hit in zip(values, served.tolist(), strict=True):
        cell = cells.setdefault((group, value), [0, 0])
        cell[0] += 1
        cell[1] += hit


def _name(names: Sequence[str], code: int) -> str:
    """Return the name of a code."""
    return names[code] if code >= 0 else "unknown"


def _cover(group: str, value: str, n_days: int, n_served: int) -> Coverage:
    """Write one row."""
    share = n_served / n_days
    alarm = share < COVERAGE_WARNING and n_days >= FEWEST_DAYS
    return Coverage(group=group, value=value, n_days=n_days, n_served=n_served, share=share, alarm=alarm)
