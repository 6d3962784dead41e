"""Where a customer stands: told to targeting when the project asks and the caller does not say (R11)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from abplat.domain.targeting import STAGE
from abplat.services.decisions import Question

LIFECYCLE: Final = "lifecycle_state"

FindStanding: TypeAlias = Callable[[str, str], Mapping[str, str]]
"""Takes project and unit and returns the attributes of the unit's standing."""


def fill(question: Question, project: str, find: FindStanding) -> Question:
    """Return the question with the attributes of the unit's standing; what the caller says wins.

    Asked only where the configuration says ``fill_standing``: it costs a look at what is known of the unit.
    """
    return question._replace(attributes={**find(project, question.unit), **question.attributes})


def attributes_of(open_journeys: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the attributes that open journeys give, each with ``journey``, ``stage`` and ``lifecycle``.

    Among several open journeys the last one that has a lifecycle label says the lifecycle state.

    Examples:
        >>> attributes_of([{"journey": "buy", "stage": "quote", "lifecycle": "research"}])
        {'journey_stage:buy': 'quote', 'lifecycle_state': 'research'}
    """
    attributes: dict[str, str] = {}
    for journey in open_journeys:
        attributes[f"{STAGE}{journey['journey']}"] = journey["stage"]
        if journey.get("lifecycle"):
            attributes[LIFECYCLE] = journey["lifecycle"]
    return attributes
