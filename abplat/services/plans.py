"""The plan of an experiment: what it depends on, frozen at the start, and what it serves now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, cast

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry
from abplat.db.models.experiments import Experiment
from abplat.db.models.journeys import Journey
from abplat.db.queries import audit as audit_queries
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import phases as phase_queries
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, Document
from abplat.domain.experiments import ANALYSIS_ONLY
from abplat.domain.lifecycle import ARCHIVED, CONCLUDED, DRAFT, PAUSED, RUNNING, STEPS, STOPPED, added_uses
from abplat.services import attachments, deviations, registry
from abplat.services.traffic import plan_traffic

PLAN_VERSION = 1
MASK: Final = "mask"
"""Field of a frozen plan: the secret that makes codes of ids. It is served to nobody and in no hash."""


def get_plan(session: Session, project: str, key: str) -> Document:
    """Return the plan of an experiment: as frozen at the start, or as a draft would freeze it now.

    The plan holds all that decisions and analyses depend on: ``experiment``, ``salt``,
    ``hash_version``, ``layer``, ``holdouts``, the versions of ``segments`` and ``personas``, ``journey`` and every ``metrics`` and ``journeys``
    entry it refers to, each journey with its version. A frozen one also has ``mask``, the secret that
    makes codes of ids in reports; it is served to nobody.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    plan: Document = row.plan if row.plan is not None else build_plan(session, row)
    return plan


def list_followed(session: Session, project: str) -> list[str]:
    """Return the experiments whose numbers still change: those that run, and those that only wait for them."""
    states = experiment_queries.list_states(session, project)
    return sorted(key for key, state in states.items() if state in {RUNNING, PAUSED, STOPPED})


def get_analysis(session: Session, project: str, key: str, as_of: datetime) -> Document:
    """Return what an analysis as of an instant goes by: the frozen plan and what came to it since.

    Metrics added later are there with the others. All is as it was at the instant (metrics, phases,
    deviations, state, the registry of the project), so that an older analysis can be made again.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    plan: Document = row.plan if row.plan is not None else build_plan(session, row)
    phases = [
        {
            "number": phase.number,
            "kind": phase.kind,
            "weights": phase.weights,
            "included": phase.included,
            "reason": phase.reason,
            "started_at": phase.started_at,
            "counts_from": phase.counts_from,
        }
        for phase in phase_queries.list_(session, row.id)
        if phase.started_at <= as_of or phase.number == 1
    ]
    found = deviations.list_(session, project, key)
    trail = audit_queries.list_of(session, project, EXPERIMENTS, key)
    is_stopped = row.stopped_at is not None and row.stopped_at <= as_of
    return {
        "plan": _with_added_metrics(session, row, plan, _uses_at(row, trail, as_of)),
        "state": _state_at(row, trail, as_of),
        "started_at": row.started_at,
        "stopped_at": row.stopped_at if is_stopped or _is_past(row) else None,
        "registry": registry.get(session, project, as_of),
        "phases": phases,
        "deviations": [each["sentence"] for each in found if each["at"] <= as_of],
        "observations": attachments.list_attached(
            session, project, plan["experiment"]["journey"], key, as_of
        ),
    }


def _is_past(row: Experiment) -> bool:
    """Tell whether an experiment ran elsewhere: what was done to it here says nothing of its time."""
    return bool(row.document.get("kind") == ANALYSIS_ONLY)


def _state_at(row: Experiment, trail: Sequence[AuditEntry], as_of: datetime) -> str:
    """Return the state of an experiment at an instant."""
    moves = [entry for entry in trail if entry.verb in STEPS]
    if _is_past(row) or not moves or moves[-1].at <= as_of:
        return row.state
    done = [STEPS[entry.verb].target for entry in moves if entry.at <= as_of]
    if row.stopped_at is not None and row.stopped_at <= as_of:
        return done[-1] if done and done[-1] in (CONCLUDED, ARCHIVED) else STOPPED
    if row.started_at is not None and row.started_at <= as_of:
        return PAUSED if done and done[-1] == PAUSED else RUNNING
    return done[-1] if done else DRAFT


def _uses_at(row: Experiment, trail: Sequence[AuditEntry], as_of: datetime) -> Sequence[Document]:
    """Return the metrics that an experiment used at an instant: those before the first change after it."""
    later = [entry.before for entry in trail if entry.verb == "update" and entry.at > as_of]
    held = [before["metrics"] for before in later if before and "metrics" in before]
    uses: Sequence[Document] = held[0] if held else row.document["metrics"]
    return uses


def list_plans(session: Session, project: str) -> list[tuple[str, Document]]:
    """Return what is served of every experiment that has started, in the order of their keys.

    That is the state, ``running`` or ``stopped``, and the plan with salt, weights and coverage of
    the present phase. An experiment that is only analysed is never served.
    """
    return [
        serve(row)
        for row in experiment_queries.list_started(session, project)
        if row.plan["experiment"].get("kind") != ANALYSIS_ONLY
    ]


def serve(row: Experiment) -> tuple[str, Document]:
    """Return what is served of an experiment; all of it stands in its one row."""
    plan, traffic = row.plan, row.traffic
    document = plan["experiment"]
    shipped = (row.conclusion or {}).get("shipped") if row.state == CONCLUDED or row.archived_at else None
    present = {
        **document,
        "included": traffic["included"],
        "variants": [{**each, "weight": traffic["weights"][each["key"]]} for each in document["variants"]],
    }
    control = document["variants"][0]["key"]
    is_on = row.state == RUNNING and row.killed_at is None
    served = {
        **{name: value for name, value in plan.items() if name != MASK},
        "experiment": present,
        "salt": traffic["salt"],
        "phase": traffic["phase"],
    }
    served["control"] = shipped if shipped and row.killed_at is None else control
    return (RUNNING if is_on else STOPPED), served


def build_plan(session: Session, row: Experiment) -> Document:
    """Gather all that an experiment depends on into one document."""
    experiment = row.document
    metrics = {
        use["metric"]: queries.get(session, METRICS, row.project, use["metric"]).document
        for use in experiment["metrics"]
    }
    metrics |= plan_parts(session, row.project, metrics)
    journeys = plan_journeys(session, row.project, metrics, experiment["journey"])
    return {
        "schema_version": PLAN_VERSION,
        "project": row.project,
        "experiment": experiment,
        "salt": row.salt,
        "hash_version": row.hash_version,
        **plan_traffic(session, row.project, experiment),
        "journey": journeys[experiment["journey"]],
        "journeys": journeys,
        "metrics": metrics,
    }


def hash_plan(plan: Document) -> str:
    """Return the SHA-256 of a plan's canonical JSON, the secret aside."""
    told = {name: value for name, value in plan.items() if name != MASK}
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()


