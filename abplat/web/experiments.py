"""Pages of experiments: the list, the result and its downloads."""

from __future__ import annotations

from flask import Response, render_template

from abplat.domain.report import Report
from abplat.errors import NotFoundError
from abplat.services.report_table import write_csv
from abplat.web.cards import Card, Group, make_card, make_empty
from abplat.web.result import make_page
from abplat.web.sources import Document, Source, Stored, open_source


def list_experiments(project: str | None = None) -> str:
    """Show every experiment, project by project, or those of one project."""
    with open_source() as source:
        projects = [source.get_project(project)] if project else source.list_projects()
        groups = [_group(source, each) for each in projects]
    return render_template(
        "experiments.html", groups=[group for group in groups if group.cards], project=project
    )


def show_experiment(project: str, key: str) -> str:
    """Show the latest result of an experiment, or why there is none."""
    with open_source() as source:
        stored = source.find_report(project, key)
        title = source.get_project(project).get("title") or project
        card = find_card(source, project, key, stored.report if stored else None)
    if stored is None:
        return render_template("empty.html", card=card, empty=make_empty(card, has_exposures=None))
    page = make_page(stored.report, stored.hash)
    return render_template("result.html", page=page, project=project, key=key, project_title=title)


def download_json(project: str, key: str) -> Response:
    """Hand out the report exactly as it is stored."""
    stored = _require_report(project, key)
    return _download(stored.document, "application/json", f"{key}.json", stored.hash)


def download_csv(project: str, key: str) -> Response:
    """Hand out the metric table, one row per metric and variant."""
    stored = _require_report(project, key)
    return _download(write_csv(stored.report).encode(), "text/csv; charset=utf-8", f"{key}.csv", stored.hash)


def find_card(source: Source, project: str, key: str, report: Report | None) -> Card:
    """Describe one experiment."""
    document = source.get_experiment(project, key)
    journey = source.get_journey(project, str(document.get("journey")))
    return make_card(source.get_project(project), document, str(journey.get("title") or ""), report)


def list_cards(source: Source, project: Document) -> tuple[Card, ...]:
    """Describe every experiment of a project."""
    key = str(project["key"])
    titles = {row["key"]: str(row.get("title") or "") for row in source.list_journeys(key)}
    cards = []
    for document in source.list_experiments(key):
        stored = source.find_report(key, document["key"])
        title = titles.get(document.get("journey"), "")
        cards.append(make_card(project, document, title, stored.report if stored else None))
    return tuple(cards)


def _group(source: Source, project: Document) -> Group:
    """Gather the experiments of one project."""
    return Group(str(project.get("title") or project["key"]), list_cards(source, project))


def _require_report(project: str, key: str) -> Stored:
    """Return the latest report or say that there is none."""
    with open_source() as source:
        stored = source.find_report(project, key)
    if stored is None:
        raise NotFoundError(f"experiment {key[:64]!r} has no report yet")
    return stored


def _download(body: bytes, kind: str, name: str, report_hash: str) -> Response:
    """Answer with a file."""
    response = Response(body, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.set_etag(report_hash)
    return response
