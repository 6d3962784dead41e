"""Searching and filtering lists by what stands in the address: no script, and every view can be shared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from flask import request

_LAST: Final = 10_000


class Choice(NamedTuple):
    """One thing that can be chosen."""

    key: str
    title: str


def list_choices(anything: str, values: Iterable[str]) -> list[Choice]:
    """Return each different value once, in order, after the one that leaves nothing out.

    Examples:
        >>> [choice.title for choice in list_choices("anybody", ["Zoe", "", "Ada", "Zoe"])]
        ['anybody', 'Ada', 'Zoe']
    """
    return [Choice("", anything), *(Choice(each, each) for each in sorted({*values} - {""}))]


def read_page() -> int:
    """Return which page of a list is asked for; what is no number is the first."""
    text = request.args.get("page", "")
    return min(max(int(text), 1), _LAST) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def find_argument(name: str, longest: int = 200) -> str:
    """Return what the address says of one thing, never longer than is sensible."""
    return request.args.get(name, "").strip()[:longest]
