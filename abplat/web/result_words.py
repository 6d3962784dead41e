"""What people did to an experiment, in sentences: for the history and for the notes of a chart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from abplat.clock import format_instant
from abplat.services.history import Deed
from abplat.web import wording
from abplat.web.annotation_words import say_happening
from abplat.web.report_sources import Record

VERBS = {
    "create": "wrote the plan",
    "update": "changed the definition",
    "check": "ticked the checklist",
    "start": "started it",
    "pause": "paused it: everybody got control",
    "resume": "resumed it",
    "kill": "killed it: everybody got control at once",
    "revive": "revived it",
    "stop": "stopped it",
    "conclude": "concluded it",
    "archive": "archived it",
    "widen": "let more customers in",
    "reweigh": "changed the weights",
    "reset": "began a new draw",
    "approve": "approved the next step",
    "schedule": "followed the schedule",
    "ship": "decided to ship",
    "roll_back": "decided to roll back",
    "keep": "decided to keep it running",
}
MARKED = ("pause", "resume", "kill", "revive", "widen", "reweigh", "reset", "update", "stop", "keep")
"""Deeds that a chart over time marks, since they may bend its line."""
UNSETTLING = ("stop", "keep")
"""Marked deeds after which the experiment is what it was before."""
OUTCOMES = {"won": "won", "lost": "lost", "inconclusive": "inconclusive", "invalid": "not to be trusted"}


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of the history."""

    at: str
    kind: str
    """Look, Change or Decision."""
    who: str
    what: str
    note: str
    hash: str = ""
    """Of the report, where the line is a look."""
    is_current: bool = False


def list_history(record: Record, report_hash: str) -> tuple[HistoryRow, ...]:
    """Return looks, changes and decisions in one list, youngest first."""
    rows = [(deed.at, _deed_row(deed)) for deed in record.deeds]
    for look in record.looks:
        verdicts = look.digest.verdicts
        code = "not_trusted" if look.digest.is_withheld else verdicts[0].code if verdicts else ""
        word = wording.say_word(wording.DECISIONS, code).text if code else "no verdict"
        who = f"abplat {look.digest.inputs.code_version}".strip()
        at = wording.instant(format_instant(look.as_of))
        now = look.hash == report_hash
        rows.append((look.as_of, HistoryRow(at, "Look", who, word, "", look.hash, now)))
    rows.sort(key=lambda row: row[0], reverse=True)
    return tuple(row for _, row in rows)


def _deed_row(deed: Deed) -> HistoryRow:
    """Write the line of a deed."""
    kind = "Decision" if deed.verb in ("ship", "roll_back", "keep", "conclude", "stop") else "Change"
    at = wording.instant(format_instant(deed.at))
    return HistoryRow(at, kind, say_actor(deed.actor), say_deed(deed), _note(deed.after))


def say_deed(deed: Deed) -> str:
    """Say what was done."""
    what = VERBS.get(deed.verb) or wording.humanise(deed.verb).lower()
    after = deed.after
    if deed.verb == "conclude" and after.get("outcome"):
        what += f" as {OUTCOMES.get(after['outcome'], after['outcome'])}"
        what += f"; everybody gets {after['shipped']}" if after.get("shipped") else ""
    elif deed.verb in ("ship", "roll_back") and after.get("variant"):
        what += f" {after['variant']}" if deed.verb == "ship" else ""
    elif deed.verb in ("widen", "reweigh", "reset") and isinstance(after.get("weights"), dict):
        weights = " / ".join(wording.level(weight / 10_000) for weight in after["weights"].values())
        what += f": {weights}, {wording.level((after.get('included') or 0) / 10_000)} take part"
    if after.get("override"):
        what += ", although a check or the verdict spoke against it"
    return what


def _note(after: dict[str, Any]) -> str:
    """Return the reasons that were given."""
    parts = [str(after.get(name) or "") for name in ("note", "reason", "anyway", "override")]
    return " \u00b7 ".join(dict.fromkeys(part for part in parts if part))


def say_actor(actor: str) -> str:
    """Say who did something, as people call them.

    Examples:
        >>> say_actor("user:ada@example.com"), say_actor("key:0011223344556677"), say_actor("job:schedule")
        ('ada@example.com', 'key 00112233', 'the schedule')
    """
    kind, _, name = actor.partition(":")
    known = {"user": name, "cli": f"{name}, command line", "key": f"key {name[:8]}", "job": f"the {name}"}
    plain = {"local": "somebody at this machine", "system": "abplat"}
    return known.get(kind) if name and kind in known else plain.get(actor, actor)  # type: ignore[return-value]


class Mark(NamedTuple):
    """Something that may bend a line over time."""

    at: float
    until: float | None
    """Its end, where it lasted."""
    words: str
    is_setting: bool
    """Whether it changed the experiment itself, so that what comes after is not of one thing with before."""


def list_marks(record: Record) -> list[Mark]:
    """Return everything that may bend a line over time, in order: what people changed, and what else happened."""
    marks = [*_marks_of_deeds(record), *_marks_of_happenings(record)]
    return sorted(marks, key=lambda mark: mark.at)


def _marks_of_deeds(record: Record) -> Iterator[Mark]:
    """Yield what was done to the experiment."""
    for deed in record.deeds:
        if deed.verb in MARKED and not _is_harmless(deed):
            reason = _note(deed.after)
            words = f"{wording.instant(format_instant(deed.at))}: {say_actor(deed.actor)} {say_deed(deed)}"
            is_setting = deed.verb not in UNSETTLING
            yield Mark(deed.at.timestamp(), None, f"{words} ({reason})" if reason else words, is_setting)


def _marks_of_happenings(record: Record) -> Iterator[Mark]:
    """Yield what else happened."""
    for each in record.happenings:
        until = each.ends.timestamp() if each.ends else None
        yield Mark(each.starts.timestamp(), until, say_happening(each), is_setting=False)


def _is_harmless(deed: Deed) -> bool:
    """Tell whether a change touched the names only, or came before the start."""
    if deed.verb != "update":
        return False
    names = {name for name in deed.after if deed.before.get(name) != deed.after[name]}
    state = deed.after.get("state") or deed.before.get("state")
    return names <= {"title", "owner", "revision", "updated_at"} or state in ("draft", "checked")


def say_instant(value: datetime | str | None) -> str:
    """Say an instant, whether it is parsed or not."""
    return wording.instant(format_instant(value) if isinstance(value, datetime) else value)
