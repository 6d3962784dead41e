"""The names of derived tables: what makes journeys and contacts the same, and nothing else."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from abplat.analysis.question import Match
from abplat.domain.journeys import JourneyDefinition

CUSTOMERS = "customers"
PATHS = "paths"
UNITS, UNIT_ROWS = "units-", "unit_rows-"
"""What the tables of an experiment begin with; its key follows."""
_DIGITS = 16


def is_of_experiment(name: str) -> bool:
    """Tell whether a table belongs to an experiment."""
    return name.startswith((UNITS, UNIT_ROWS))


def can_be_derived(definition: JourneyDefinition) -> bool:
    """Tell whether the journeys of a definition can be kept: those that follow a property are not."""
    return definition.correlate_by is None


def name_journeys(definition: JourneyDefinition) -> str:
    """Return the table of a definition's journeys: names, titles and owners do not make others.

    Lateness does not either: it only says when an abandonment is final.
    """
    stages = tuple(
        replace(stage, key="", title="", lifecycle=None, moment_of_truth=False, department=None)
        for stage in definition.stages
    )
    bare = replace(
        definition, key="", title="", owner=None, version=1, personas=(), lateness_us=0, stages=stages
    )
    return f"journeys-{_digest(bare)}"


def name_contacts(match: Match) -> str:
    """Return the table of the events that a match counts."""
    return f"contacts-{_digest(match)}"


def _digest(value: object) -> str:
    """Return a short name of a value that is made of texts and numbers alone."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:_DIGITS]
