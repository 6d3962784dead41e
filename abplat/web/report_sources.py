"""What the result page reads beside the report itself: earlier looks, what people did, similar experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from sqlalchemy.orm import Session

from abplat.domain.report import Report
from abplat.domain.report_digest import ReportDigest, read_digest
from abplat.errors import NotFoundError
from abplat.services import history, reports
from abplat.services.history import Deed
from abplat.services.reports import Look

MOST_SIMILAR = 6


class Past(NamedTuple):
    """An experiment on the same journey, with what its latest report said."""

    document: Mapping[str, Any]
    digest: ReportDigest | None


class Record(NamedTuple):
    """The life of one experiment, as far as the result page tells it."""

    looks: Sequence[Look] = ()
    n_looks: int = 0
    deeds: Sequence[Deed] = ()
    similar: Sequence[Past] = ()


class RecordSource(Protocol):
    """Where the record of an experiment comes from."""

    def get_report(self, project: str, key: str, report_hash: str) -> tuple[bytes, str]:
        """Return the document and the hash of one report."""

    def read_record(self, project: str, key: str, report: Report) -> Record:
        """Return the life of an experiment."""


class ServiceRecords:
    """The record, read from the services."""

    _session: Session

    def get_report(self, project: str, key: str, report_hash: str) -> tuple[bytes, str]:
        """Return the document and the hash of one report.

        Raises:
            NotFoundError: If there is no such report.
        """
        found = reports.find(self._session, project, key, report_hash)
        return found.document, found.hash

    def read_record(self, project: str, key: str, report: Report) -> Record:
        """Return the life of an experiment."""
        looks, n_looks = reports.list_looks(self._session, project, key)
        return Record(
            looks=looks,
            n_looks=n_looks,
            deeds=history.list_deeds(self._session, project, key),
            similar=self._list_similar(project, key, report.journey.key),
        )

    def list_experiments(self, project: str) -> list[Mapping[str, Any]]:
        """Return the experiments of a project."""
        raise NotImplementedError

    def _list_similar(self, project: str, key: str, journey: str) -> list[Past]:
        """Return the youngest experiments on the same journey that have been judged."""
        others = [
            row
            for row in self.list_experiments(project)
            if row.get("journey") == journey and row["key"] != key and row.get("started_at")
        ]
        others.sort(key=lambda row: str(row["started_at"]), reverse=True)
        return [Past(row, self._digest(project, row["key"])) for row in others[:MOST_SIMILAR]]

    def _digest(self, project: str, key: str) -> ReportDigest | None:
        """Return the latest report in short."""
        try:
            return read_digest(reports.latest(self._session, project, key).document)
        except (NotFoundError, msgspec.DecodeError):
            return None
