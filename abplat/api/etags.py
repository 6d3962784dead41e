"""Entity tags: nobody overwrites a change that they have not seen."""

from __future__ import annotations

import re

from flask import request
from werkzeug.exceptions import PreconditionRequired

from abplat.errors import StaleVersionError

_TAG = re.compile(r'(?:W/)?"?([0-9]{1,12})"?')


def make_etag(revision: int) -> str:
    """Return the tag of a revision.

    Examples:
        >>> make_etag(3)
        '"3"'
    """
    return f'"{revision}"'


def expected_revision() -> int | None:
    """Return the revision that the caller has read; None where ``*`` takes any.

    Raises:
        PreconditionRequired: Without the header.
        StaleVersionError: If the header is no tag of ours.
    """
    sent = request.headers.get("If-Match", "").strip()
    if not sent:
        raise PreconditionRequired(
            "send If-Match with the ETag that you have read, so that no change is lost"
        )
    if sent == "*":
        return None
    found = _TAG.fullmatch(sent)
    if found is None:
        raise StaleVersionError("that If-Match is not an ETag of this resource; read it again and repeat")
    return int(found[1])


def named_revision() -> int | None:
    """Return what the caller has read, if it says so: actions do not insist on it.

    Raises:
        StaleVersionError: If the header is no tag of ours.
    """
    return expected_revision() if "If-Match" in request.headers else None
