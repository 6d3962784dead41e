"""Cursor pages: a list stays in order while others write to it."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from abplat.domain.fields import KEY_PATTERN
from abplat.errors import InvalidInputError
from abplat.services.definitions import Page

_KEY = re.compile(KEY_PATTERN)


def read_cursor(cursor: str) -> str:
    """Return the key after which a page starts.

    Raises:
        InvalidInputError: If it is not a cursor of ours.

    Examples:
        >>> read_cursor(make_cursor("web"))
        'web'
    """
    if not cursor:
        return ""
    try:
        key = base64.b64decode(cursor, altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        key = ""
    if not _KEY.fullmatch(key):
        raise InvalidInputError.at(
            "cursor", "is not a cursor; take next_cursor of the page before", "bad_cursor"
        )
    return key


def make_cursor(key: str) -> str:
    """Return the cursor of the page after a key."""
    return base64.urlsafe_b64encode(key.encode("ascii")).decode("ascii")


def describe_page(page: Page) -> Mapping[str, Any]:
    """Return a page as it is answered."""
    return {"items": page.items, "next_cursor": make_cursor(page.next_key) if page.next_key else None}
