"""The hash contract, version 1: which bucket a unit falls into under a salt.

The digest of ``salt + ":" + unit`` in UTF-8 is read as big-endian words of 32 bits. Word 0 modulo 10000
is the bucket; word 1 modulo 10000 is the inclusion bucket, which decides whether a growing share has
reached the unit. MD5, because every database has it: an analyst can recompute any assignment in SQL.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from struct import Struct
from typing import Protocol

N_BUCKETS = 10_000
HASH_VERSION = 1


class _Digest(Protocol):
    """What is used of a hash object."""

    def digest(self) -> bytes: ...


md5: Callable[[bytes], _Digest]
try:  # the C function itself: hashlib's goes through OpenSSL and costs twice as much for a short text
    from _md5 import md5 as _c_md5  # type: ignore[import-not-found]

    md5 = _c_md5
except ImportError:  # a Python built without it
    import hashlib

    md5 = partial(hashlib.md5, usedforsecurity=False)

first_word = Struct(">I").unpack_from
first_two_words = Struct(">II8x").unpack


def hash_words(salt: str, unit: str) -> tuple[int, int]:
    """Return words 0 and 1 of the digest.

    Examples:
        >>> hash_words("9f2c1a07", "cust:1")
        (2677373658, 1114772018)
    """
    words: tuple[int, int] = first_two_words(md5(f"{salt}:{unit}".encode()).digest())
    return words


def find_bucket(salt: str, unit: str) -> int:
    """Return the bucket of a unit, 0 to 9999: it decides split, layer slot and holdout."""
    return hash_words(salt, unit)[0] % N_BUCKETS


def find_inclusion_bucket(salt: str, unit: str) -> int:
    """Return the bucket that an inclusion share is compared with; independent of the split."""
    return hash_words(salt, unit)[1] % N_BUCKETS
