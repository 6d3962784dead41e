"""Answers that are no configuration: what a portal, a proxy, a broken disk or another version sends."""

from __future__ import annotations

import json
from typing import Any

from cases import experiment

_HTML = "<html><body>Welcome to the hotel network. Please log in.</body></html>"


def make_faults() -> list[dict[str, Any]]:
    """List answers by name: status, headers, and a text that is repeated and perhaps packed."""
    good = {"schema_version": 1, "version": "v", "project": "p", "segments": {}}
    document = json.dumps({**good, "experiments": [experiment("e", [5000, 5000])]})
    cases = {
        "captive portal": _answer(_HTML, headers={"Content-Type": "text/html"}),
        "captive portal that says it is JSON": _answer(_HTML),
        "empty": _answer(""),
        "white space": _answer(" \n"),
        "truncated": _answer(document[: len(document) // 2]),
        "truncated by one character": _answer(document[:-1]),
        "two documents": _answer(document, repeat=2),
        "a list": _answer("[]"),
        "null": _answer("null"),
        "a number": _answer("7"),
        "a text": _answer('"configuration"'),
        "another object": _answer('{"ok": true}'),
        "older schema": _answer(json.dumps({**good, "schema_version": 0, "experiments": []})),
        "newer schema": _answer(json.dumps({**good, "schema_version": 99, "experiments": []})),
        "no schema": _answer(json.dumps({"version": "v", "project": "p", "experiments": []})),
        "a salt that is a number": _answer(
            json.dumps({**good, "experiments": [experiment("e", [5000, 5000], salt=7)]})
        ),
        "bounds short of the whole": _answer(
            json.dumps({**good, "experiments": [experiment("e", [5000, 4000])]})
        ),
        "deep": _answer("[", repeat=100_000),
        "deep objects": _answer('{"a":', repeat=100_000),
        "10 MB": _answer(" ", repeat=10 * 1024 * 1024),
        "bytes that are no UTF-8 text of JSON": _answer("\u0000\u0001\ufffd"),
        "byte order mark alone": _answer("\ufeff"),
        "redirect": _answer("", status=302, headers={"Location": "http://127.0.0.1:1/"}),
        "not found": _answer(_HTML, status=404),
        "gone": _answer("", status=410),
        "server error": _answer(_HTML, status=500),
        "server error with a good body": _answer(document, status=500),
        "bad gateway": _answer(_HTML, status=502),
        "created": _answer("", status=201),
        "no content": _answer("", status=204),
        "broken gzip": _answer("\x1f nothing", headers={"Content-Encoding": "gzip"}),
        "gzip bomb": _answer(" ", repeat=50_000_000, headers={"Content-Encoding": "gzip"}, gzip=True),
        "gzip of a portal": _answer(_HTML, headers={"Content-Encoding": "gzip"}, gzip=True),
    }
    return [{"name": name, **answer} for name, answer in cases.items()]


def _answer(
    text: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    repeat: int = 1,
    gzip: bool = False,
) -> dict[str, Any]:
    """Describe one answer."""
    return {
        "status": status,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "text": text,
        "repeat": repeat,
        "gzip": gzip,
    }
