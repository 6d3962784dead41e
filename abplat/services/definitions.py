"""What can be done with any definition; the module of each noun offers it under its own name."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, cast

from sqlalchemy.orm import Session

from abplat.db.models.base import Base
from abplat.db.models.experiments import Experiment
from abplat.db.models.holdouts import Holdout
from abplat.db.models.layers import Layer
from abplat.db.models.projects import Definition
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import versions
from abplat.db.queries.versions import VersionedDefinition
from abplat.domain import catalogue
from abplat.domain.catalogue import Document
from abplat.domain.experiments import HASH_VERSION
from abplat.domain.fields import require_none
from abplat.domain.lifecycle import (
    ARCHIVED,
    CHECKED,
    DRAFT,
    HOLDING,
    UNCHECKED,
    UNSTARTED,
    added_uses,
    require_changeable,
    require_transition,
)
from abplat.domain.targeting import list_groups
from abplat.errors import ConflictError, InvalidInputError, Problem, StaleVersionError
from abplat.services import approval_gate, audit

MAX_PAGE: Final = 200


class Page(NamedTuple):
    """Some definitions, and the key after which the next ones come."""

    items: list[Document]
    next_key: str | None


class Verbs:
    """The verbs of one noun. Every one takes the session of the caller, who commits."""

    def __init__(self, noun: str) -> None:
        """Serve a noun of the catalogue."""
        self.noun = noun
        self.word = noun.removesuffix("s")

    def create(self, session: Session, project: str, document: Any, *, now: datetime) -> Document:
        """Create a definition and return it.

        Raises:
            InvalidInputError: With every fault found.
            DuplicateKeyError: If the project has one of this key.
        """
        definition = catalogue.canonical(self.noun, document)
        row = insert(session, self.noun, project, definition, now)
        require_whole(session, project, self.noun, definition["key"])
        return describe(row)

    def get(self, session: Session, project: str, key: str) -> Document:
        """Return a definition.

        Raises:
            NotFoundError: If the project has none of this key.
        """
        return describe(queries.get(session, self.noun, project, key))

    def list_(self, session: Session, project: str, *, after: str = "", limit: int = 50) -> Page:
        """Return the next definitions in the order of their keys."""
        limit = max(1, min(limit, MAX_PAGE))
        rows = queries.list_(session, self.noun, project, after, limit + 1)
        return Page(
            [describe(row) for row in rows[:limit]], rows[limit - 1].key if len(rows) > limit else None
        )

    def update(
        self, session: Session, project: str, key: str, changes: Mapping[str, Any], *,
        now: datetime, revision: int | None = None,
    ) -> Document:  # fmt: skip
        """Change some fields of a definition; null takes a field back to its default.

        Args:
            session: Where to write.
            project: Key of the project.
            key: Key of the definition.
            changes: Fields with their new values.
            now: The present instant.
            revision: What the caller read; None skips the comparison.

        Raises:
            StaleVersionError: If it was changed since that revision.
            InvalidInputError: With every fault found.
            ConflictError: If the change breaks what relies on the definition.
        """
        row = queries.get(session, self.noun, project, key)
        require_revision(row, revision)
        if changes.get("key", key) != key:
            raise InvalidInputError.at("key", f"is {key!r} for good; create another instead", "immutable")
        definition = catalogue.canonical(self.noun, {**row.document, **changes})
        if replace(session, self.noun, row, definition, now):
            require_whole(session, project, self.noun, key)
        return describe(row)

    def archive(
        self, session: Session, project: str, key: str, *, now: datetime, revision: int | None = None
    ) -> Document:
        """Take a definition out of use; it stays readable for ever.

        Raises:
            ConflictError: If something relies on it.
        """
        row = queries.get(session, self.noun, project, key)
        require_revision(row, revision)
        if row.archived_at is None:
            require_unused(session, row)
            if isinstance(row, Experiment):
                require_transition(row.state, ARCHIVED)
                row.state = ARCHIVED
            row.archived_at = row.updated_at = now
            queries.save(session, f"{self.word} {key}")
            audit.record(session, now, (project, "archive", self.noun, key), before=row.document)
            require_whole(session, project, self.noun, key)
        return describe(row)

    def list_versions(self, session: Session, project: str, key: str) -> list[Document]:
        """Return every version of a definition that has any, oldest first (R35).

        Raises:
            NotFoundError: If the project has none of this key.
        """
        row = cast("VersionedDefinition", queries.get(session, self.noun, project, key))
        return [
            {**version.document, "version": version.definition_version, "created_at": version.created_at}
            for version in versions.list_(session, row)
        ]


def require_revision(row: Definition, revision: int | None) -> None:
    """Refuse to change what somebody else changed in the meantime.

    Raises:
        StaleVersionError: If the revisions differ.
    """
    if revision is not None and revision != row.version:
        message = (
            f"{row.key} is at revision {row.version}, not {revision}; read it again and repeat the change"
        )
        raise StaleVersionError(message)


def describe(row: Definition) -> Document:
    """Return a definition with what the server knows of it."""
    described: Document = {
        **row.document,
        "revision": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "archived_at": row.archived_at,
    }
    if isinstance(row, VersionedDefinition):
        described["version"] = row.definition_version
    if isinstance(row, Layer | Holdout | Experiment):
        described["salt"] = row.salt
    if isinstance(row, Experiment):
        described |= _describe_life(row)
    return described


def _describe_life(row: Experiment) -> Document:
    """Return where an experiment is in its life and what it serves."""
    traffic = row.traffic or {}
    return {
        "state": row.state,
        "hash_version": row.hash_version,
        "template": row.template,
        "started_at": row.started_at,
        "stopped_at": row.stopped_at,
        "killed_at": row.killed_at,
        "concluded_at": row.concluded_at,
        "conclusion": row.conclusion,
        "plan_hash": row.plan_hash,
        "phase": traffic.get("phase"),
        "coverage": traffic.get("included"),
        "weights": traffic.get("weights"),
        "ramp_step": row.ramp_step,
        "ramp_since": row.ramp_since,
        "ramp_approved": row.ramp_approved,
        "schedule_fault": row.schedule_fault,
    }


def insert(session: Session, noun: str, project: str, definition: Document, now: datetime) -> Definition:
    """Write a new definition, without a look at what it refers to."""
    model = queries.MODELS[noun]
    row = model(
        project=project, key=definition["key"], document=definition, version=1, created_at=now, updated_at=now
    )  # type: ignore[call-arg]
    if isinstance(row, Layer | Holdout | Experiment):
        row.salt = secrets.token_hex(16)
    if isinstance(row, Experiment):
        row.state, row.hash_version, row.ramp_approved = DRAFT, HASH_VERSION, False
        _take_place(row, definition)
    if isinstance(row, VersionedDefinition):
        row.definition_version = 1
    queries.add(session, cast("Base", row), f"{noun.removesuffix('s')} {definition['key']!r}")
    if isinstance(row, VersionedDefinition):
        versions.keep(session, row, now)
    audit.record(session, now, (project, "create", noun, row.key), after=_audited(row))
    return row


def replace(session: Session, noun: str, row: Definition, definition: Document, now: datetime) -> bool:
    """Write a changed definition, without a look at what it refers to; tell whether anything differs.

    Raises:
        ConflictError: If it is archived, or frozen because the experiment has started.
        StaleVersionError: If somebody else was quicker.
    """
    before, audited = row.document, _audited(row)
    changed = catalogue.changed_fields(catalogue.with_defaults(noun, before), definition)
    if not changed:
        return False
    if row.archived_at is not None:
        raise ConflictError(f"{row.key} is archived and cannot change; create another instead")
    if isinstance(row, Experiment):
        _change_experiment(session, row, definition)
        approval_gate.pass_guardrails(session, row, definition, now)
    newer = isinstance(row, VersionedDefinition) and catalogue.is_new_version(noun, before, definition)
    row.document, row.updated_at = definition, now
    if newer and isinstance(row, VersionedDefinition):
        row.definition_version += 1
    queries.save(session, f"{noun.removesuffix('s')} {row.key}")
    if newer and isinstance(row, VersionedDefinition):
        versions.keep(session, row, now)
    audit.record(session, now, (row.project, "update", noun, row.key), audited, _audited(row))
    if isinstance(row, Experiment):
        approval_gate.renew(session, row, now, author=audit.actor_of(session))
    return True


def _audited(row: Definition) -> Document:
    """Return what the audit trail keeps of a definition: with its version, where it has any."""
    if isinstance(row, VersionedDefinition):
        return {**row.document, "version": row.definition_version}
    document: Document = row.document
    return document


def _change_experiment(session: Session, row: Experiment, definition: Document) -> None:
    """Refuse what is frozen; what was checked before the change is a draft again."""
    held = catalogue.with_defaults(catalogue.EXPERIMENTS, row.document)
    changed = catalogue.changed_fields(held, definition)
    require_changeable(row.state, changed)
    if row.state == CHECKED and set(changed) - UNCHECKED:
        row.state = DRAFT
    if row.state not in UNSTARTED and "metrics" in changed:
        added = added_uses(row.document["metrics"], definition["metrics"])
        faults = catalogue.check_uses(load_entries(session, row.project), definition, map(dict, added))
        require_none(faults, "experiment")
    if row.ramp_step is not None and not (definition["schedule"] or {}).get("ramp"):
        row.ramp_step = row.ramp_since = None
    _take_place(row, definition)


def _take_place(row: Experiment, definition: Document) -> None:
    """Copy layer, slot and whether there is a schedule to where the database can see them."""
    row.layer = definition["layer"]
    row.slot_start, row.slot_end = definition["slot"] or (None, None)
    row.is_scheduled = definition["schedule"] is not None
    row.schedule_fault = None


def require_unused(session: Session, row: Definition) -> None:
    """Refuse to archive a segment or persona that a running experiment goes by: it follows them.

    Raises:
        ConflictError: Naming the experiment.
    """
    noun = {"segments": catalogue.SEGMENTS, "personas": catalogue.PERSONAS}.get(row.__tablename__)  # type: ignore[attr-defined]
    for experiment in experiment_queries.list_started(session, row.project) if noun else ():
        followed = list_groups(experiment.plan["experiment"]["targeting"])
        if experiment.state in HOLDING and row.key in followed[noun or ""]:
            message = f"{row.key} is in use: experiment {experiment.key} is {experiment.state} and goes by it"
            raise ConflictError(message)


def load_entries(session: Session, project: str) -> dict[str, dict[str, Document]]:
    """Return all definitions of a project by noun and key."""
    return {
        noun: {row.key: row.document for row in queries.list_all(session, noun, project)}
        for noun in catalogue.NOUNS
    }


def find_loose_ends(session: Session, project: str) -> list[Problem]:
    """Return every reference of a project that leads nowhere."""
    states = experiment_queries.list_states(session, project)
    settled = [key for key, state in states.items() if state not in UNSTARTED]
    return catalogue.check_references(load_entries(session, project), settled)


def require_whole(session: Session, project: str, noun: str, key: str) -> None:
    """Refuse a write after which some reference leads nowhere.

    Raises:
        InvalidInputError: If the definition just written refers to something that is not there.
        ConflictError: If something else relied on what was changed.
    """
    prefix = f"{noun}[{key}]."
    problems = find_loose_ends(session, project)
    own = [
        problem._replace(path=problem.path.removeprefix(prefix))
        for problem in problems
        if problem.path.startswith(prefix)
    ]
    require_none(own, noun.removesuffix("s"))
    if problems:
        first = problems[0]
        message = f"{noun.removesuffix('s')} {key} is in use: {first.path}: {first.message}"
        raise ConflictError(message, problems=problems)
