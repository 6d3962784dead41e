"""Where pages get what they show: the services, read in one session that never commits.

``app.extensions["abplat.source"]`` may hold another way to open a source.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, cast

import msgspec
from flask import current_app
from sqlalchemy.orm import Session

from abplat.domain.people import LOCAL, Person
from abplat.domain.report import Report, decode_report
from abplat.errors import ConflictError, NotFoundError
from abplat.services import experiments, journeys, projects, reports
from abplat.web import report_sources
from abplat.web.door import current_person
from abplat.web.report_sources import Record, RecordSource

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stored:
    """A stored report: its bytes, its name and what they say."""

    document: bytes
    hash: str
    report: Report


class Source(RecordSource, Protocol):
    """All that the pages ask for."""

    def list_projects(self) -> list[Document]:
        """Return every project."""

    def get_project(self, project: str) -> Document:
        """Return one project."""

    def list_experiments(self, project: str) -> list[Document]:
        """Return the experiments of a project that are not archived."""

    def list_archived(self, project: str) -> list[Document]:
        """Return the experiments of a project that are archived."""

    def get_experiment(self, project: str, key: str) -> Document:
        """Return one experiment."""

    def list_journeys(self, project: str) -> list[Document]:
        """Return the journeys of a project."""

    def get_journey(self, project: str, key: str) -> Document:
        """Return one journey."""

    def list_journey_versions(self, project: str, key: str) -> list[Document]:
        """Return every version of a journey, oldest first."""

    def find_report(self, project: str, key: str) -> Stored | None:
        """Return the latest report of an experiment, or None."""


Opener = Callable[[], AbstractContextManager[Source]]


def open_source() -> AbstractContextManager[Source]:
    """Open what the present request reads from."""
    opener = current_app.extensions.get("abplat.source") or _open_services
    return cast("Opener", opener)()


@contextmanager
def _open_services() -> Iterator[Source]:
    """Read from the services in a session of its own."""
    with current_app.extensions["abplat"].sessions() as session:
        yield ServiceSource(session, current_person())


def read_stored(document: bytes, report_hash: str = "") -> Stored:
    """Read a stored report.

    Raises:
        ConflictError: If it was written in another shape than this version reads.
    """
    try:
        report = decode_report(document)
    except msgspec.DecodeError as error:
        message = "the stored report was written by another version of abplat; ask for a new analysis"
        raise ConflictError(message) from error
    return Stored(document, report_hash or hashlib.sha256(document).hexdigest(), report)


class ServiceSource:
    """The services, asked in the words of the pages."""

    def __init__(self, session: Session, person: Person = LOCAL) -> None:
        """Read in this session what a person may see."""
        self._session = session
        self._person = person

    def list_projects(self) -> list[Document]:
        """Return every project that the reader belongs to."""
        return [row for row in projects.list_(self._session) if self._person.role_in(row["key"])]

    def get_project(self, project: str) -> Document:
        """Return one project."""
        return projects.get(self._session, project)

    def list_experiments(self, project: str) -> list[Document]:
        """Return the experiments of a project that are not archived."""
        return [row for row in self._all(experiments, project) if not row.get("archived_at")]

    def list_archived(self, project: str) -> list[Document]:
        """Return the experiments of a project that are archived."""
        return [row for row in self._all(experiments, project) if row.get("archived_at")]

    def get_experiment(self, project: str, key: str) -> Document:
        """Return one experiment."""
        return experiments.get(self._session, project, key)

    def list_journeys(self, project: str) -> list[Document]:
        """Return the journeys of a project."""
        return self._all(journeys, project)

    def get_journey(self, project: str, key: str) -> Document:
        """Return one journey."""
        return journeys.get(self._session, project, key)

    def list_journey_versions(self, project: str, key: str) -> list[Document]:
        """Return every version of a journey, oldest first."""
        return list(journeys.list_versions(self._session, project, key))

    def find_report(self, project: str, key: str) -> Stored | None:
        """Return the latest report of an experiment, or None."""
        try:
            found = reports.get(self._session, project, key)
        except NotFoundError:
            return None
        return read_stored(found.document, found.hash)

    def get_report(self, project: str, key: str, report_hash: str) -> tuple[bytes, str]:
        """Return the document and the hash of one report."""
        return report_sources.get_report(self._session, project, key, report_hash)

    def read_record(self, project: str, key: str, report: Report) -> Record:
        """Return the life of an experiment."""
        others = self.list_experiments(project)
        return report_sources.read_record(self._session, project, key, report, others)

    def _all(self, service: Any, project: str) -> list[Document]:
        """Walk through all pages of a list."""
        rows: list[Document] = []
        after = ""
        while True:
            page = service.list_(self._session, project, after=after, limit=200)
            rows += page.items
            if page.next_key is None:
                return rows
            after = page.next_key
