"""The definition of a journey: what its stages are and when it starts, ends and counts.

The rules that give a definition its meaning stand in ``docs/reference/journeys.md``; this module
only reads a document (JSON or YAML, the same shape everywhere) into a frozen value and refuses
what cannot mean anything. All faults of a document are reported at once.
"""

from __future__ import annotations

from abplat.domain.journey_parts import (
    MAX_EXCLUDES,
    MAX_STAGES,
    ORDERINGS,
    REENTRIES,
    Exclude,
    JourneyDefinition,
    Matcher,
    Ordering,
    PropValue,
    Reentry,
    Stage,
)
from abplat.domain.journey_reader import JourneyReader
from abplat.errors import InvalidInputError

__all__ = [
    "MAX_EXCLUDES",
    "MAX_STAGES",
    "ORDERINGS",
    "REENTRIES",
    "Exclude",
    "JourneyDefinition",
    "Matcher",
    "Ordering",
    "PropValue",
    "Reentry",
    "Stage",
    "parse_journey",
]


def parse_journey(document: object, *, require_owner: bool = True) -> JourneyDefinition:
    """Read a journey definition and refuse one that cannot mean anything.

    Args:
        document: The definition as parsed from JSON or YAML.
        require_owner: A published journey needs somebody who answers for it; a worked example
            in a case file does not.

    Raises:
        InvalidInputError: With one problem per fault, each with its path, the fix in words and
            a code such as ``window_required`` or ``last_stage_optional``.

    Examples:
        >>> visit, buy = ({"key": key, "match": [{"event": key}]} for key in ("visit", "buy"))
        >>> parse_journey({"key": "shop", "owner": "Ada", "stages": [visit, buy], "window": "7d"}).stage_keys
        ('visit', 'buy')
    """
    reader = JourneyReader()
    definition = reader.journey(document, require_owner=require_owner)
    if definition is None or reader.problems:
        first = reader.problems[0]
        where = f"{first.path}: {first.message}" if first.path else first.message
        raise InvalidInputError(where, problems=reader.problems)
    return definition
