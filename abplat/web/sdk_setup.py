"""The page on which a channel is connected: a key, what to paste, and whether the first event has come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from flask import Blueprint, Response, make_response, render_template, request

from abplat.domain.catalogue import EXPERIMENTS, TOUCHPOINTS
from abplat.domain.keys import CLIENT, SERVER
from abplat.domain.roles import ADMIN
from abplat.errors import InvalidInputError
from abplat.services import channel_signs, definitions, keys, projects
from abplat.services.channel_signs import CONNECTED, SILENT, WAITING, ChannelSign
from abplat.web.door import require_role
from abplat.web.filters import Choice, find_argument
from abplat.web.forms import public_url
from abplat.web.wording import Word
from abplat.web.writing import current_platform, open_writer

STATES: Final = {
    WAITING: Word("Waiting for the first event", "clock", "calm"),
    CONNECTED: Word("Connected", "check", "good"),
    SILENT: Word("Silent for more than a day", "warning", "warn"),
}
KINDS: Final = {
    SERVER: Choice(SERVER, "Server key: for your own servers, tills and agents; keep it secret"),
    CLIENT: Choice(CLIENT, "Client key: for pages and apps; everybody can read it"),
}
EVERY_S: Final = 10


class Filled(NamedTuple):
    """What the examples are filled with."""

    url: str
    experiment: str
    channel: str
    event: str
    server_key: str = "YOUR_SERVER_KEY"
    client_key: str = "YOUR_CLIENT_KEY"


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/projects/<project>/sdk", view_func=show_sdk)
    pages.add_url_rule("/projects/<project>/sdk", view_func=create_key, methods=["POST"])


def show_sdk(project: str) -> Response:
    """Show what to paste, and which channels were heard of."""
    return _render(project)


@require_role(ADMIN)
def create_key(project: str) -> Response:
    """Make a key and show it, once, where it is needed."""
    kind = request.form.get("kind", "")
    if kind not in KINDS:
        raise InvalidInputError.at("kind", "choose a server key or a client key", "bad_choice")
    with open_writer() as session:
        new = keys.create(session, project, kind, now=current_platform().clock())
    return _render(project, {f"{kind}_key": new.token}, kind)


def _render(project: str, made: dict[str, str] | None = None, kind: str = "") -> Response:
    """Make the page; one that holds a secret is kept by no cache."""
    platform = current_platform()
    with platform.sessions() as session:
        title = projects.get(session, project).get("title") or project
        signs = channel_signs.list_signs(session, project, now=platform.clock())
        entries = definitions.load_entries(session, project)
    wanted = find_argument("channel")
    experiments = [key for key, each in entries[EXPERIMENTS].items() if each.get("kind") != "analysis_only"]
    touchpoints = list(entries[TOUCHPOINTS].values())
    filled = Filled(
        url=public_url(),
        experiment=next(iter(experiments), "my-experiment"),
        channel=_choose(wanted, signs),
        event=next((str(each["event"]) for each in touchpoints), "visit"),
        **(made or {}),
    )
    response = make_response(
        render_template(
            "sdk.html",
            project=project,
            project_title=title,
            signs=[(sign, STATES[sign.state]) for sign in signs],
            is_waiting=_is_waiting(signs),
            keeps_looking=request.method == "GET" and "look" in request.args and _is_waiting(signs),
            every=EVERY_S,
            filled=filled,
            key_kinds=list(KINDS.values()),
            made=(made or {}).get(f"{kind}_key"),
            made_kind=kind,
        )
    )
    if made:
        response.headers["Cache-Control"] = "no-store"
    return response


def _choose(wanted: str, signs: Iterable[ChannelSign]) -> str:
    """Return the channel that the examples speak of: the one asked for, else the first that is waited for."""
    known: list[Any] = [sign.channel for sign in signs if sign.is_registered]
    waiting = [sign.channel for sign in signs if sign.is_registered and sign.state == WAITING]
    return wanted if wanted in known else next(iter([*waiting, *known]), "web")


def _is_waiting(signs: Iterable[ChannelSign]) -> bool:
    """Tell whether a channel was never heard of, or none is known yet."""
    states = [sign.state for sign in signs]
    return not states or WAITING in states
