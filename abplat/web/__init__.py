"""Pages for people: they only render what the services return."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Blueprint

__all__ = ["blueprint"]


def __getattr__(name: str) -> Blueprint:
    """Load the pages when they are asked for: the words and charts are used without Flask, too."""
    if name != "blueprint":
        raise AttributeError(name)
    from abplat.web.routes import blueprint  # noqa: PLC0415

    return blueprint
