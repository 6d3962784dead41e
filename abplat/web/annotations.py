"""The page of annotations: releases, outages, campaigns and whatever else bends a line over time."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for

from abplat.domain.catalogue import CHANNELS, TOUCHPOINTS
from abplat.errors import InvalidInputError
from abplat.services import definitions, projects
from abplat.services.annotations import Happening, archive, create, list_between
from abplat.web.annotation_words import KINDS, say_when
from abplat.web.filters import Choice
from abplat.web.form_reader import make_sentence
from abplat.web.writing import current_platform, open_writer

EVER: Final = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC))
MOST: Final = 200
"""Of more, the youngest are listed."""
PLACE: Final = "/projects/<project>/annotations"
FIELDS: Final = ("title", "kind", "starts_at", "ends_at", "channel", "touchpoint", "text")


class Row(NamedTuple):
    """One annotation as a line."""

    key: str
    title: str
    kind: str
    when: str
    where: str
    text: str


def add_pages(pages: Blueprint) -> None:
    """Put the page under its address."""
    pages.add_url_rule(PLACE, "show_annotations", show_annotations)
    pages.add_url_rule(PLACE, "add_annotation", add_annotation, methods=["POST"])
    pages.add_url_rule(f"{PLACE}/<key>/archive", "archive_annotation", archive_annotation, methods=["POST"])


def show_annotations(project: str) -> str:
    """Show what happened, youngest first, and the form for more."""
    return _render(project, {}, {})


def add_annotation(project: str) -> Any:
    """Keep what happened; what is wrong stands beside its field, with what was typed kept."""
    document = _read(request.form)
    try:
        with open_writer() as session:
            create(session, project, document, now=current_platform().clock())
    except InvalidInputError as error:
        faults = {
            problem.path.rpartition(".")[2]: make_sentence(problem.message) for problem in error.problems
        }
        return _render(project, request.form, faults), 422
    return redirect(url_for("pages.show_annotations", project=project), 303)


def archive_annotation(project: str, key: str) -> Any:
    """Take one back; pictures show it no longer."""
    with open_writer() as session:
        archive(session, project, key, now=current_platform().clock())
    return redirect(url_for("pages.show_annotations", project=project), 303)


def _read(form: Mapping[str, str]) -> dict[str, Any]:
    """Turn what was typed into a definition; instants are typed in UTC."""
    typed = {name: form.get(name, "").strip() for name in FIELDS}
    document: dict[str, Any] = {name: value for name, value in typed.items() if value}
    for name in ("starts_at", "ends_at"):
        if name in document:
            document[name] = _with_offset(document[name])
    return {"key": f"{typed['kind'] or 'other'}-{secrets.token_hex(4)}", **document}


def _with_offset(text: str) -> str:
    """Add the offset that a field for an instant does not have."""
    try:
        typed = datetime.fromisoformat(text)
    except ValueError:
        return text
    instant = typed.replace(tzinfo=UTC) if typed.tzinfo is None else typed
    return instant.isoformat().replace("+00:00", "Z")


def _render(project: str, given: Mapping[str, str], faults: Mapping[str, str]) -> str:
    """Make the page."""
    platform = current_platform()
    with platform.sessions() as session:
        title = projects.get(session, project)["title"]
        found = list_between(session, project, since=EVER[0], until=EVER[1])
        entries = definitions.load_entries(session, project)
    names = {noun: {key: str(row.get("title") or key) for key, row in entries[noun].items()}
             for noun in (CHANNELS, TOUCHPOINTS)}  # fmt: skip
    return render_template(
        "annotations.html",
        project=project,
        project_title=title,
        rows=[_row(each, names) for each in reversed(found[-MOST:])],
        n_hidden=max(len(found) - MOST, 0),
        kinds=[Choice(*each) for each in KINDS.items()],
        channels=[Choice("", "all of them"), *(Choice(*each) for each in names[CHANNELS].items())],
        touchpoints=[Choice("", "any"), *(Choice(*each) for each in names[TOUCHPOINTS].items())],
        given=given,
        faults=faults,
    )


def _row(happening: Happening, names: Mapping[str, Mapping[str, str]]) -> Row:
    """Write one line."""
    places = ((TOUCHPOINTS, happening.touchpoint), (CHANNELS, happening.channel))
    where = [names[noun].get(key, key) for noun, key in places if key]
    kind = KINDS.get(happening.kind, happening.kind)
    return Row(
        happening.key, happening.title, kind, say_when(happening), ", ".join(where) or "everywhere",
        happening.text,
    )  # fmt: skip
