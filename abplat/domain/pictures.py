"""Pictures of variants: what a file really is, whatever it calls itself."""

from __future__ import annotations

from typing import Final, NamedTuple

from abplat.errors import InvalidInputError

MAX_BYTES: Final = 524_288
MAX_SIDE: Final = 4_096
"""Pixels of a side: a small file can unpack to a huge picture."""
PNG: Final = "image/png"
JPEG: Final = "image/jpeg"
GIF: Final = "image/gif"
WEBP: Final = "image/webp"
MEDIA_TYPES: Final = (PNG, JPEG, GIF, WEBP)
"""No SVG: it can carry scripts."""
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG whose segment says how large the picture is."""
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""Markers of JPEG without a segment."""


class PictureFacts(NamedTuple):
    """What a file holds."""

    media_type: str
    width: int
    height: int


def read_picture(body: bytes, path: str = "picture") -> PictureFacts:
    """Tell what a picture is by its content; its name and what was said of it do not count.

    Args:
        body: The file.
        path: What a fault is said of.

    Raises:
        InvalidInputError: If it is too large, or no picture of a kind that every browser shows safely.

    Examples:
        >>> read_picture(b"GIF89a" + bytes([3, 0, 2, 0]) + b"...")
        PictureFacts(media_type='image/gif', width=3, height=2)
    """
    if len(body) > MAX_BYTES:
        message = f"is {len(body):,} bytes; at most {MAX_BYTES:,} are kept: make the picture smaller"
        raise InvalidInputError.at(path, message, "too_large")
    facts = _read_png(body) or _read_gif(body) or _read_webp(body) or _read_jpeg(body)
    if facts is None:
        message = "is no PNG, JPEG, GIF or WebP; save the screenshot as one of these"
        raise InvalidInputError.at(path, message, "bad_picture")
    if not 0 < facts.width <= MAX_SIDE or not 0 < facts.height <= MAX_SIDE:
        message = f"is {facts.width} x {facts.height} pixels; at most {MAX_SIDE} x {MAX_SIDE} are kept"
        raise InvalidInputError.at(path, message, "too_large")
    return facts


def _read_png(body: bytes) -> PictureFacts | None:
    """Read the head of a PNG."""
    if body[:8] != b"\x89PNG\r\n\x1a\n" or body[12:16] != b"IHDR" or len(body) < 33:
        return None
    return PictureFacts(PNG, int.from_bytes(body[16:20], "big"), int.from_bytes(body[20:24], "big"))


def _read_gif(body: bytes) -> PictureFacts | None:
    """Read the head of a GIF."""
    if body[:6] not in (b"GIF87a", b"GIF89a") or len(body) < 10:
        return None
    return PictureFacts(GIF, int.from_bytes(body[6:8], "little"), int.from_bytes(body[8:10], "little"))


def _read_webp(body: bytes) -> PictureFacts | None:
    """Read the head of a WebP: plain, lossless or extended."""
    if body[:4] != b"RIFF" or body[8:12] != b"WEBP" or len(body) < 30:
        return None
    kind = body[12:16]
    if kind == b"VP8X":
        sides = (int.from_bytes(body[24:27], "little") + 1, int.from_bytes(body[27:30], "little") + 1)
    elif kind == b"VP8L":
        bits = int.from_bytes(body[21:25], "little")
        sides = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    elif kind == b"VP8 ":
        sides = (
            int.from_bytes(body[26:28], "little") & 0x3FFF,
            int.from_bytes(body[28:30], "little") & 0x3FFF,
        )
    else:
        return None
    return PictureFacts(WEBP, *sides)


def _read_jpeg(body: bytes) -> PictureFacts | None:
    """Walk along the segments of a JPEG to the one that says how large it is."""
    place = 2
    if body[:2] != b"\xff\xd8":
        return None
    while place + 9 <= len(body) and body[place] == 0xFF:
        marker = body[place + 1]
        if marker in _FRAMES:
            height, width = body[place + 5 : place + 7], body[place + 7 : place + 9]
            return PictureFacts(JPEG, int.from_bytes(width, "big"), int.from_bytes(height, "big"))
        if marker == 0xFF:
            place += 1
        elif marker in _ALONE:
            place += 2
        else:
            place += 2 + max(int.from_bytes(body[place + 2 : place + 4], "big"), 2)
    return None
