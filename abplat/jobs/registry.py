"""Which job is done by which module: ``abplat.jobs.<kind>``, whose ``run`` is loaded when it is needed."""

from __future__ import annotations

import importlib
import importlib.util

from abplat.jobs.context import Handler, Together

_SECOND = 1_000_000
# A drain costs a commit per kind of fact and a file per day, however few rows wait.
PERIODS_US = {
    "drain": 5 * _SECOND,
    "schedule": 10 * _SECOND,
    "notify": 5 * _SECOND,
    "compact": 600 * _SECOND,
    "seal": 600 * _SECOND,
    "look": 600 * _SECOND,
    "refresh": 600 * _SECOND,
    "quality": 3600 * _SECOND,
}
_KINDS = (*PERIODS_US, "erase", "export", "analyse", "plan", "count", "metric_history", "discover")


def known_kinds() -> list[str]:
    """Return the kinds of job that this installation can do."""
    return [kind for kind in _KINDS if importlib.util.find_spec(f"abplat.jobs.{kind}")]


def find_handler(kind: str) -> Handler:
    """Load the function that does a kind of job."""
    handler: Handler = importlib.import_module(f"abplat.jobs.{kind}").run
    return handler


def find_together(kind: str) -> Together | None:
    """Load what does several jobs of a kind at once, where that is better than one after the other."""
    module = importlib.import_module(f"abplat.jobs.{kind}")
    many, batch_of = getattr(module, "run_many", None), getattr(module, "batch_of", None)
    return Together(many, batch_of) if many and batch_of else None
