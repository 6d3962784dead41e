"""Full-text search over some thousand short documents, the same with every database.

Texts are compared without case and accents; every word that is looked for must begin some word of the
document, and counts more in a title than in a note.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final

_WORD: Final = re.compile(r"\w+")
_SMALL_WORDS: Final = (
    "a an and are as at be believe by for from have in is it more no not of on or our than that the they this to we "
    "will with because who what when"
)
_SAID_NOTHING: Final = frozenset(_SMALL_WORDS.split())
MOST_WORDS: Final = 20


def fold(text: str) -> str:
    """Return a text as it is compared: without case and accents.

    Examples:
        >>> fold("Été À LA PLAGE")
        'ete a la plage'
    """
    parts = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in parts if not unicodedata.combining(each))


def list_words(text: str) -> list[str]:
    """Return the words of a text, as they are compared.

    Examples:
        >>> list_words("Shorter form: 9 fields")
        ['shorter', 'form', '9', 'fields']
    """
    return _WORD.findall(fold(text))


def score(wanted: Sequence[str], fields: Mapping[str, float], texts: Mapping[str, Sequence[str]]) -> float:
    """Say how well a document answers a search; nothing at all where one word is missing.

    Args:
        wanted: Words that are looked for, folded.
        fields: Weight of each part of a document.
        texts: Words of each part, folded.

    Examples:
        >>> texts = {"title": ["shorter", "form"], "note": ["forms", "sell"]}
        >>> score(["form"], {"title": 4, "note": 1}, texts), score(["form", "car"], {"title": 4, "note": 1}, texts)
        (9.0, 0.0)
    """
    total = 0.0
    for word in wanted[:MOST_WORDS]:
        best = sum(
            weight * (2 if word in texts[name] else 1)
            for name, weight in fields.items()
            if any(each.startswith(word) for each in texts[name])
        )
        if not best:
            return 0.0
        total += best
    return total


def measure_likeness(own: Sequence[str], other: Sequence[str]) -> float:
    """Say how much two texts have in common: shared words against all, small words aside.

    Examples:
        >>> measure_likeness(["the", "short", "form"], ["a", "long", "form"])
        0.3333333333333333
    """
    mine, theirs = {*own} - _SAID_NOTHING, {*other} - _SAID_NOTHING
    return len(mine & theirs) / len(mine | theirs) if mine and theirs else 0.0
