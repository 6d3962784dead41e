"""Reads the fields of a form, and remembers beside which field what is wrong."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from werkzeug.datastructures import MultiDict

from abplat.domain.layers import BUCKETS
from abplat.errors import InvalidInputError, Problem


class FormReader:
    """Hands out what was typed; what cannot be read is noted in ``faults``, by name of the field."""

    def __init__(self, form: MultiDict[str, str]) -> None:
        """Read a form."""
        self.form = form
        self.faults: dict[str, str] = {}

    def text(self, name: str) -> str | None:
        """Return what was typed, or None where nothing was."""
        return self.form.get(name, "").strip() or None

    def lines(self, name: str) -> list[str]:
        """Return each line that says something."""
        return [line.strip() for line in self.form.get(name, "").splitlines() if line.strip()]

    def flag(self, name: str) -> bool:
        """Tell whether a box is ticked."""
        return name in self.form

    def number(self, name: str) -> float | None:
        """Return a number, written with a point or a comma."""
        typed = self.text(name)
        if typed is None:
            return None
        try:
            found = float(typed.rstrip("%").strip().replace(",", "."))
        except ValueError:
            found = math.nan
        if math.isfinite(found):
            return found
        self.faults[name] = f"“{typed[:40]}” is not a number; write one such as 2.5."
        return None

    def percent(self, name: str) -> float | None:
        """Return a percentage as a share."""
        found = self.number(name)
        return None if found is None else round(found / 100, 10)

    def buckets(self, name: str) -> int | None:
        """Return a percentage as a share of 10000."""
        found = self.number(name)
        if found is None:
            return None
        if not 0 <= found <= 100:
            self.faults[name] = f"{found:g} % is no share; write a number from 0 to 100."
            return None
        if abs(found * 100 - round(found * 100)) > 1e-6:
            self.faults[name] = "A share may have two decimals at most."
        return round(found * BUCKETS / 100)

    def json(self, name: str) -> Any:
        """Return a JSON value, or None where nothing was typed."""
        typed = self.text(name)
        if typed is None:
            return None
        try:
            return msgspec.json.decode(typed)
        except msgspec.DecodeError as error:
            self.faults[name] = f"This is not JSON: {error}"
            return None

    def require_readable(self) -> None:
        """Stop where something cannot be read.

        Raises:
            InvalidInputError: Without problems: they stand beside their fields already.
        """
        if self.faults:
            raise InvalidInputError("the form is not complete")

    def blame(self, problems: Iterable[Problem], names: Mapping[str, str]) -> list[str]:
        """Put faults beside their fields; return those that belong to none.

        Args:
            problems: Faults of a document.
            names: Paths in the document with the fields that they come from; the longest one that fits counts.
        """
        others = []
        for problem in problems:
            fitting = [path for path in names if _lies_in(problem.path, path)]
            if fitting:
                name = names[max(fitting, key=len)]
                self.faults.setdefault(name, make_sentence(problem.message))
            else:
                others.append(make_sentence(f"{problem.path} {problem.message}".strip()))
        return others


def make_sentence(text: str) -> str:
    """Make a message a sentence."""
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


def _lies_in(path: str, whole: str) -> bool:
    """Tell whether a path is another or leads on from it."""
    return path == whole or path.startswith((f"{whole}.", f"{whole}["))
