"""Matchers as lines that people write: ``quote by web or app where product is tent or tarp and size is 2``.

A word of letters, digits and ``. _ : / -`` stands for itself; anything else is written in double quotes, as in
JSON. Numbers, ``true`` and ``false`` are what they look like; in quotes they are texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from abplat.errors import InvalidInputError

Document = dict[str, Any]

_TOKEN: Final = re.compile(r'\s*("(?:[^"\\]|\\.)*"|,|[\w.:/-]+|\S)')
_WORD: Final = re.compile(r"[\w.:/-]+")
_KEYWORDS: Final = frozenset({"by", "where", "is", "or", "and", "true", "false"})
_NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_SHAPE: Final = "write: EVENT by CHANNEL or CHANNEL where NAME is VALUE or VALUE and NAME is VALUE"


def write_matcher(matcher: Mapping[str, Any]) -> str:
    """Write a matcher as a line.

    Examples:
        >>> write_matcher({"event": "quote", "channel": ["web", "app"], "props": {"size": [2, "2"]}})
        'quote by web or app where size is 2 or "2"'
    """
    text = _write(matcher.get("event", ""))
    channels = _listed(matcher.get("channel"))
    if channels:
        text += " by " + " or ".join(_write(each) for each in channels)
    parts = [
        f"{_write(name)} is {' or '.join(_write(each) for each in _listed(value))}"
        for name, value in (matcher.get("props") or {}).items()
    ]
    return text + (" where " + " and ".join(parts) if parts else "")


def read_matcher(line: str) -> Document:
    """Read a line back.

    Raises:
        InvalidInputError: Saying what was expected where.

    Examples:
        >>> read_matcher('quote by web or app where size is 2 or "2"')
        {'event': 'quote', 'channel': ['web', 'app'], 'props': {'size': [2, '2']}}
    """
    words = _Words(line)
    matcher: Document = {"event": words.text("an event")}
    if words.take("by"):
        channels = [words.text("a channel")]
        while words.take("or") or words.take(","):
            channels.append(words.text("a channel"))
        matcher["channel"] = channels
    if words.take("where"):
        matcher["props"] = _read_props(words)
    words.finish()
    return matcher


def _read_props(words: _Words) -> Document:
    """Read the conditions on properties."""
    props: Document = {}
    while True:
        name = words.text("a property")
        if not words.take("is"):
            raise words.fault("“is”")
        values = [words.value()]
        while words.take("or") or words.take(","):
            values.append(words.value())
        props[name] = values
        if not words.take("and"):
            return props


class _Words:
    """The words of one line."""

    def __init__(self, line: str) -> None:
        self._line = line.strip()
        self._words = _TOKEN.findall(self._line)
        self._at = 0

    def take(self, word: str) -> bool:
        """Go past a word if it comes next."""
        if self._at < len(self._words) and self._words[self._at] == word:
            self._at += 1
            return True
        return False

    def text(self, what: str) -> str:
        """Return the next word as a text."""
        word = self._next(what)
        return str(_unquote(word)) if word.startswith('"') else word

    def value(self) -> Any:
        """Return the next word as a value."""
        word = self._next("a value")
        if word.startswith('"') or word in ("true", "false") or _NUMBER.fullmatch(word):
            return _unquote(word)
        return word

    def finish(self) -> None:
        """Refuse what is left over."""
        if self._at < len(self._words):
            raise self.fault("the end of the line")

    def fault(self, wanted: str) -> InvalidInputError:
        """Make the error of a line that cannot be read."""
        seen = f"“{self._words[self._at][:40]}”" if self._at < len(self._words) else "nothing"
        message = f"“{self._line[:80]}” cannot be read: {wanted} was expected, there is {seen}; {_SHAPE}"
        return InvalidInputError.at("", message, "bad_matcher")

    def _next(self, wanted: str) -> str:
        """Return the next word, which must stand for itself or be in quotes."""
        word = self._words[self._at] if self._at < len(self._words) else ""
        is_plain = _WORD.fullmatch(word) is not None and (wanted == "a value" or word not in _KEYWORDS)
        if wanted == "a value" and word in _KEYWORDS - {"true", "false"}:
            is_plain = False
        if not is_plain and not (word.startswith('"') and len(word) > 1):
            raise self.fault(wanted)
        self._at += 1
        return str(word)


def _unquote(word: str) -> Any:
    """Return what a word means in JSON."""
    try:
        return msgspec.json.decode(word)
    except msgspec.DecodeError as error:
        message = f"{word[:40]} is not a text in quotes; write a backslash twice"
        raise InvalidInputError.at("", message, "bad_matcher") from error


def _write(value: Any) -> str:
    """Write a word, in quotes where it would mean something else."""
    if isinstance(value, str):
        plain = _WORD.fullmatch(value) and value not in _KEYWORDS and not _NUMBER.fullmatch(value)
        return value if plain else msgspec.json.encode(value).decode()
    return msgspec.json.encode(value).decode()


def _listed(value: Any) -> list[Any]:
    """Return one or many values as a list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]