def _with_added_metrics(
    session: Session, row: Experiment, plan: Document, uses: Sequence[Document]
) -> Document:
    """Return the plan with the metrics that joined after the start; they explain, they never decide."""
    added = added_uses(plan["experiment"]["metrics"], uses)
    if not added:
        return plan
    found = {
        use["metric"]: queries.get(session, METRICS, row.project, use["metric"]).document for use in added
    }
    found |= plan_parts(session, row.project, found)
    journeys = plan_journeys(session, row.project, found, None)
    experiment = plan["experiment"]
    return {
        **plan,
        "experiment": {**experiment, "metrics": [*experiment["metrics"], *added]},
        "metrics": {**found, **plan["metrics"]},
        "journeys": {**journeys, **plan["journeys"]},
    }


def plan_parts(session: Session, project: str, metrics: Mapping[str, Document]) -> dict[str, Document]:
    """Return the metrics that composites are made of; a part is never a composite itself."""
    keys = {part["metric"] for metric in metrics.values() for part in metric.get("parts") or ()}
    return {key: queries.get(session, METRICS, project, key).document for key in sorted(keys - set(metrics))}


def plan_journeys(
    session: Session, project: str, metrics: Mapping[str, Document], own: str | None
) -> dict[str, Document]:
    """Return every journey that something is counted on."""
    keys = {metric["journey"] for metric in metrics.values() if metric["journey"]} | ({own} if own else set())
    return {key: _plan_journey(session, project, key) for key in sorted(keys)}


def _plan_journey(session: Session, project: str, key: str) -> Document:
    """Return a journey as a plan keeps it."""
    row = cast("Journey", queries.get(session, JOURNEYS, project, key))
    return {"key": key, "version": row.definition_version, "document": row.document}
