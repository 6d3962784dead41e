"""Where a customer stands: told to targeting where a rule looks at it and the caller does not say (R11).

Lifecycle state and journey stage are worked out from the recent moments of all ids of the customer, which
follow the worker's drain by seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from abplat.domain.journeys import JourneyDefinition
from abplat.domain.targeting import STAGE
from abplat.facts.moments import Moments, read_moments
from abplat.services.open_journeys import find_open
from abplat.services.platform import Platform

LIFECYCLE: Final = "lifecycle_state"
FILL: Final = "fill_standing"
"""Stands in the configuration where a rule looks at a standing and the project lets the service say it."""


def is_wanted(configuration: Mapping[str, Any]) -> bool:
    """Tell whether the decisions of a configuration look at where a customer stands.

    Asked first: a standing costs a look at what is known of the customer.
    """
    return configuration.get(FILL) is True


def find_standing(
    connection: Connection,
    project: str,
    definitions: Iterable[JourneyDefinition],
    ids: Sequence[str],
    now: datetime,
) -> dict[str, str]:
    """Return the attributes of one customer's standing.

    Args:
        connection: Where to read.
        project: Key of the project.
        definitions: Its journeys.
        ids: All ids of the customer.
        now: The present instant.
    """
    return _standing_of(definitions, read_moments(connection, project, ids), now)


def find_standings(
    connection: Connection,
    project: str,
    definitions: Sequence[JourneyDefinition],
    homes: Mapping[str, str],
    now: datetime,
) -> dict[str, dict[str, str]]:
    """Return the attributes of many customers' standings, by component; only of those that have any.

    Args:
        connection: Where to read.
        project: Key of the project.
        definitions: Its journeys.
        homes: The component of each id.
        now: The present instant.
    """
    teams: dict[str, dict[str, Moments]] = {}
    for unit, moments in read_moments(connection, project, list(homes)).items():
        teams.setdefault(homes[unit], {})[unit] = moments
    return {home: _standing_of(definitions, team, now) for home, team in teams.items()}


def make_finder(
    platform: Platform, connection: Connection, project: str
) -> Callable[[Mapping[str, str]], dict[str, dict[str, str]]] | None:
    """Return what finds the standings of many customers by the component of each id; None where no rule asks."""
    if not is_wanted(platform.configurations.document(project)):
        return None
    definitions = platform.journeys.of(project)
    return lambda homes: find_standings(connection, project, definitions, homes, platform.clock())


def _standing_of(
    definitions: Iterable[JourneyDefinition], moments: Mapping[str, Moments], now: datetime
) -> dict[str, str]:
    """Return the attributes of a standing; the journey that moved last is told last."""
    found = find_open(definitions, "", moments, now)
    return attributes_of(sorted(found, key=lambda each: each["stage_at"]))


def attributes_of(open_journeys: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the attributes that open journeys give, each with ``journey``, ``stage`` and ``lifecycle``.

    Among several open journeys the last one that has a lifecycle label says the lifecycle state, and among
    several of one definition the last one says the stage.

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
