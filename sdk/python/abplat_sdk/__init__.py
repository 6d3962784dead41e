"""Decide, record and identify with abplat: local decisions, standard library only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abplat_sdk.document import ConfigError, parse_config
from abplat_sdk.evaluator import Decision, Evaluator, compile_config

if TYPE_CHECKING:
    from abplat_sdk.client import Client, Stats

__version__ = "0.1.0"
__all__ = ["Client", "ConfigError", "Decision", "Evaluator", "Stats", "compile_config", "parse_config"]


def __getattr__(name: str) -> object:
    """Load the client when it is first asked for: whoever only decides needs no network code."""
    if name in {"Client", "Stats"}:
        from abplat_sdk import client  # noqa: PLC0415  # this is the point of loading late

        return getattr(client, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
