"""Definitions as a file: plan, apply and export the whole catalogue of a project."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from sqlalchemy.orm import Session

from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import projects as project_queries
from abplat.domain.catalogue import (
    NOUNS,
    Document,
    changed_fields,
    check_references,
    parse_catalogue,
    with_defaults,
)
from abplat.domain.fields import require_none
from abplat.domain.lifecycle import UNSTARTED, require_changeable
from abplat.services import definitions, projects

_USUAL: Final[Document] = {"fill_standing": True, "keep_facts": None, "approvals": {"required": []}}
"""What a project says when nobody says anything; it is not written."""


class Change(NamedTuple):
    """What would be done with one definition; ``fields`` are the values before and after."""

    noun: str
    key: str
    action: str
    """create, update or unchanged."""
    fields: dict[str, tuple[Any, Any]]


class ApplyPlan(NamedTuple):
    """What applying a document does, in order."""

    project: str
    changes: list[Change]

    def count(self, action: str) -> int:
        """Return how many definitions an action concerns."""
        return sum(1 for change in self.changes if change.action == action)


def plan(session: Session, document: Any) -> ApplyPlan:
    """Say what applying a document would do, and check it as strictly as applying would.

    Raises:
        InvalidInputError: With every fault of the document.
        ConflictError: If it changes what is frozen.
    """
    project, wanted = parse_catalogue(document)
    key = project["key"]
    present = definitions.load_entries(session, key)
    states = experiment_queries.list_states(session, key)
    merged = {noun: {**present[noun], **wanted[noun]} for noun in NOUNS}
    settled = [name for name, state in states.items() if state not in UNSTARTED]
    require_none(check_references(merged, settled), "document")
    changes = [_plan_project(session, project)]
    for noun in NOUNS:
        changes += [_plan_entry(noun, present[noun].get(name), entry) for name, entry in wanted[noun].items()]
    for change in changes:
        if change.noun == "experiments" and change.action == "update":
            require_changeable(states[change.key], change.fields)
    return ApplyPlan(key, changes)


def apply(session: Session, document: Any, *, now: datetime) -> ApplyPlan:
    """Make the definitions what a document says; what it does not name stays as it is.

    Everything is written in the transaction of the caller: all of it or nothing.

    Raises:
        InvalidInputError: With every fault of the document.
        ConflictError: If it changes what is frozen or archived.
    """
    planned = plan(session, document)
    project, wanted = parse_catalogue(document)
    for change in planned.changes:
        if change.noun == "projects":
            _write_project(session, project, change, now)
        elif change.action == "create":
            definitions.insert(session, change.noun, planned.project, wanted[change.noun][change.key], now)
        elif change.action == "update":
            row = queries.get(session, change.noun, planned.project, change.key)
            definitions.replace(session, change.noun, row, wanted[change.noun][change.key], now)
    return planned


def export(session: Session, project: str) -> Document:
    """Return the definitions of a project as the document that would make them again.

    Raises:
        NotFoundError: If there is no such project.
    """
    found = project_queries.get(session, project)
    entries = definitions.load_entries(session, project)
    stated = projects.definition_of(found)
    project_document = {name: value for name, value in stated.items() if value != _USUAL.get(name)}
    document: Document = {"project": project_document}
    for noun in NOUNS:
        if entries[noun]:
            document[noun] = [_without_empty(entry) for entry in entries[noun].values()]
    return document


def _without_empty(entry: Document) -> Document:
    """Leave out what says nothing, so that a file stays readable."""
    return {name: value for name, value in entry.items() if value is not None and value not in ({}, [])}


def _plan_project(session: Session, project: Document) -> Change:
    """Say what would be done with the project itself."""
    row = project_queries.find(session, project["key"])
    before = projects.definition_of(row) if row else None
    return _plan_entry("projects", before, _with_approvals(project, before))


def _with_approvals(project: Document, present: Document | None) -> Document:
    """Leave approvals as they are where a file is silent: nobody drops them by forgetting them."""
    if present is None or project["approvals"] is not None:
        return project
    return {**project, "approvals": present["approvals"]}


def _plan_entry(noun: str, before: Document | None, after: Document) -> Change:
    """Say what would be done with one definition."""
    if before is None:
        return Change(noun, after["key"], "create", {})
    fields = changed_fields(with_defaults(noun, before) if noun in NOUNS else before, after)
    return Change(noun, after["key"], "update" if fields else "unchanged", fields)


def _write_project(session: Session, project: Document, change: Change, now: datetime) -> None:
    """Create or rename the project."""
    if change.action == "create":
        projects.create(session, project, now=now)
    elif change.action == "update":
        present = projects.get(session, project["key"])
        projects.update(session, project["key"], _with_approvals(project, present), now=now)
