"""Experiments, each as a card."""

from __future__ import annotations

from abplat.domain.report import Report
from abplat.web.cards import Card, make_card
from abplat.web.sources import Document, Source


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
