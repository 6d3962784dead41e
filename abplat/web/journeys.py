"""Page of a journey: its definition in plain words, where it is used and the latest map."""

from __future__ import annotations

from typing import NamedTuple

from flask import current_app, render_template, url_for

from abplat.domain.catalogue import JOURNEYS, METRICS, Document
from abplat.services import journey_counts
from abplat.services.definitions import load_entries
from abplat.services.journey_counts import Counted
from abplat.web.cards import Card
from abplat.web.count_map import CountMap, make_count_map
from abplat.web.experiments import list_cards
from abplat.web.journey_page import make_journey_page
from abplat.web.path_map import PathMap, make_map
from abplat.web.sources import Source, open_source


def show_journey(project: str, key: str) -> str:
    """Show a journey."""
    with open_source() as source:
        owner = source.get_project(project)
        journey = source.get_journey(project, key)
        cards = [card for card in list_cards(source, owner) if card.journey == key]
        versions = source.list_journey_versions(project, key)
        found = _latest_map(source, project, cards)
    page = make_journey_page(owner, journey, versions, cards)
    shown = {"page": page, "project": project, "key": key, "around": _look_around(project, key), "map": None}
    if found is None:
        return render_template("journey.html", **shown)
    card, picture = found
    place = url_for("pages.show_experiment", project=project, key=card.key)
    return render_template("journey.html", **{**shown, "map": picture}, map_title=card.title, map_url=place)


class Around(NamedTuple):
    """What is known of a journey beside its definition: the metrics on it, and who walked it lately."""

    metrics: tuple[Document, ...] = ()
    counted: Counted | None = None
    counts: CountMap | None = None


def _look_around(project: str, key: str) -> Around:
    """Gather where a journey is used and what was counted of it."""
    platform = current_app.extensions.get("abplat")
    if platform is None:  # pages over fixed values have nothing around
        return Around()
    with platform.sessions() as session:
        entries = load_entries(session, project)
        journey = entries[JOURNEYS].get(key)
        counted = journey_counts.find(session, project, journey) if journey else None
    metrics = tuple(each for each in entries[METRICS].values() if each["journey"] == key)
    counts = make_count_map(journey, counted.counts) if journey and counted and counted.counts else None
    return Around(metrics, counted, counts)


def _latest_map(source: Source, project: str, cards: list[Card]) -> tuple[Card, PathMap] | None:
    """Return the map of the youngest report on this journey."""
    found: list[tuple[str, Card, PathMap]] = []
    for card in cards:
        stored = source.find_report(project, card.key)
        arms = [arm for arm in stored.report.experiment.variants if not arm.is_control] if stored else []
        if stored and arms:
            picture = make_map(stored.report, arms[0].key, arms[0].title)
            if picture:
                found.append((stored.report.inputs.as_of, card, picture))
    newest = max(found, key=lambda entry: entry[0], default=None)
    return (newest[1], newest[2]) if newest else None
