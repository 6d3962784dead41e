"""The hash contract for a million units at once: MD5 in compiled code, many units side by side.

A block of MD5 is 64 additions, each of which needs the one before: one unit at a time leaves most of a
processor idle. Here 64 units go through each step together, which the compiler turns into vector
instructions. Units whose salted text does not fit one block of 55 bytes are hashed one by one; they are
rare, and the answer is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numba as nb
import numpy as np
import numpy.typing as npt
from abplat_sdk.hashing import hash_words

Words = npt.NDArray[np.uint32]

_LANES: Final = 64
_BLOCK: Final = 55
_A, _B, _C, _D = (np.uint32(word) for word in (0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476))
_u32 = np.uint32
_SINES = np.array([int(abs(math.sin(step + 1)) * 2**32) for step in range(64)], dtype=np.uint32)
_SHIFTS = np.array(
    [7, 12, 17, 22] * 4 + [5, 9, 14, 20] * 4 + [4, 11, 16, 23] * 4 + [6, 10, 15, 21] * 4, dtype=np.uint32
)
_PLACES = np.array(
    [*range(16)]
    + [(5 * step + 1) % 16 for step in range(16, 32)]
    + [(3 * step + 5) % 16 for step in range(32, 48)]
    + [7 * step % 16 for step in range(48, 64)],
    dtype=np.int64,
)
_jit = nb.njit(cache=True, nogil=True)


class Texts:
    """Texts as one run of bytes, which is what compiled code can read.

    Raises:
        TypeError: If one of them is no text.
        UnicodeEncodeError: If one of them holds half a character.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        """Encode them."""
        whole = "".join(texts)
        run = whole.encode()
        self.texts = texts
        self.lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        sizes = self.lengths
        if len(run) != len(whole):
            sizes = np.fromiter((len(text.encode()) for text in texts), np.int64, len(texts))
        self.ends = np.zeros(len(texts) + 1, np.int64)
        np.cumsum(sizes, out=self.ends[1:])
        self.run = np.frombuffer(run + bytes(8), np.uint8)


def hash_many(salt: str, texts: Texts) -> tuple[Words, Words]:
    """Return words 0 and 1 of the digest of each text under a salt.

    Examples:
        >>> first, second = hash_many("9f2c1a07", Texts(["cust:1"]))
        >>> (int(first[0]), int(second[0]))
        (2677373658, 1114772018)
    """
    prefix = f"{salt}:".encode()
    n_texts = len(texts.texts)
    words = np.zeros((2, n_texts), np.uint32)
    sizes = np.diff(texts.ends)
    is_long = sizes + len(prefix) > _BLOCK
    if len(prefix) <= _BLOCK and n_texts:
        head = np.frombuffer(prefix + bytes(64 - len(prefix)), np.uint32)
        _hash_all(texts.run, texts.ends, head, len(prefix), words)
        words.byteswap(inplace=True)  # MD5 is little-endian, the contract reads big-endian
    for index in np.flatnonzero(is_long).tolist():
        words[:, index] = hash_words(salt, texts.texts[index])
    return words[0], words[1]


@_jit
def _hash_all(run: Any, ends: Any, head: Any, size: int, words: Any) -> None:  # pragma: no cover -- compiled
    """Hash all texts, a block of lanes at a time; those that do not fit are left to the caller."""
    lanes = np.zeros((20, _LANES), np.uint32)
    for start in range(0, words.shape[1], _LANES):
        n_lanes = min(_LANES, words.shape[1] - start)
        for lane in range(n_lanes):
            _fill(lanes, lane, run, ends[start + lane : start + lane + 2], head[: size // 4 + 1], size)
        lanes[16, :] = _A
        lanes[17, :] = _B
        lanes[18, :] = _C
        lanes[19, :] = _D
        _digest(lanes)
        for lane in range(n_lanes):
            words[0, start + lane] = lanes[16, lane] + _A
            words[1, start + lane] = lanes[17, lane] + _B


@_jit
def _fill(
    lanes: Any, lane: int, run: Any, ends: Any, head: Any, size: int
) -> None:  # pragma: no cover -- compiled
    """Write the block of one text into its lane: prefix, text, the closing bit, zeros, the length."""
    whole = size + ends[1] - ends[0]
    last = whole >> 2 if whole <= _BLOCK else -1
    shared = size >> 2
    for word in range(14):
        value = head[word] if word <= shared else _u32(0)
        if shared <= word <= last:
            place = ends[0] - size + 4 * word
            for byte in range(size & 3 if word == shared else 0, 4):
                value |= _u32(run[place + byte]) << _u32(8 * byte)
            if word == last:
                kept = _u32(8 * (whole & 3))
                value = (value & ((_u32(1) << kept) - _u32(1))) | (_u32(0x80) << kept)
        elif word > last:
            value = _u32(0)
        lanes[word, lane] = value
    lanes[14, lane] = _u32(whole * 8)
    lanes[15, lane] = _u32(0)


@_jit
def _digest(lanes: Any) -> None:  # pragma: no cover -- compiled
    """Run the 64 steps of MD5 over all lanes; rows 16 to 19 are the state."""
    for step in range(64):
        word, sine, left = _PLACES[step], _SINES[step], _SHIFTS[step]
        right = _u32(32) - left
        a, b, c, d = 16 + (-step & 3), 16 + (1 - step & 3), 16 + (2 - step & 3), 16 + (3 - step & 3)
        for lane in range(_LANES):
            if step < 16:
                mixed = lanes[d, lane] ^ (lanes[b, lane] & (lanes[c, lane] ^ lanes[d, lane]))
            elif step < 32:
                mixed = lanes[c, lane] ^ (lanes[d, lane] & (lanes[b, lane] ^ lanes[c, lane]))
            elif step < 48:
                mixed = lanes[b, lane] ^ lanes[c, lane] ^ lanes[d, lane]
            else:
                mixed = lanes[c, lane] ^ (lanes[b, lane] | ~lanes[d, lane])
            total = _u32(lanes[a, lane] + mixed + sine + lanes[word, lane])
            lanes[a, lane] = _u32(lanes[b, lane] + ((total << left) | (total >> right)))
