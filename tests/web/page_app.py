"""A small app that serves the pages from reports of the factory: for tests and for looking."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flask import Flask

from abplat.clock import parse_instant
from abplat.domain.report import Report, encode_report
from abplat.domain.report_digest import read_digest
from abplat.errors import NotFoundError
from abplat.services.reports import Look
from abplat.web.report_sources import Past, Record
from abplat.web.routes import blueprint
from abplat.web.sources import Stored, read_stored
from tests.web import report_factory

PROJECT = {"key": "shop", "title": "Outdoor shop"}
JOURNEY: dict[str, Any] = {
    "key": "buy", "title": "Buy a tent", "owner": "Ada Martin", "version": 3, "window": "14d", "inactivity": "5d",
    "ordering": "ordered", "reentry": "after_end", "personas": ["first tent", "expert"],
    "stages": [
        {"key": "visit", "title": "Visit", "match": [{"event": "visit"}], "lifecycle": "research", "department": "Shop"},
        {"key": "configure", "title": "Configure the tent", "match": [{"event": "configure", "channel": ["web", "app"]}, {"event": "fitting", "channel": "store"}]},
        {"key": "advice", "title": "Ask for advice", "optional": True, "match": [{"event": "call", "channel": "contact_centre"}], "department": "Service"},
        {"key": "quote", "title": "Ask for a quote", "match": [{"event": "quote", "props": {"product": ["tent", "tarp"]}}], "moment_of_truth": True, "within": "3d", "department": "Sales"},
        {"key": "purchase", "title": "Purchase", "match": [{"event": "purchase"}]},
    ],
    "exclude": [{"match": [{"event": "cancel"}], "after": "quote", "before": "purchase"}],
}  # fmt: skip


def experiment(report: Report, **over: Any) -> dict[str, Any]:
    """Describe the experiment of a report as the service does."""
    facts = report.experiment
    return {
        "key": facts.key, "title": facts.title, "owner": facts.owner, "hypothesis": facts.hypothesis,
        "journey": report.journey.key, "state": facts.state, "started_at": facts.started_at,
        "variants": [{"key": arm.key, "title": arm.title} for arm in facts.variants], **over,
    }  # fmt: skip


class FixedSource:
    """Answers from values that are given at the start."""

    def __init__(self, reports: list[Report], drafts: list[dict[str, Any]] = ()) -> None:  # type: ignore[assignment]
        self._reports = {report.experiment.key: encode_report(report) for report in reports}
        self._experiments = [*(experiment(report) for report in reports), *drafts]

    def list_projects(self) -> list[Mapping[str, Any]]:
        """One project."""
        return [PROJECT]

    def get_project(self, project: str) -> Mapping[str, Any]:
        """The project."""
        return _find([PROJECT], project)

    def list_experiments(self, project: str) -> list[Mapping[str, Any]]:  # noqa: ARG002  # the shape of a source
        """Every experiment that is not archived."""
        return [row for row in self._experiments if row["state"] != "archived"]

    def list_archived(self, project: str) -> list[Mapping[str, Any]]:  # noqa: ARG002  # the shape of a source
        """Every experiment that is archived."""
        return [row for row in self._experiments if row["state"] == "archived"]

    def get_experiment(self, project: str, key: str) -> Mapping[str, Any]:  # noqa: ARG002  # the shape of a source
        """One experiment."""
        return _find(self._experiments, key)

    def list_journeys(self, project: str) -> list[Mapping[str, Any]]:  # noqa: ARG002  # the shape of a source
        """One journey."""
        return [JOURNEY]

    def get_journey(self, project: str, key: str) -> Mapping[str, Any]:  # noqa: ARG002  # the shape of a source
        """The journey."""
        return _find([JOURNEY], key)

    def list_journey_versions(self, project: str, key: str) -> list[Mapping[str, Any]]:  # noqa: ARG002  # the shape of a source
        """Two versions."""
        return [{**JOURNEY, "version": 1, "created_at": "2026-01-05T10:00:00Z"}, JOURNEY]

    def find_report(self, project: str, key: str) -> Stored | None:  # noqa: ARG002  # the shape of a source
        """The report, encoded and read back."""
        document = self._reports.get(key)
        return read_stored(document) if document else None

    def get_report(self, project: str, key: str, report_hash: str) -> tuple[bytes, str]:
        """The report, if it is the one named."""
        stored = self.find_report(project, key)
        if stored is None or not stored.hash.startswith(report_hash):
            raise NotFoundError(f"there is no report {report_hash!r}")
        return stored.document, stored.hash

    def read_record(self, project: str, key: str, report: Report) -> Record:
        """One look, nothing done, and every other experiment as similar."""
        stored = self.find_report(project, key)
        if stored is None:
            return Record()
        at = parse_instant(report.inputs.as_of)
        others = [row for row in self._experiments if row["key"] != key and row["key"] in self._reports]
        past = [Past(row, read_digest(self._reports[row["key"]])) for row in others]
        return Record([Look(at, at, stored.hash, read_digest(stored.document))], 1, similar=past)


def _find(rows: list[Any], key: str) -> Mapping[str, Any]:
    for row in rows:
        if row["key"] == key:
            return row
    raise NotFoundError(f"there is no {key!r}")


def all_reports() -> list[Report]:
    """Make one report of every sort."""
    make = report_factory
    return [make.make_report(), make.make_trap(), make.make_blocked(), make.make_empty()]


def make_app(reports: list[Report] | None = None, drafts: list[dict[str, Any]] | None = None) -> Flask:
    """Make an app of the pages alone."""
    app = Flask("abplat")
    app.config["SIGN_IN"] = "local"
    source = FixedSource(all_reports() if reports is None else reports, drafts or [])

    @contextmanager
    def opened() -> Iterator[FixedSource]:
        yield source

    app.extensions["abplat.source"] = opened
    app.register_blueprint(blueprint)
    return app
