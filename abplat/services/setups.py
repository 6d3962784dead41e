"""Setting up an experiment in steps: every answer is kept at once, and none is kept that is wrong.

Until question, journey and metrics are answered there is only the set-up. From then on there is a draft of
the experiment, and each step changes that draft as the API would.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.models.setups import Setup
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import setups as setup_queries
from abplat.domain import setups as rules
from abplat.domain.catalogue import (
    EXPERIMENTS,
    LAYERS,
    METRICS,
    SEGMENTS,
    Document,
    canonical,
    check_references,
)
from abplat.domain.fields import require_none
from abplat.domain.layers import Slot, find_free, require_room
from abplat.domain.lifecycle import HOLDING, UNSTARTED
from abplat.errors import ConflictError, LayerFullError, NotFoundError, Problem
from abplat.services import audit, experiments, metrics, plan_prints
from abplat.services import planning as plan_services
from abplat.services.definitions import load_entries

MOST: Final = 200
"""Set-ups that a list shows."""


class Draft(NamedTuple):
    """An experiment as far as it is set up.

    Attributes:
        id: Names the set-up.
        author: Who began it.
        experiment: Key of the draft of the experiment, once there is one.
        revision: Of that draft.
        question: The parts of the hypothesis as they were written.
        document: Every field that was answered.
        open: Steps that must still be answered.
        plan: What the planner was asked last, with its state and answer.
        is_plan_fresh: Whether the plan speaks of the experiment as it is now.
        updated_at: When something was answered last.
    """

    id: str
    author: str
    experiment: str | None
    revision: int | None
    question: dict[str, str]
    document: Document
    open: list[str]
    plan: Document | None
    is_plan_fresh: bool
    updated_at: datetime


class Answers(NamedTuple):
    """What one step has answered: fields of the experiment, and of the first step the parts of the question."""

    step: str
    fields: Document
    question: Mapping[str, str] | None = None


class Clash(NamedTuple):
    """Another experiment that meets the same customers."""

    key: str
    title: str
    state: str
    why: str


def create(
    session: Session, project: str, fields: Document, question: Mapping[str, str], *, now: datetime
) -> Draft:
    """Begin with the first step.

    Raises:
        InvalidInputError: With every fault of the step; nothing is kept then.
    """
    _require_good(session, project, fields, rules.QUESTION)
    require_none(list(_find_taken_key(session, project, fields)), "experiment")
    row = Setup(
        id=secrets.token_hex(16),
        project=project,
        author=audit.actor_of(session),
        question=dict(question),
        document=_kept(fields),
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    return _describe(session, row)


def get(session: Session, project: str, setup_id: str) -> Draft:
    """Return a set-up.

    Raises:
        NotFoundError: If the project has none of this id.
        ConflictError: If its experiment has started since: nothing can be set up any more.
    """
    return _describe(session, _get(session, project, setup_id))


def open_for(session: Session, project: str, key: str, *, now: datetime) -> Draft:
    """Return the set-up of a draft, beginning one where it was defined in another way.

    Raises:
        NotFoundError: If there is no such experiment.
        ConflictError: If it has started.
    """
    row = setup_queries.find_of(session, project, key)
    if row is None:
        _get_experiment(session, project, key)
        row = Setup(
            id=secrets.token_hex(16),
            project=project,
            author=audit.actor_of(session),
            experiment=key,
            question={},
            document={},
            created_at=now,
            updated_at=now,
        )
        session.add(row)
        session.flush()
    return _describe(session, row)


def list_(session: Session, project: str) -> list[Draft]:
    """Return what is being set up, the one touched last first; what has started is finished."""
    states = experiment_queries.list_states(session, project)
    rows = setup_queries.list_(session, project, MOST)
    unfinished = [row for row in rows if row.experiment is None or states.get(row.experiment) in UNSTARTED]
    return [_describe(session, row) for row in unfinished]


def save(session: Session, project: str, setup_id: str, answers: Answers, *, now: datetime) -> Draft:
    """Keep what a step has answered; with the last answer that is needed the experiment is made.

    Raises:
        InvalidInputError: With every fault of the step; nothing is kept then.
        ConflictError: If the experiment has started.
    """
    row = _get(session, project, setup_id)
    before, step, fields = _document(session, row), answers.step, answers.fields
    if step == rules.QUESTION and row.experiment is None and fields["key"] != before.get("key"):
        require_none(list(_find_taken_key(session, project, fields)), "experiment")
    changes = _changes(before, step, fields)
    _require_good(session, project, {**before, **changes}, step, own=row.experiment)
    if answers.question is not None:
        row.question = dict(answers.question)
    row.document = {**row.document, **changes}
    row.updated_at = now
    _write_experiment(session, row, now)
    session.flush()
    return _describe(session, row)


def discard(session: Session, project: str, setup_id: str, *, now: datetime) -> None:
    """Throw a set-up away; a draft that it has made is archived."""
    row = _get(session, project, setup_id)
    if row.experiment is not None:
        experiments.archive(session, project, row.experiment, now=now)
    session.delete(row)
    session.flush()


def require_experiment(draft: Draft) -> str:
    """Return the key of the experiment that was made.

    Raises:
        ConflictError: If a step must be answered first.
    """
    if draft.experiment is None or draft.open:
        raise ConflictError("answer the question, the journey and what decides first")
    return draft.experiment


def ask_plan(session: Session, project: str, setup_id: str, *, now: datetime) -> Draft:
    """Ask the planner how long the experiment must run; the worker answers.

    Raises:
        ConflictError: If there is no experiment yet.
    """
    row = _get(session, project, setup_id)
    key = require_experiment(_describe(session, row))
    plan = plan_services.create(session, project, make_plan_request(key), now=now)
    row.plan, row.planned = plan["id"], _fingerprint(session, row)
    session.flush()
    return _describe(session, row)


def make_plan_request(experiment: str) -> Document:
    """Return what the planner is asked: everything else is in the experiment."""
    return {"experiment": experiment, "weeks": 12}


def list_clashes(session: Session, project: str, draft: Draft) -> list[Clash]:
    """Return the experiments under way that meet the same customers on the same journey."""
    document = draft.document
    found = []
    for other in experiment_queries.list_started(session, project):
        plan = other.plan["experiment"]
        if other.state not in HOLDING or plan["journey"] != document.get("journey"):
            continue
        if plan["layer"] is not None and plan["layer"] == document.get("layer"):
            continue  # slots of one layer share nobody
        where = f"layer {plan['layer']}" if plan["layer"] else "no layer"
        why = f"same journey, {where}: customers may be in both at once"
        found.append(Clash(other.key, plan["title"], other.state, why))
    return found


def list_free(session: Session, project: str, own: str | None) -> dict[str, list[Slot]]:
    """Return what is free in each layer; an experiment does not stand in its own way."""
    free = {}
    for layer in queries.list_all(session, LAYERS, project):
        holding = experiment_queries.list_holding_in_layer(session, project, layer.key)
        free[layer.key] = find_free(Slot(*other.document["slot"]) for other in holding if other.key != own)
    return free


def make_metric(session: Session, project: str, document: Document, *, now: datetime) -> str:
    """Make the metric that a journey lacks, unless it is there; return its key."""
    if queries.find(session, METRICS, project, document["key"]) is None:
        metrics.create(session, project, document, now=now)
    return str(document["key"])


def _changes(before: Document, step: str, fields: Document) -> Document:
    """Return what a step changes; another journey leaves nothing that was counted on the first."""
    changes = _kept(fields)
    if step == rules.JOURNEY and before.get("journey") not in (None, fields.get("journey")):
        changes["metrics"] = None
    return changes


def _kept(fields: Document) -> Document:
    """Return a document as JSON would keep it."""
    kept: Document = msgspec.json.decode(msgspec.json.encode(fields))
    return kept


def _get(session: Session, project: str, setup_id: str) -> Setup:
    """Return a set-up that can still go on."""
    row = setup_queries.get(session, project, setup_id)
    if row.experiment is not None:
        _get_experiment(session, project, row.experiment)
    return row


def _get_experiment(session: Session, project: str, key: str) -> Experiment:
    """Return an experiment that has not started.

    Raises:
        ConflictError: If it has.
    """
    found = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    if found.state not in UNSTARTED:
        raise ConflictError(f"experiment {key} is {found.state}; only a draft can be set up")
    return found


def _document(session: Session, row: Setup) -> Document:
    """Return every field that was answered: of the experiment, and over it what is not in it yet."""
    if row.experiment is None:
        return dict(row.document)
    definition = queries.get(session, EXPERIMENTS, row.project, row.experiment).document
    return {**definition, **row.document}


def _describe(session: Session, row: Setup) -> Draft:
    """Return a set-up as it stands."""
    document = _document(session, row)
    experiment = (
        None if row.experiment is None else queries.get(session, EXPERIMENTS, row.project, row.experiment)
    )
    return Draft(
        id=row.id,
        author=row.author,
        experiment=row.experiment,
        revision=experiment.version if experiment is not None else None,
        question=dict(row.question),
        document=document,
        open=rules.list_open(document),
        plan=_find_plan(session, row),
        is_plan_fresh=row.plan is not None and row.planned == _fingerprint(session, row),
        updated_at=row.updated_at,
    )


def _find_plan(session: Session, row: Setup) -> Document | None:
    """Return the plan that was asked for last; old ones are forgotten."""
    if row.plan is None:
        return None
    try:
        return plan_services.get(session, row.project, row.plan)
    except NotFoundError:
        return None


def _fingerprint(session: Session, row: Setup) -> str | None:
    """Return what names the experiment as the planner sees it."""
    if row.experiment is None:
        return None
    found = cast("Experiment", queries.get(session, EXPERIMENTS, row.project, row.experiment))
    return plan_prints.take(session, found)


def _write_experiment(session: Session, row: Setup, now: datetime) -> None:
    """Make the experiment as soon as it can be, or bring it up to date."""
    document = _document(session, row)
    if rules.list_open(document):
        return
    if row.experiment is None:
        whole = {"variants": list(rules.TWO_ARMS), **{k: v for k, v in document.items() if v is not None}}
        row.experiment = experiments.create(session, row.project, whole, now=now)["key"]
    else:
        experiments.update(session, row.project, row.experiment, row.document, now=now)
    row.document = {}


def _require_good(
    session: Session, project: str, document: Document, step: str, own: str | None = None
) -> None:
    """Refuse what is wrong with a step: by itself, in what it refers to, and where there is no room."""
    require_none(rules.list_problems(document, step), "experiment")
    require_none(list(_find_loose_ends(session, project, document, step)), "experiment")
    if step == rules.WHO:
        require_none(list(_find_room(session, project, document, own)), "experiment")


def _find_loose_ends(session: Session, project: str, document: Document, step: str) -> Iterator[Problem]:
    """Yield each reference of a step that leads nowhere."""
    whole = rules.fill(document)
    definition = canonical(EXPERIMENTS, whole)
    entries = load_entries(session, project)
    entries[EXPERIMENTS][definition["key"]] = definition
    prefix = f"{EXPERIMENTS}[{definition['key']}]."
    states = experiment_queries.list_states(session, project)
    settled = [key for key, state in states.items() if state not in UNSTARTED]
    for problem in check_references(entries, settled):
        own = problem._replace(path=problem.path.removeprefix(prefix))
        if problem.path.startswith(prefix) and rules.is_of(step, own):
            yield own


def _find_room(session: Session, project: str, document: Document, own: str | None) -> Iterator[Problem]:
    """Yield why no customer is left to take part."""
    if document.get("included") == 0:
        yield Problem("included", "is 0: nobody would take part; write a share above 0", "no_traffic")
    rule = document.get("targeting") or {}
    if rule.get("op") == "in_segment":
        segment = queries.find(session, SEGMENTS, project, str(rule.get("value")))
        if segment is not None and segment.document.get("members") == []:
            message = f"segment {segment.key} has no members: nobody would take part; choose another audience"
            yield Problem("targeting", message, "no_traffic")
    layer, slot = document.get("layer"), document.get("slot")
    if not layer or not slot:
        return
    holding = experiment_queries.list_holding_in_layer(session, project, layer)
    taken = {other.key: Slot(*other.document["slot"]) for other in holding if other.key != own}
    try:
        require_room(layer, Slot(*slot), taken)
    except LayerFullError as error:
        yield Problem("slot", error.message, error.code)


def _find_taken_key(session: Session, project: str, fields: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield that there is an experiment of this key."""
    if queries.find(session, EXPERIMENTS, project, str(fields.get("key"))) is not None:
        yield Problem(
            "key", f"{fields['key']!r} is taken by another experiment; choose another", "duplicate_key"
        )
