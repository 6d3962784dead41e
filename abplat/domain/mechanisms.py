"""The mechanism of a hypothesis: which link of the journey should move, and which must not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from abplat.domain.fields import Fields, show
from abplat.errors import Problem

MOVES: Final = ("up", "down", "none")
ENTRY: Final = "exposed"
"""Where the first link begins."""
TOLERANCE: Final = 0.01
"""How far a link that must not move may, in points of completion, unless it is said."""


class ExpectedLink(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one link should do; ``size`` is the relative change of its rate."""

    source: str
    target: str
    moves: str
    size: float | None = None
    tolerance: float | None = None


def read_mechanism(fields: Fields) -> Iterator[ExpectedLink]:
    """Read the links of an experiment's mechanism."""
    seen: set[tuple[str, str]] = set()
    for part in fields.parts("mechanism", 0, 63, []):
        moves = part.choice("moves", MOVES)
        link = ExpectedLink(
            source=part.key("source") or "",
            target=part.key("target") or "",
            moves=moves or "",
            size=part.share("size", None, 0.0, 10.0),
            tolerance=part.share("tolerance", None),
        )
        for name, is_used in (("size", moves in ("up", "down")), ("tolerance", moves == "none")):
            if getattr(link, name) is not None and not is_used:
                part.fault(name, f"has no meaning for a link that moves {moves}; remove it", "not_used")
        if (link.source, link.target) in seen:
            part.fault("target", f"{show(link.target)} is listed twice", "duplicate_link")
        seen.add((link.source, link.target))
        part.no_more()
        yield link


def check_mechanism(
    journey: Mapping[str, Any], links: Iterable[Mapping[str, Any]], path: str
) -> Iterator[Problem]:
    """Check that the links are those of the journey: from one required stage to the next."""
    required = [stage["key"] for stage in journey["stages"] if not stage.get("optional")]
    chain = list(zip([ENTRY, *required], required, strict=False))
    for index, link in enumerate(links):
        if (link["source"], link["target"]) not in chain:
            known = ", ".join(f"{source} to {target}" for source, target in chain)
            message = f"{show(link['source'])} to {show(link['target'])} is no link of the journey; there are: {known}"
            yield Problem(f"{path}.mechanism[{index}]", message, "unknown_link")
