"""The checklist of an experiment: gathers what the platform knows and lets the domain tick."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import layers as layer_queries
from abplat.db.queries import sightings
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, Document
from abplat.domain.checklist import CheckItem, Surroundings, tick
from abplat.domain.experiments import ANALYSIS_ONLY
from abplat.domain.journeys import parse_journey
from abplat.domain.layers import Slot, require_room
from abplat.domain.lifecycle import RUNNING, UNSTARTED
from abplat.errors import LayerFullError
from abplat.services import checklist_facts
from abplat.services.definitions import find_loose_ends, load_entries


def get(session: Session, project: str, key: str, *, now: datetime) -> tuple[CheckItem, ...]:
    """Return the checklist of an experiment as it stands now.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    return tick_row(session, cast("Experiment", queries.get(session, EXPERIMENTS, project, key)), now)


def tick_row(session: Session, row: Experiment, now: datetime) -> tuple[CheckItem, ...]:
    """Tick the checklist of an experiment."""
    prefix = f"{EXPERIMENTS}[{row.key}]."
    ends = find_loose_ends(session, row.project) if row.state in UNSTARTED else []
    around = Surroundings(
        now=now,
        loose_ends=[
            problem._replace(path=problem.path.removeprefix(prefix))
            for problem in ends
            if problem.path.startswith(prefix)
        ],
        slot_fault=_find_slot_fault(session, row),
        last_seen=sightings.last_by_channel(session, row.project),
        silent_metrics=_find_silent_metrics(session, row),
        idle_needs=list(_find_idle_needs(session, row)),
        no_traffic=checklist_facts.find_no_traffic(session, row) if row.state in UNSTARTED else "",
        joins=checklist_facts.find_joins(session, row.project, now),
        same_test=checklist_facts.find_same_test(session, row.project, row.document["unit_type"]),
    )
    return tick(row.document, around)


def _find_idle_needs(session: Session, row: Experiment) -> Iterator[str]:
    """Yield each prerequisite that is not running, with what it is doing instead."""
    for need in row.document.get("prerequisites", []):
        other = cast("Experiment | None", queries.find(session, EXPERIMENTS, row.project, need["experiment"]))
        if other is None:
            continue  # a reference that leads nowhere has an item of its own
        if other.state != RUNNING or other.killed_at is not None:
            yield f"{other.key} is {'killed' if other.killed_at is not None else other.state}"


def lock_slot(session: Session, row: Experiment) -> None:
    """Take the layer of an experiment for this transaction, and refuse a slot that another one holds.

    Raises:
        LayerFullError: Naming the experiment in the way.
    """
    if row.layer is None or row.document["kind"] == ANALYSIS_ONLY:
        return
    layer_queries.lock(session, row.project, row.layer)
    _require_room(session, row, row.layer)


def _require_room(session: Session, row: Experiment, layer: str) -> None:
    """Refuse a slot that a running or paused experiment holds."""
    holding = experiment_queries.list_holding_in_layer(session, row.project, layer)
    taken = {other.key: Slot(*other.document["slot"]) for other in holding if other.key != row.key}
    require_room(layer, Slot(*row.document["slot"]), taken)


def _find_slot_fault(session: Session, row: Experiment) -> str:
    """Say why the slot is not free; nothing where it is."""
    try:
        if row.layer is not None:
            _require_room(session, row, row.layer)
    except LayerFullError as error:
        return error.message
    return ""


def _find_silent_metrics(session: Session, row: Experiment) -> list[str] | None:
    """Return the metrics whose events never came; None where no event came at all."""
    names = sightings.touchpoint_names(session, row.project)
    if not names:
        return None
    entries = load_entries(session, row.project)
    uses = [use["metric"] for use in row.document["metrics"] if use["metric"] in entries[METRICS]]
    return [
        key for key in uses if not _is_heard(entries[METRICS][key], row.document, entries[JOURNEYS], names)
    ]


def _is_heard(
    metric: Document, experiment: Document, journeys: Mapping[str, Document], names: set[str]
) -> bool:
    """Tell whether everything that a metric needs was received at least once."""
    if metric["match"]:
        return any(matcher["event"] in names for matcher in metric["match"])
    if metric["kind"] == "value":
        return True
    journey = journeys.get(metric["journey"] or experiment["journey"])
    return journey is None or all(events & names for events in _needed_events(journey, metric["stage"]))


def _needed_events(journey: Document, stage: str | None) -> Iterator[set[str]]:
    """Yield, for each stage that a customer must pass, the events that reach it."""
    for each in parse_journey(journey, require_owner=False).stages:
        if not each.optional or each.key == stage:
            yield {matcher.event for matcher in each.match}
        if each.key == stage:
            return
