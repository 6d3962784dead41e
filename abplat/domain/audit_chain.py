"""The chain of the audit trail: each entry is sealed by a hash over itself and over the seal before it.

Whoever changes, removes or slips in an entry breaks every seal after it. The canonical form is fixed for
good: entries that were sealed years ago are checked with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

FIELDS: Final = ("id", "project", "at", "actor", "address", "verb", "noun", "key", "before", "after")
"""What of an entry is sealed; ``at`` in microseconds since 1970."""
NO_HASH: Final = "0" * 64
"""What stands before the first entry."""

CHANGED: Final = "changed"
BROKEN: Final = "broken"
MISSING: Final = "missing"
UNSEALED: Final = "unsealed"
STRANGE_HEAD: Final = "strange_head"


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One place at which the chain does not hold."""

    code: str
    """changed, broken, missing, unsealed or strange_head."""
    position: int | None
    entry: int | None
    message: str


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One seal with the entry that it seals, as they are stored; ``entry`` is None where it is gone."""

    position: int
    entry_id: int
    previous: str
    hash: str
    entry: Mapping[str, Any] | None


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a walk along a chain has found."""

    project: str
    n_entries: int
    head: str
    """Hash of the last entry; keep it elsewhere, and a chain cut short is found by it."""
    faults: tuple[Fault, ...]
    n_faults: int

    @property
    def is_whole(self) -> bool:
        """Tell whether nothing was found."""
        return not self.n_faults


def seal(entry: Mapping[str, Any], position: int, previous: str) -> str:
    """Return the hash that seals an entry at its place in the chain.

    The form is JSON with sorted keys, without spaces, of the fields of the entry, its position and the hash
    before it; its SHA-256 is written in hexadecimal.

    Args:
        entry: Every one of ``FIELDS``.
        position: Place in the chain of the project, from 1.
        previous: Hash of the entry before, ``NO_HASH`` for the first.

    Examples:
        >>> entry = dict.fromkeys(FIELDS) | {"id": 1, "project": "shop", "at": 0}
        >>> seal(entry, 1, NO_HASH)[:16]
        'f2b97135d0c6292d'
    """
    form = {name: entry[name] for name in FIELDS} | {"position": position, "previous": previous}
    # once there and back: what was written is sealed as it will be read
    plain = msgspec.json.decode(msgspec.json.encode(form))
    return hashlib.sha256(msgspec.json.encode(plain, order="deterministic")).hexdigest()


def find_faults(links: Iterable[Link]) -> Iterator[Fault]:
    """Walk along a chain and yield every place at which it does not hold.

    Args:
        links: Every seal of a project in the order of positions.
    """
    position, previous = 0, NO_HASH
    for link in links:
        if link.position != position + 1:
            yield _fault(MISSING, link, f"the seals {position + 1} to {link.position - 1} are gone")
        elif link.previous != previous:
            yield _fault(BROKEN, link, "does not carry the hash of the entry before it")
        if link.entry is None:
            yield _fault(MISSING, link, f"entry {link.entry_id} was removed")
        elif seal(link.entry, link.position, link.previous) != link.hash:
            yield _fault(CHANGED, link, f"entry {link.entry_id} is not what was sealed")
        position, previous = link.position, link.hash


def _fault(code: str, link: Link, message: str) -> Fault:
    """Describe a fault at a link."""
    return Fault(code=code, position=link.position, entry=link.entry_id, message=message)
