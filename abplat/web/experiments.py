"""The list of experiments, and each as a card."""

from __future__ import annotations

from flask import render_template

from abplat.domain.report import Report
from abplat.web.cards import Card, Group, make_card
from abplat.web.sources import Document, Source, open_source


def list_experiments(project: str | None = None) -> str:
    """Show every experiment, project by project, or those of one project."""
    with open_source() as source:
        projects = [source.get_project(project)] if project else source.list_projects()
        groups = [_group(source, each) for each in projects]
    return render_template("experiments.html", groups=[group for group in groups if group.cards])


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
