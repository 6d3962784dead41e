"""The call of the API that does what a page does, ready to be pasted into a shell."""

from __future__ import annotations

import shlex
from typing import Any, NamedTuple

import msgspec

from abplat.web.forms import public_url

KEY = "$ABPLAT_KEY"


class Call(NamedTuple):
    """A call and what it is for."""

    title: str
    text: str


def write_call(title: str, method: str, path: str, body: Any = None, revision: int | None = None) -> Call:
    """Write a call as curl.

    Args:
        title: What it does.
        method: Such as POST.
        path: Such as /v1/experiments.
        body: What is sent as JSON.
        revision: What was read, where the call wants to know.
    """
    parts = [f"curl -X {method} {shlex.quote(public_url() + path)}", f'-H "Authorization: Bearer {KEY}"']
    if revision is not None:
        parts.append(f"-H 'If-Match: \"{revision}\"'")
    if body is not None:
        document = msgspec.json.format(msgspec.json.encode(body), indent=2).decode()
        parts += ["-H 'Content-Type: application/json'", f"-d {shlex.quote(document)}"]
    return Call(title, " \\\n  ".join(parts))
