"""Page of a journey: its definition in plain words, where it is used, and its maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from flask import current_app, render_template, url_for

from abplat.domain.catalogue import JOURNEYS, METRICS, Document
from abplat.domain.journey_counts import Way
from abplat.services import journey_counts
from abplat.services.definitions import load_entries
from abplat.services.journey_counts import Counted
from abplat.web.cards import Card
from abplat.web.count_map import CountMap, make_count_map
from abplat.web.experiments import list_cards
from abplat.web.filters import Choice
from abplat.web.journey_counting import Asked, WayPage, describe_way, list_choices, name_way, read_asked
from abplat.web.journey_page import make_journey_page
from abplat.web.path_map import PathMap, make_map
from abplat.web.sources import Source, Stored, open_source


class Around(NamedTuple):
    """What is known of a journey beside its definition: the metrics on it, and who walked it lately."""

    metrics: tuple[Document, ...] = ()
    counted: Counted | None = None
    counts: CountMap | None = None
    way: WayPage | None = None
    choices: Mapping[str, list[Choice]] = MappingProxyType({})


class Compared(NamedTuple):
    """The map of one variant against control, and what else could be compared."""

    card: Card
    variant: str
    map: PathMap
    others: tuple[Choice, ...]
    """Every variant of every experiment on the journey, as ``experiment/variant``."""


def show_journey(project: str, key: str) -> str:
    """Show a journey."""
    asked = read_asked()
    with open_source() as source:
        owner = source.get_project(project)
        journey = source.get_journey(project, key)
        cards = [card for card in list_cards(source, owner) if card.journey == key]
        versions = source.list_journey_versions(project, key)
        found = _compare(source, project, key, cards, asked)
    return render_template(
        "journey.html",
        page=make_journey_page(owner, journey, versions, cards),
        project=project,
        key=key,
        asked=asked,
        around=_look_around(project, key, asked),
        compared=found,
        place=partial(_place, project, key, asked),
    )


def _place(project: str, key: str, asked: Asked, **changes: str) -> str:
    """Return the address of this page with changes."""
    return url_for("pages.show_journey", project=project, key=key, **asked.address(**changes))


def _look_around(project: str, key: str, asked: Asked) -> Around:
    """Gather where a journey is used and what was counted of it."""
    platform = current_app.extensions.get("abplat")
    if platform is None:  # pages over fixed values have nothing around
        return Around()
    with platform.sessions() as session:
        entries = load_entries(session, project)
        journey = entries[JOURNEYS].get(key)
        counted = journey_counts.find(session, project, journey, asked.options) if journey else None
        choices = list_choices(session, project)
    known = list(entries[METRICS].values())
    metrics = tuple(each for each in known if each["journey"] == key)
    if journey is None or counted is None or counted.counts is None:
        return Around(metrics, counted, None, None, choices)

    def link(way: Way) -> str:
        name = name_way(way.source, way.target, way.from_channel, way.to_channel)
        return _place(project, key, asked, way=name) + "#way"

    counts = make_count_map(journey, counted.counts, least=asked.share, link=link)
    return Around(metrics, counted, counts, describe_way(asked, journey, counted.counts, known), choices)


def _compare(source: Source, project: str, key: str, cards: list[Card], asked: Asked) -> Compared | None:
    """Return the map of the variant that is asked for, else of the youngest report on this journey."""
    stored = [(card, report) for card in cards if (report := source.find_report(project, card.key))]
    stored.sort(key=lambda pair: pair[1].report.inputs.as_of, reverse=True)
    stored.sort(key=lambda pair: pair[1].report.experiment.kind == "aa")  # nothing differs there
    arms = [
        (card, report, arm)
        for card, report in stored
        for arm in report.report.experiment.variants
        if not arm.is_control
    ]
    wanted = [each for each in arms if (each[0].key, each[2].key) == (asked.experiment, asked.variant)]
    others = tuple(Choice(f"{card.key}/{arm.key}", f"{card.title}: {arm.title}") for card, _, arm in arms)
    for card, report, arm in [*wanted, *arms]:
        picture = _draw(report, arm, partial(_link, project, key, asked), asked.share)
        if picture:
            return Compared(card, arm.key, picture, others)
    return None


def _draw(
    report: Stored, arm: Any, link: Callable[[tuple[str, str, str, str]], str], least: float
) -> PathMap | None:
    """Draw the map of one arm."""
    return make_map(report.report, arm.key, arm.title, least=least, link=link)


def _link(project: str, key: str, asked: Asked, way: tuple[str, str, str, str]) -> str:
    """Return where a click on a flow leads."""
    return _place(project, key, asked, way=name_way(*way)) + "#way"
