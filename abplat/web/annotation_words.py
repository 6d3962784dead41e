"""What happened beside the experiments, in words: for pictures over time and for lists."""

from __future__ import annotations

from typing import Final

from abplat.clock import format_instant
from abplat.services.annotations import Happening
from abplat.web import wording

KINDS: Final = {
    "deploy": "Release",
    "outage": "Outage",
    "campaign": "Campaign",
    "price": "Change of prices",
    "holiday": "Holiday",
    "other": "Something else",
}


def say_when(happening: Happening) -> str:
    """Say when it happened.

    Examples:
        >>> from abplat.clock import parse_instant
        >>> start = parse_instant("2026-03-04T10:00:00Z")
        >>> say_when(Happening("a", "Sale", "campaign", start, None, None, None, ""))
        '2026-03-04 10:00 UTC'
    """
    starts = wording.instant(format_instant(happening.starts))
    if happening.ends is None:
        return starts
    return f"{starts} to {wording.instant(format_instant(happening.ends))}"


def say_happening(happening: Happening) -> str:
    """Say in one line what happened, when and where."""
    kind = KINDS.get(happening.kind) or wording.humanise(happening.kind)
    where = [wording.humanise(place) for place in (happening.touchpoint, happening.channel) if place]
    told = f"{say_when(happening)}: {kind.lower()}: {happening.title}"
    told += f" ({', '.join(where)})" if where else ""
    return f"{told}. {happening.text}" if happening.text else told
