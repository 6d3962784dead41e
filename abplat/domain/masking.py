"""Identifiers as they may be shown to people who look for faults, not for persons."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

_QUOTED: Final = re.compile(r"'[^']*'|\"[^\"]*\"")
_IDS: Final = ("actor", "a", "b")
_SHOWN_OF_ID, _LONG_ENOUGH, _LONGEST = 2, 6, 64


class MaskedEvent(NamedTuple):
    """A refused event without what tells who it was about."""

    kind: str
    name: str
    channel: str
    ts: str
    actor: str


def mask_id(typed_id: str) -> str:
    """Return an id with little more than its type left.

    Examples:
        >>> mask_id("cust:123456"), mask_id("cust:7"), mask_id("ada@example.com")
        ('cust:…56', 'cust:…', '…om')
    """
    kind, colon, value = typed_id.partition(":")
    if not colon or not re.fullmatch("[a-z]{1,16}", kind):
        kind, colon, value = "", "", typed_id
    return f"{kind}{colon}…{value[-_SHOWN_OF_ID:] if len(value) >= _LONG_ENOUGH else ''}"


def mask_message(message: str) -> str:
    """Return what was said of an event without the values that it quotes.

    Examples:
        >>> mask_message("actor: 'ada@example.com' has no type")
        'actor: … has no type'
    """
    kept = _QUOTED.sub("…", message.partition("; write")[0])  # the advice repeats what was sent
    stray = re.search("['\"]", kept)  # a quotation that was cut off
    return kept if stray is None else f"{kept[: stray.start()]}…"


def mask_event(body: str) -> MaskedEvent:
    """Return what may be shown of an event that was refused, whatever was sent.

    Examples:
        >>> mask_event('{"kind": "touchpoint", "actor": "cust:123456", "name": "visit", "props": {"a": 1}}')
        MaskedEvent(kind='touchpoint', name='visit', channel='', ts='', actor='cust:…56')
        >>> mask_event("[1").kind
        ''
    """
    try:
        sent = json.loads(body)
    except ValueError:
        sent = None
    event: Mapping[str, Any] = sent if isinstance(sent, dict) else {}
    ids = [mask_id(event[name]) for name in _IDS if isinstance(event.get(name), str)]
    return MaskedEvent(
        kind=_text(event, "kind"),
        name=_text(event, "name") or _text(event, "experiment"),
        channel=_text(event, "channel"),
        ts=_text(event, "ts"),
        actor=", ".join(ids),
    )


def _text(event: Mapping[str, Any], name: str) -> str:
    """Return a short text of an event; nothing where it holds something else."""
    value = event.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""
