"""Which kind of customer somebody was when first exposed: one value per customer and dimension."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import orjson
from abplat_sdk.targeting import Rule, ask_rule, compile_rule
from numpy.typing import NDArray

from abplat.analysis.encounters import Encounters, first_of_each
from abplat.analysis.gathered import Flags, Gathered
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.profile import Profile
from abplat.domain.breakdowns import ATTRIBUTE, ENTRY_CHANNEL, NEW_RETURNING, PERSONA, SEGMENT
from abplat.domain.targeting import list_conditions

MAX_VALUES: Final = 8
"""Values of an attribute that get a row of their own."""
UNKNOWN: Final = "unknown"
OTHER: Final = "other"
NOBODY: Final = "none"
_PARTS: Final = 4
Values: TypeAlias = NDArray[np.object_]


def read_dimension(name: str, gathered: Gathered, plan: AnalysisPlan) -> Values | None:
    """Return the value of each exposed customer; nothing where the dimension is not known."""
    encounters, profile = gathered.encounters, gathered.profile
    if encounters is None or profile is None:
        return None
    if name == ENTRY_CHANNEL:
        first = first_of_each(encounters.unit, len(gathered.population))
        names = np.array([*encounters.channels, UNKNOWN], object)
        return names[encounters.channel[first]]
    if name == NEW_RETURNING:
        return np.where(profile.returning, "returning", "new").astype(object)
    if name == PERSONA:
        return _read_personas(gathered, plan, profile, encounters)
    if name.startswith(SEGMENT):
        return _read_segment(name.removeprefix(SEGMENT), gathered, plan, profile, encounters)
    return cut_values(profile.attributes.get(name.removeprefix(ATTRIBUTE), ()))


def _read_personas(
    gathered: Gathered, plan: AnalysisPlan, profile: Profile, encounters: Encounters
) -> Values | None:
    """Return the first persona, in the order of keys, whose rule holds."""
    personas = plan.registry.personas
    if not personas:
        return None
    found = np.full(len(gathered.population), NOBODY, object)
    for key in sorted(personas, reverse=True):
        found[_ask(personas[key]["rule"], gathered, profile, encounters)] = key
    return found


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
    return np.where(inside, "in", "out").astype(object)


def _ask(rule: Any, gathered: Gathered, profile: Profile, encounters: Encounters) -> Flags:
    """Ask a rule about every customer, by what was known before the exposure.

    Customers who are alike in all that the rule looks at are asked about once.
    """
    compiled = compile_rule(rule)
    asked = sorted({condition.attribute for condition in list_conditions(rule)})
    first = first_of_each(encounters.unit, len(gathered.population))
    units = [encounters.ids[place] for place in encounters.assigned[first].tolist()]
    channels = [
        encounters.channels[code] if code >= 0 else None for code in encounters.channel[first].tolist()
    ]
    columns: dict[str, Sequence[Any]] = {name: profile.attributes.get(name, ()) for name in asked}
    columns |= {"unit": units} if "unit" in asked else {}
    columns |= {"channel": channels} if "channel" in asked else {}
    seen: dict[bytes, bool] = {}
    held = []
    for place, unit in enumerate(units):
        known = {name: column[place] for name, column in columns.items() if column}
        key = orjson.dumps(known)
        if key not in seen:
            seen[key] = _holds(compiled, known, unit, channels[place])
        held.append(seen[key])
    return np.array(held, bool)


def _holds(rule: Rule, known: Mapping[str, Any], unit: str, channel: str | None) -> bool:
    """Ask a rule about one customer."""
    return ask_rule(rule, {name: value for name, value in known.items() if value is not None}, unit, channel)


def cut_values(told: Sequence[Any]) -> Values | None:
    """Return an attribute as values with a row each: frequent ones, or quarters of a number.

    The cut looks at all arms together and at nothing that happened after the exposure.

    Examples:
        >>> cut_values(["DE", None, "DE", 7]).tolist()
        ['DE', 'unknown', 'DE', '7']
    """
    if not told:
        return None
    known = [value for value in told if value is not None]
    numbers = [value for value in known if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(numbers) == len(known) and len(set(numbers)) > MAX_VALUES:
        return _quarter(told)
    texts = [UNKNOWN if value is None else _name(value) for value in told]
    counts = Counter(text for text, value in zip(texts, told, strict=True) if value is not None)
    kept = {*sorted(counts, key=lambda text: (-counts[text], text))[:MAX_VALUES], UNKNOWN}
    return np.array([text if text in kept else OTHER for text in texts], object)


def _quarter(told: Sequence[Any]) -> Values:
    """Return the quarter of the values that each number lies in."""
    numbers = np.array([np.nan if value is None else float(value) for value in told])
    edges = np.unique(np.nanquantile(numbers, np.arange(1, _PARTS) / _PARTS, method="lower"))
    names = [f"up to {edges[0]:g}", *(f"up to {edge:g}" for edge in edges[1:]), f"above {edges[-1]:g}"]
    place = np.searchsorted(edges, numbers, side="left")
    found = np.array(names, object)[np.minimum(place, len(names) - 1)]
    found[np.isnan(numbers)] = UNKNOWN
    return found


def _name(value: Any) -> str:
    """Return a value as text; of a list or an object its JSON."""
    return value if isinstance(value, str) else orjson.dumps(value).decode()
