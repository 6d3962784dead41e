"""What can be done with layers."""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.domain.catalogue import EXPERIMENTS, LAYERS, Document
from abplat.domain.layers import BUCKETS, Slot, find_free, suggest_slot
from abplat.domain.lifecycle import UNSTARTED
from abplat.services.definitions import Verbs

_verbs = Verbs(LAYERS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive


def list_slots(session: Session, project: str, key: str, size: int | None = None) -> Document:
    """Return who occupies a layer, what is free, and a free slot of a size.

    Drafts take no room before they start; they are listed because they are going to.

    Raises:
        NotFoundError: If the project has no layer of this key.
    """
    queries.get(session, LAYERS, project, key)
    running = experiment_queries.list_holding_in_layer(session, project, key)
    taken = [_slot(row) for row in running]
    free = find_free(taken)
    widest = max((slot.end - slot.start for slot in free), default=0)
    suggested = suggest_slot(taken, size or widest) if free else None
    drafts = [row for row in queries.list_all(session, EXPERIMENTS, project) if _is_draft_of(row, key)]
    return {
        "layer": key,
        "occupied": sorted((_describe(row) for row in running), key=lambda each: each["slot"]),
        "drafts": [_describe(row) for row in drafts],
        "free": [list(slot) for slot in free],
        "free_share": sum(slot.end - slot.start for slot in free) / BUCKETS,
        "size": size or widest,
        "suggested": None if suggested is None else list(suggested),
    }


def _is_draft_of(row: Any, layer: str) -> bool:
    """Tell whether an experiment is a draft in a layer."""
    experiment = cast("Experiment", row)
    return experiment.layer == layer and experiment.state in UNSTARTED


def _slot(row: Experiment) -> Slot:
    """Return the slot of an experiment that has a layer."""
    return Slot(*row.document["slot"])


def _describe(row: Any) -> Document:
    """Return an experiment and its slot."""
    return {"experiment": row.key, "state": row.state, "slot": list(_slot(row))}
