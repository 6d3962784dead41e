"""The list of experiments: where each stands, what it waits for, searched and filtered by the address."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from flask import Blueprint, current_app, render_template, request

from abplat.domain.lifecycle import ARCHIVED, STATES
from abplat.domain.searching import fold
from abplat.web import wording
from abplat.web.cards import Card, Group, make_card
from abplat.web.filters import Choice, list_choices, read_page
from abplat.web.sources import Document, Source, open_source

MOST: Final = 50
"""Experiments of a project on one page: each brings its latest report with it."""
ATTENTION: Final = "attention"


class Wanted(NamedTuple):
    """What is looked for."""

    text: str
    state: str
    owner: str
    journey: str

    @property
    def is_any(self) -> bool:
        """Whether something is left out on purpose."""
        return any(self)


class Listed(NamedTuple):
    """One project with its experiments, and what is known of the whole."""

    group: Group
    key: str
    n_found: int
    next_page: int | None


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/", view_func=list_experiments)
    pages.add_url_rule("/projects/<project>", view_func=list_experiments)


def list_experiments(project: str | None = None) -> str:
    """Show experiments, project by project, or those of one project."""
    args = request.args
    wanted = Wanted(*(args.get(name, "").strip()[:200] for name in ("q", "state", "owner", "journey")))
    with open_source() as source:
        projects = [source.get_project(project)] if project else source.list_projects()
        documents = {str(each["key"]): source.list_experiments(str(each["key"])) for each in projects}
        listed = [_list(source, each, documents[str(each["key"])], wanted) for each in projects]
        journeys = {
            str(row["key"]): str(row.get("title") or row["key"])
            for each in projects
            for row in source.list_journeys(str(each["key"]))
        }
    return render_template(
        "experiments.html",
        listed=[each for each in listed if each.group.cards],
        wanted=wanted,
        states=_list_states(),
        owners=list_choices(
            "anybody", (str(row.get("owner") or "") for rows in documents.values() for row in rows)
        ),
        journeys=[Choice("", "any"), *(Choice(key, title) for key, title in sorted(journeys.items()))],
        is_empty=not any(documents.values()),
        project=project,
    )


def _list_states() -> list[Choice]:
    """Return what can be chosen of states."""
    states = [Choice(state, wording.STATES[state].text) for state in STATES]
    return [Choice("", "All but archived"), Choice(ATTENTION, "Waiting for somebody"), *states]


def _list(source: Source, project: Document, rows: list[Document], wanted: Wanted) -> Listed:
    """Gather what is looked for in one project."""
    key = str(project["key"])
    if wanted.state == ARCHIVED:
        rows = list(source.list_archived(key))
    titles = {str(row["key"]): str(row.get("title") or "") for row in source.list_journeys(key)}
    found = sorted((row for row in rows if _is_wanted(row, titles, wanted)), key=_order)
    if wanted.state == ATTENTION:
        cards = [card for card in _make_cards(source, project, found, titles) if card.needs_somebody]
        return _cut(project, cards, len(cards))
    start = (read_page() - 1) * MOST
    cards = _make_cards(source, project, found[start : start + MOST], titles)
    title = str(project.get("title") or key)
    has_more = len(found) > start + MOST
    return Listed(Group(title, tuple(cards)), key, len(found), read_page() + 1 if has_more else None)


def _cut(project: Document, cards: list[Card], n_found: int) -> Listed:
    """Show one page of cards that had to be made to be chosen."""
    start = (read_page() - 1) * MOST
    title = str(project.get("title") or project["key"])
    following = read_page() + 1 if n_found > start + MOST else None
    return Listed(Group(title, tuple(cards[start : start + MOST])), str(project["key"]), n_found, following)


def _is_wanted(row: Document, titles: Mapping[str, str], wanted: Wanted) -> bool:
    """Tell whether an experiment is looked for."""
    if wanted.state not in ("", ATTENTION) and row.get("state") != wanted.state:
        return False
    if wanted.owner and str(row.get("owner") or "") != wanted.owner:
        return False
    if wanted.journey and row.get("journey") != wanted.journey:
        return False
    text = " ".join(
        str(each or "")
        for each in (
            row["key"], row.get("title"), row.get("owner"), row.get("hypothesis"),
            row.get("journey"), titles.get(str(row.get("journey"))),
        )
    )  # fmt: skip
    return all(word in fold(text) for word in fold(wanted.text).split())


def _order(row: Document) -> tuple[int, str]:
    """Put what runs first, then what waits, then what is over."""
    places = ("running", "paused", "stopped", "checked", "draft", "concluded", "archived")
    state = str(row.get("state") or "draft")
    return (places.index(state) if state in places else len(places), str(row["key"]))


def _make_cards(
    source: Source, project: Document, rows: list[Document], titles: Mapping[str, str]
) -> list[Card]:
    """Describe experiments with their latest reports."""
    now, cards = _find_now(), []
    for row in rows:
        stored = source.find_report(str(project["key"]), str(row["key"]))
        title = titles.get(str(row.get("journey")), "")
        cards.append(make_card(project, row, title, stored.report if stored else None, now))
    return cards


def _find_now() -> datetime | None:
    """Return the present, where there is a platform that knows it."""
    platform = current_app.extensions.get("abplat")
    return platform.clock() if platform else None
