"""Exposures that abplat records itself: for a remote evaluation that asks for it, and for a mailing."""

from __future__ import annotations

import hashlib
import threading
from datetime import datetime
from typing import Any, Final

from abplat_sdk.evaluator import Decision

from abplat import __version__
from abplat.clock import format_instant
from abplat.errors import StorageFullError, UnavailableError
from abplat.facts.intake import Intake
from abplat.services import events

_MAX_RECENT: Final = 100_000


def make_exposure(project: str, decision: Decision, channel: str | None, *, now: datetime) -> dict[str, Any]:
    """Make the event that says that a unit met its variant.

    Its id is named by unit, experiment, variant, channel and day, so the same meeting told twice, by two
    servers or by a mailing that was started again, is counted once.
    """
    return {
        "kind": "exposure",
        "id": _name(project, decision, channel, now),
        "ts": format_instant(now),
        "actor": decision.unit,
        "experiment": decision.key,
        "variant": decision.variant,
        "channel": channel or None,
        "reason": decision.reason,
        "config_version": decision.config_version,
        "phase": decision.phase,
        "sdk": f"server/{__version__}",
    }


def _name(project: str, decision: Decision, channel: str | None, now: datetime) -> str:
    """Return the id of an exposure, the same for the whole day."""
    parts = (project, decision.unit, decision.key, decision.variant or "", channel or "", f"{now:%Y-%m-%d}")
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return f"met-{hashlib.sha256(text.encode()).hexdigest()[:32]}"


class RecentExposures:
    """Exposures that this process has put on disk: the same one again costs no write."""

    def __init__(self, capacity: int = _MAX_RECENT) -> None:
        """Start empty."""
        self._capacity = capacity
        self._held: dict[str, None] = {}
        self._lock = threading.Lock()

    def expose(
        self, intake: Intake, project: str, decision: Decision, channel: str | None, *, now: datetime
    ) -> bool:
        """Record that a unit met its variant; say whether it is on disk.

        A full disk or a busy database costs the exposure, never the answer.
        """
        if not decision.in_experiment or decision.variant is None:
            return False
        event = make_exposure(project, decision, channel, now=now)
        if event["id"] in self._held:
            return True
        try:
            done = events.record(intake, project, {"events": [event]}, now=now, is_public=False)
        except (UnavailableError, StorageFullError):
            return False
        if done.refused:
            return False
        self._remember(event["id"])
        return True

    def _remember(self, event_id: str) -> None:
        """Keep an id, and let go of the oldest where there are too many."""
        with self._lock:
            if len(self._held) >= self._capacity:
                del self._held[next(iter(self._held))]
            self._held[event_id] = None
