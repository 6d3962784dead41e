"""Which kind of customer somebody was when first exposed: one value per customer and dimension."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import orjson
from abplat_sdk.targeting import Rule, ask_rule, compile_rule

from abplat.analysis.encounters import Encounters, first_of_each
from abplat.analysis.gathered import Flags, Gathered, IntArray
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.profile import Profile, Told
from abplat.domain.breakdowns import ATTRIBUTE, ENTRY_CHANNEL, NEW_RETURNING, PERSONA, SEGMENT
from abplat.domain.targeting import list_conditions

MAX_VALUES: Final = 8
"""Values of an attribute that get a row of their own."""
UNKNOWN: Final = "unknown"
OTHER: Final = "other"
NOBODY: Final = "none"
_PARTS: Final = 4


class Values(NamedTuple):
    """A value per customer.

    Attributes:
        code: Per customer a position in ``names``.
        names: The values that somebody has, sorted.
    """

    code: IntArray
    names: tuple[str, ...]

    def texts(self) -> list[str]:
        """Return the value of each customer."""
        return [self.names[code] for code in self.code.tolist()]


def read_dimension(name: str, gathered: Gathered, plan: AnalysisPlan) -> Values | None:
    """Return the value of each exposed customer; nothing where the dimension is not known."""
    encounters, profile = gathered.encounters, gathered.profile
    if encounters is None or profile is None:
        return None
    if name == ENTRY_CHANNEL:
        return _sort(_entry_channel(gathered, encounters), (*encounters.channels, UNKNOWN))
    if name == NEW_RETURNING:
        return _sort(profile.returning.astype(np.int64), ("new", "returning"))
    if name == PERSONA:
        return _read_personas(gathered, plan, profile, encounters)
    if name.startswith(SEGMENT):
        return _read_segment(name.removeprefix(SEGMENT), gathered, plan, profile, encounters)
    told = profile.attributes.get(name.removeprefix(ATTRIBUTE))
    return None if told is None else cut_values(told)


def _sort(code: IntArray, names: Sequence[str]) -> Values:
    """Sort names and leave out those that nobody has; the same name twice becomes one.

    A code below 0 stands for a name counted from the end.
    """
    used = np.bincount(code % len(names), minlength=len(names)) > 0
    kept = sorted({name for name, is_used in zip(names, used.tolist(), strict=True) if is_used})
    place = {name: at for at, name in enumerate(kept)}
    return Values(np.array([place.get(name, -1) for name in names], np.int64)[code], tuple(kept))


def _entry_channel(gathered: Gathered, encounters: Encounters) -> IntArray:
    """Return the channel in which each customer was met first, -1 for an unknown one."""
    return encounters.channel[first_of_each(encounters.unit, len(gathered.population))]


def _read_personas(
    gathered: Gathered, plan: AnalysisPlan, profile: Profile, encounters: Encounters
) -> Values | None:
    """Return the first persona, in the order of keys, whose rule holds."""
    personas = plan.registry.personas
    if not personas:
        return None
    keys = sorted(personas)
    found = np.full(len(gathered.population), len(keys), np.int64)
    for place in reversed(range(len(keys))):
        found[_ask(personas[keys[place]]["rule"], gathered, profile, encounters)] = place
    return _sort(found, (*keys, NOBODY))


def _read_segment(
    key: str, gathered: Gathered, plan: AnalysisPlan, profile: Profile, encounters: Encounters
) -> Values | None:
    """Return who is in a segment."""
    document = plan.registry.segments.get(key)
    if document is None:
        return None
    if key in profile.members:
        inside = profile.members[key]
    else:
        inside = _ask(document["rule"], gathered, profile, encounters)
    return _sort(inside.astype(np.int64), ("out", "in"))


def _ask(rule: Any, gathered: Gathered, profile: Profile, encounters: Encounters) -> Flags:
    """Ask a rule about every customer, by what was known before the exposure.

    Customers who are alike in all that the rule looks at are asked about once.
    """
    compiled = compile_rule(rule)
    asked = sorted({condition.attribute for condition in list_conditions(rule)})
    columns = {name: _look_up(name, gathered, profile, encounters) for name in asked}
    kinds, kind = _combine([told for told in columns.values() if told is not None], len(gathered.population))
    known = [name for name, told in columns.items() if told is not None]
    held = []
    for codes in kinds.T.tolist():
        values = {name: _value_of(columns[name], code) for name, code in zip(known, codes, strict=True)}
        held.append(_holds(compiled, values, str(values.get("unit") or ""), values.get("channel")))
    return np.array(held, bool)[kind]


def _look_up(name: str, gathered: Gathered, profile: Profile, encounters: Encounters) -> Told | None:
    """Return what a rule knows of each customer under a name."""
    first = first_of_each(encounters.unit, len(gathered.population))
    if name == "unit":
        return Told(encounters.assigned[first], encounters.ids)
    if name == "channel":
        return Told(encounters.channel[first], encounters.channels)
    return profile.attributes.get(name)


def _value_of(told: Told | None, code: int) -> Any:
    """Return the value of a code, None where nothing was told."""
    return None if told is None or code < 0 else told.values[code]


def _combine(columns: Sequence[Told], n: int) -> tuple[IntArray, IntArray]:
    """Return the combinations of codes met, one per column, and which of them each customer has."""
    if not columns:
        return np.zeros((0, 1), np.int64), np.zeros(n, np.int64)
    place = np.zeros(n, np.int64)
    for told in columns:
        size = len(told.values) + 1
        _, place = np.unique(place * size + told.code + 1, return_inverse=True)
    _, first = np.unique(place, return_index=True)
    return np.stack([told.code[first].astype(np.int64) for told in columns]), place


def _holds(rule: Rule, known: Mapping[str, Any], unit: str, channel: str | None) -> bool:
    """Ask a rule about one customer."""
    return ask_rule(rule, {name: value for name, value in known.items() if value is not None}, unit, channel)


def cut_values(told: Told) -> Values | None:
    """Return an attribute as values with a row each: frequent ones, or quarters of a number.

    The cut looks at all arms together and at nothing that happened after the exposure.

    Examples:
        >>> cut_values(Told(np.array([0, -1, 0, 1]), ("DE", 7))).texts()
        ['DE', 'unknown', 'DE', '7']
    """
    if not len(told.code):
        return None
    numbers = [
        value for value in told.values if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if len(numbers) == len(told.values) and len(set(numbers)) > MAX_VALUES:
        return _quarter(told)
    counts: dict[str, int] = {}
    named = [_name(value) for value in told.values]
    for text, n in zip(named, np.bincount(told.code + 1, minlength=len(named) + 1)[1:].tolist(), strict=True):
        counts[text] = counts.get(text, 0) + n
    kept = {*sorted(counts, key=lambda text: (-counts[text], text))[:MAX_VALUES], UNKNOWN}
    return _sort(told.code, [*(text if text in kept else OTHER for text in named), UNKNOWN])


def _quarter(told: Told) -> Values:
    """Return the quarter of the values that each number lies in."""
    numbers = np.array([*map(float, told.values), np.nan])[told.code]
    edges = np.unique(np.nanquantile(numbers, np.arange(1, _PARTS) / _PARTS, method="lower"))
    names = [f"up to {edges[0]:g}", *(f"up to {edge:g}" for edge in edges[1:]), f"above {edges[-1]:g}"]
    place = np.minimum(np.searchsorted(edges, numbers, side="left"), len(names) - 1)
    return _sort(np.where(np.isnan(numbers), len(names), place), (*names, UNKNOWN))


def _name(value: Any) -> str:
    """Return a value as text; of a list or an object its JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
