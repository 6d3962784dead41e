"""Kinds of channels, told by their keys: where software decides, where a list does, and where a person answers."""

from __future__ import annotations

from typing import Final

LIST: Final = "list"
AGENT: Final = "agent"
SDK: Final = "sdk"
_WORDS: Final = (
    (AGENT, ("contact", "call", "phone", "agent", "service")),
    (LIST, ("store", "shop", "till", "branch")),
    (LIST, ("mail", "sms", "push", "letter", "post")),
)


def tell_kind(channel: str) -> str:
    """Return by what a channel obeys an experiment.

    Examples:
        >>> tell_kind("web"), tell_kind("contact_centre"), tell_kind("store")
        ('sdk', 'agent', 'list')
    """
    return next((kind for kind, words in _WORDS if any(word in channel.lower() for word in words)), SDK)
