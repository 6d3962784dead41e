"""By what an effect is broken down: one dimension or two, each known before the exposure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from abplat.domain.fields import KEY_PATTERN, Fields, show

ENTRY_CHANNEL: Final = "entry_channel"
NEW_RETURNING: Final = "new_returning"
PERSONA: Final = "persona"
SEGMENT: Final = "segment:"
ATTRIBUTE: Final = "attribute:"
MAX_BREAKDOWNS: Final = 20
MAX_NAME: Final = 100

_FIXED: Final = frozenset({ENTRY_CHANNEL, NEW_RETURNING, PERSONA})
_SEGMENT_KEY = re.compile(KEY_PATTERN)

Dimensions = tuple[str, ...]


def read_breakdowns(fields: Fields) -> Iterator[Dimensions]:
    """Read the breakdowns of an experiment: each is a dimension, or a list of two."""
    seen: set[Dimensions] = set()
    for index, entry in enumerate(fields.items("breakdowns", 0, MAX_BREAKDOWNS, [])):
        where = f"breakdowns[{index}]"
        named: Any = [entry] if isinstance(entry, str) else entry
        if not isinstance(named, list | tuple) or not 1 <= len(named) <= 2:
            fields.fault(where, f"{show(entry)} is not a dimension, or a list of two", "bad_breakdown")
        elif wrong := [name for name in named if not is_dimension(name)]:
            message = (
                f"{show(wrong[0])} is not a dimension; write {ENTRY_CHANNEL}, {NEW_RETURNING}, {PERSONA}, "
                f"{SEGMENT}KEY or {ATTRIBUTE}NAME"
            )
            fields.fault(where, message, "bad_breakdown")
        elif len(set(named)) < len(named) or tuple(named) in seen:
            fields.fault(where, f"{show(entry)} is listed twice", "bad_breakdown")
        else:
            seen.add(tuple(named))
            yield tuple(named)


def is_dimension(name: Any) -> bool:
    """Tell whether a text names a dimension.

    Examples:
        >>> [is_dimension(name) for name in ("persona", "segment:vip", "attribute:country", "weather")]
        [True, True, True, False]
    """
    if not isinstance(name, str) or len(name) > MAX_NAME:
        return False
    if name.startswith(SEGMENT):
        return _SEGMENT_KEY.fullmatch(name.removeprefix(SEGMENT)) is not None
    return name in _FIXED or (name.startswith(ATTRIBUTE) and len(name) > len(ATTRIBUTE))
