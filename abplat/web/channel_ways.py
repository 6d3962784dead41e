"""How each channel obeys an experiment: by an SDK, by a list, or through a person who reads a script."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from flask import url_for

from abplat.domain.catalogue import Document
from abplat.domain.channel_kinds import AGENT, LIST, SDK, tell_kind
from abplat.domain.checklist import payload_channels
from abplat.web.by_api import Call, write_call
from abplat.web.cards import say_time
from abplat.web.forms import public_url

_HINTS: Final = {
    SDK: "The SDK decides by itself, with a key of this project.",
    AGENT: "The agent sees the variant and its script with the customer.",
    LIST: "Who serves or writes to the customer asks which variant they have, or gets a list.",
}


class Way(NamedTuple):
    """How one channel obeys, and when it was heard of last."""

    channel: str
    title: str
    hint: str
    heard: str
    link: str
    link_text: str
    calls: tuple[Call, ...]


def kind_of(channel: str) -> tuple[str, str]:
    """Return by what a channel obeys, and how that is said.

    Examples:
        >>> kind_of("web")
        ('sdk', 'The SDK decides by itself, with a key of this project.')
    """
    kind = tell_kind(channel)
    return kind, _HINTS[kind]


def list_ways(
    project: str, document: Document, channels: Mapping[str, Any], seen: Mapping[str, datetime]
) -> list[Way]:
    """Describe every channel in which some variant says something; the first one known where none does.

    Args:
        project: Key of the project.
        document: The experiment.
        channels: Every channel of the project.
        seen: When each channel was last heard of.
    """
    named = payload_channels(document) or list(channels)[:1] or ["web"]
    return [_describe(project, document, channel, channels, seen.get(channel)) for channel in named]


def _describe(
    project: str,
    document: Document,
    channel: str,
    channels: Mapping[str, Any],
    seen: datetime | None,
) -> Way:
    """Describe one channel."""
    kind, hint = kind_of(channel)
    link = url_for("pages.show_sdk", project=project, channel=channel)
    return Way(
        channel=channel,
        title=str((channels.get(channel) or {}).get("title") or channel),
        hint=hint,
        heard=f"Last heard of {say_time(seen)}." if seen else "Never heard of yet.",
        link=link,
        link_text="Make a key and wait for the first event" if kind == SDK else "Make a key",
        calls=tuple(_CALLS[kind](document, channel)),
    )


def _write_list(document: Document, channel: str) -> list[Call]:
    """Write how a list is made."""
    key = document["key"]
    units = {
        "experiment": key,
        "units": [f"{_prefix(document)}:7", f"{_prefix(document)}:8"],
        "channel": channel,
    }
    file = f"abplat assign customers.csv --experiment {key} --unit-column id --project PROJECT"
    return [write_call("A list by API", "POST", "/v1/assign", units), Call("A file", file)]


def _write_script(_document: Document, channel: str) -> list[Call]:
    """Write how an agent's desk asks."""
    body = {"id": "phone:+49301234567", "channel": channel}
    return [write_call("When the call comes in: variant, payload and script", "POST", "/v1/context", body)]


def _write_sdk(document: Document, channel: str) -> list[Call]:
    """Write what an application or a page does."""
    key, control = document["key"], document["variants"][0]["key"]
    python = (
        "from abplat_sdk import Client\n\n"
        f'client = Client("{public_url()}", "abs_...")\n'
        f'decision = client.decide("{key}", "{_prefix(document)}:7", channel="{channel}", default="{control}")\n'
        f'client.expose(decision, channel="{channel}")  # when the variant is really shown\n'
    )
    page = (
        f'const decision = client.decide("{key}", client.anonymousId, {{}}, {{ channel: "{channel}", default: "{control}" }});\n'
        f'show(decision.variant);\nclient.expose(decision, {{ channel: "{channel}" }});\n'
    )
    return [Call("Python", python), Call("A page", page)]


def _prefix(document: Document) -> str:
    """Return the type of the units."""
    return str(document.get("unit_type") or "cust")


_CALLS: Final = {LIST: _write_list, AGENT: _write_script, SDK: _write_sdk}
