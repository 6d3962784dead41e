"""Notices: what abplat tells others of, by webhook and by mail."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, Final
from urllib.parse import urlsplit

from abplat.domain.fields import Fields, show, unstorable

VERDICT: Final = "verdict"
SAMPLE_RATIO: Final = "sample_ratio"
GUARDRAIL: Final = "guardrail"
SCHEDULE: Final = "schedule"
APPROVAL_ASKED: Final = "approval_asked"
APPROVAL_DECIDED: Final = "approval_decided"
COMMENT: Final = "comment"
TEST: Final = "test"

MEANINGS: Final = {
    VERDICT: "an analysis reached a verdict, or another one than before",
    SAMPLE_RATIO: "customers did not reach the variants in the planned proportions",
    GUARDRAIL: "a guardrail is past its margin",
    SCHEDULE: "a schedule started, opened or stopped an experiment, or could not",
    APPROVAL_ASKED: "somebody asks for approval",
    APPROVAL_DECIDED: "somebody approved or refused",
    COMMENT: "somebody commented",
}
EVENTS: Final = tuple(MEANINGS)
MAILED: Final = (VERDICT, SAMPLE_RATIO, GUARDRAIL, SCHEDULE, APPROVAL_ASKED)
"""What is worth a mail."""
MAX_URL: Final = 2_000


def parse_webhook(document: Any) -> tuple[str, tuple[str, ...]]:
    """Read where to send which events.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_webhook({"url": "https://hooks.example/a", "events": ["verdict"]})
        ('https://hooks.example/a', ('verdict',))
    """
    fields = Fields(document)
    url = fields.text("url", longest=MAX_URL)
    fault = _find_url_fault(url) if url else None
    if fault:
        fields.fault("url", fault, "bad_url")
    events = fields.items("events", 1, len(EVENTS), list(EVENTS))
    for index, event in enumerate(events):
        if event not in EVENTS:
            fields.fault(f"events[{index}]", f"{show(event)} is none of {', '.join(EVENTS)}", "bad_choice")
    fields.finish("webhook")
    return url, tuple(event for event in EVENTS if event in events)


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the signature of a message: who knows the secret can tell that it is ours, and of when.

    Examples:
        >>> sign("abc", 1, b"{}")[:16]
        'v1=741616cf67381'
    """
    signed = f"{timestamp}.".encode() + body
    return f"v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def _find_url_fault(url: str) -> str | None:
    """Say why nothing can be sent to an address."""
    if unstorable(url) or not url.isascii() or any(character <= " " for character in url):
        return "holds characters that an address cannot have"
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not an address, such as https://hooks.example/abplat"
    if parts.scheme not in ("https", "http") or not host:
        return "is not an address, such as https://hooks.example/abplat"
    if parts.username or parts.password:
        return "holds a user name or password; put a secret into the path instead, or check the signature"
    return None
