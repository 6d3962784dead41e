"""Order of semantic versions (https://semver.org, rule 11), as a key that Python compares."""

from __future__ import annotations

import re
from functools import lru_cache

_MAX_LENGTH = 128
_NUMBER = r"(0|[1-9][0-9]{0,14})"
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"v?{_NUMBER}(?:\.{_NUMBER})?(?:\.{_NUMBER})?(?:-({_IDENTIFIERS}))?(?:\+{_IDENTIFIERS})?"
)

_Identifier = tuple[int, int, str]
VersionKey = tuple[int, int, int, int, tuple[_Identifier, ...]]


def parse_version(text: object) -> VersionKey | None:
    """Read a version as a sortable key, or None when it is none.

    A leading ``v`` and missing minor or patch numbers are allowed; build metadata is ignored.

    Examples:
        >>> parse_version("1.2.0-rc.1") < parse_version("v1.2")
        True
    """
    return _parse(text) if isinstance(text, str) and len(text) <= _MAX_LENGTH else None


@lru_cache(maxsize=1_024)
def _parse(text: str) -> VersionKey | None:
    """Read a version; the few that a fleet runs are read once."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    identifiers = tuple(_identifier(part) for part in pre.split(".")) if pre else ()
    return int(major), int(minor or 0), int(patch or 0), 0 if pre else 1, identifiers


def _identifier(part: str) -> _Identifier:
    """Make a key for one pre-release identifier: numbers come before words."""
    return (0, int(part), "") if part.isdecimal() else (1, 0, part)
