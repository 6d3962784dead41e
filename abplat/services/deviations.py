"""What was done otherwise than planned, read from the audit trail: every write leaves its trace there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, cast

from sqlalchemy.orm import Session

from abplat.clock import format_instant, parse_duration, parse_instant
from abplat.db.models.audit import AuditEntry
from abplat.db.models.experiments import Experiment
from abplat.db.queries import audit as audit_queries
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.lifecycle import added_uses


def list_(session: Session, project: str, key: str) -> list[Document]:
    """Return every deviation of an experiment from its frozen plan, oldest first.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    if row.plan is None:
        return []
    found: list[Document] = []
    is_started = False
    for entry in audit_queries.list_of(session, project, EXPERIMENTS, key):
        is_started = is_started or entry.verb == "start"
        if is_started and entry.verb in _READERS:
            sentences = _READERS[entry.verb](entry, row)
            found += [_describe(entry, code, sentence) for code, sentence in sentences]
    return found


def _describe(entry: AuditEntry, code: str, sentence: str) -> Document:
    """Return a deviation with who did it and when."""
    when = entry.at
    return {"code": code, "at": when, "actor": entry.actor, "sentence": f"{_day(when)}: {sentence}"}


_Sentences = Iterator[tuple[str, str]]


def _day(instant: datetime) -> str:
    """Write an instant to the minute."""
    return f"{format_instant(instant)[:16]}Z".replace("T", " ")


def _because(entry: AuditEntry) -> str:
    """Return the reason that was given, if any."""
    reason = (entry.after or {}).get("reason")
    return f" ({reason})" if reason else ""


def _read_start(entry: AuditEntry, _row: Experiment) -> _Sentences:
    """Say that a failed checklist was passed over."""
    after: dict[str, Any] = entry.after or {}
    if after.get("failed"):
        failed = ", ".join(after["failed"])
        yield "started_anyway", f"started though the checklist had failed on {failed}: {after['anyway']}"


def _read_phase(entry: AuditEntry, _row: Experiment) -> _Sentences:
    """Say what a new phase has changed."""
    before, after = entry.before, entry.after
    if entry.verb == "widen":
        if not after["is_planned"]:
            yield (
                "widened",
                f"coverage grew from {before['included']} to {after['included']}{_because(entry)}",
            )
        return
    said = " / ".join(str(weight) for weight in after["weights"].values())
    what = "a new draw began" if entry.verb == "reset" else "the weights changed"
    yield (
        "reset" if entry.verb == "reset" else "reweighed",
        (
            f"{what} as phase {after['phase']} ({said}, coverage {after['included']}){_because(entry)}; "
            "customers first exposed earlier are left out"
        ),
    )


def _read_stop(entry: AuditEntry, row: Experiment) -> _Sentences:
    """Say that the planned time was cut short."""
    planned = row.plan["experiment"].get("decide_after")
    if planned is None or row.started_at is None:
        return
    stopped = parse_instant(entry.after["at"])
    if stopped < row.started_at + parse_duration(planned):
        yield "stopped_early", f"stopped before the planned {planned} had passed{_because(entry)}"


def _read_update(entry: AuditEntry, _row: Experiment) -> _Sentences:
    """Say which metrics joined later."""
    added = added_uses(entry.before["metrics"], entry.after["metrics"])
    if added:
        named = ", ".join(use["metric"] for use in added)
        yield "metrics_added", f"metrics were added after the start: {named}; they explain and do not decide"


def _read_conclude(entry: AuditEntry, _row: Experiment) -> _Sentences:
    """Say that something was shipped which the verdict did not support."""
    if entry.after.get("against_verdict"):
        yield "against_verdict", f"{entry.after['shipped']} was shipped against the verdict of the report"


def _read_plain(code: str, sentence: str) -> Callable[[AuditEntry, Experiment], _Sentences]:
    """Make the reader of an action whose sentence never differs but for the reason."""

    def read(entry: AuditEntry, _row: Experiment) -> _Sentences:
        yield code, f"{sentence}{_because(entry)}"

    return read


_READERS: dict[str, Callable[[AuditEntry, Experiment], _Sentences]] = {
    "start": _read_start,
    "widen": _read_phase,
    "reweigh": _read_phase,
    "reset": _read_phase,
    "pause": _read_plain("paused", "paused: everybody got control"),
    "resume": _read_plain("resumed", "resumed"),
    "kill": _read_plain("killed", "killed: everybody got control at once"),
    "revive": _read_plain("revived", "revived after the kill"),
    "stop": _read_stop,
    "update": _read_update,
    "conclude": _read_conclude,
}
