"""Suppression: the ids of erased people, known only by a keyed hash, so that nothing of theirs comes back.

A replay, a late shop till or a restored backup may send the facts of an erased person again. What has to
be remembered for refusing them must not be the id itself.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Suppression:
    """The suppressed ids of one project.

    Attributes:
        salt: Secret of the project; the same digests mean nothing in another one.
        digests: Hashes of the ids.
    """

    salt: bytes
    digests: frozenset[bytes]

    def digest(self, typed_id: str) -> bytes:
        """Return the hash under which an id is remembered: HMAC-SHA-256, RFC 2104."""
        return hmac.digest(self.salt, typed_id.encode("utf-8", "surrogatepass"), hashlib.sha256)

    def holds(self, typed_id: str) -> bool:
        """Return whether an id is suppressed.

        Examples:
            >>> empty = Suppression(b"secret", frozenset())
            >>> erased = empty.extend(["cust:7"])
            >>> erased.holds("cust:7"), erased.holds("cust:70"), empty.holds("cust:7")
            (True, False, False)
        """
        return bool(self.digests) and self.digest(typed_id) in self.digests

    def holds_any(self, ids: Iterable[str]) -> bool:
        """Return whether one of several ids is suppressed."""
        return bool(self.digests) and any(map(self.holds, ids))

    def extend(self, ids: Iterable[str]) -> Suppression:
        """Return a suppression that holds these ids as well."""
        return Suppression(self.salt, self.digests | {self.digest(each) for each in ids})
