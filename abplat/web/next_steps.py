"""Why an experiment is where it is, and what somebody should do next: for the list and the cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from abplat.clock import parse_duration, parse_instant
from abplat.domain.lifecycle import ARCHIVED, CONCLUDED, PAUSED, STOPPED, UNSTARTED
from abplat.domain.report import Finding, Report
from abplat.web import wording

Document = Mapping[str, Any]

BY_VERDICT: Final = {
    "not_trusted": "Find out why the check failed",
    "rollback": "Roll back",
    "conflict": "Read where the journey loses customers",
    "ship": "Ship",
    "ship_neutral": "Ship, if it is worth its upkeep",
    "local_win": "Look further down the journey",
    "extend": "Keep it running",
    "stop_no_effect": "Stop, and try something bolder",
    "inconclusive": "Decide whether to run it longer",
    "aa_passed": "Nothing to decide: the pipeline holds",
}
_WAITING: Final = frozenset({"extend", "aa_passed"})
OUTCOMES: Final = {
    "won": "won",
    "lost": "lost",
    "inconclusive": "nothing was shown",
    "invalid": "the numbers could not be trusted",
}


class NextStep(NamedTuple):
    """Where an experiment stands."""

    reason: str
    """Why, in a few words that go after the state."""
    action: str
    needs_somebody: bool = True
    """Whether it waits for a person."""


def say_next(document: Document, report: Report | None, now: datetime | None = None) -> NextStep:
    """Say why an experiment is where it is, and what is to be done.

    Args:
        document: The experiment.
        report: Its latest report, if there is one.
        now: The present; without it nothing is said of what is due.

    Examples:
        >>> say_next({"state": "stopped"}, None).action
        'Conclude it: say what was learned'
        >>> say_next({"state": "concluded", "conclusion": {"outcome": "won"}}, None).reason
        'won'
    """
    state = str(document.get("state") or "draft")
    return _of_state(document, state, report) or _of_report(document, report, now)


def _of_state(document: Document, state: str, report: Report | None) -> NextStep | None:
    """Say what the state alone asks for."""
    if state in UNSTARTED:
        return _of_unstarted(document)
    if state == ARCHIVED:
        return NextStep("kept for reading", "Nothing to do", needs_somebody=False)
    if state == CONCLUDED:
        outcome = (document.get("conclusion") or {}).get("outcome", "")
        return NextStep(OUTCOMES.get(outcome, "concluded"), "Read what was learned", needs_somebody=False)
    if state == STOPPED:
        return _of_stopped(report)
    return _of_halted(document, state)


def _of_unstarted(document: Document) -> NextStep:
    """Say what a draft waits for."""
    fault = document.get("schedule_fault")
    if fault:
        return NextStep(f"its schedule could not be followed: {fault}", "Mend it, then start it")
    return NextStep("not started yet", "Check the plan and start it")


def _of_halted(document: Document, state: str) -> NextStep | None:
    """Say what an experiment waits for that was taken back at once; nothing where it runs."""
    if document.get("killed_at"):
        return NextStep("killed: everybody gets control", "Revive it, or stop it")
    if state == PAUSED:
        return NextStep("everybody gets control until it goes on", "Resume it, or stop it")
    return None


def _of_stopped(report: Report | None) -> NextStep:
    """Say what a stopped experiment waits for: its end in words."""
    block = _find_block(report)
    if block is not None:
        return NextStep(f"not trusted: {_lower(block.title)}", "Explain the check, then conclude it")
    return NextStep("nobody is assigned any more", "Conclude it: say what was learned")


def _of_report(document: Document, report: Report | None, now: datetime | None) -> NextStep:
    """Say what the latest report of a running experiment asks for."""
    if report is None:
        return NextStep("no report yet", "Wait for the first analysis", needs_somebody=False)
    if any(finding.code == "no_exposures" and finding.severity != "pass" for finding in report.findings):
        return NextStep("no exposures are arriving", "Check the SDK of each channel")
    block = _find_block(report)
    if block is not None:
        return NextStep(block.title, BY_VERDICT["not_trusted"])
    code = next((verdict.code for verdict in report.verdicts), "")
    if report.experiment.kind == "aa" and code == "inconclusive":
        code = "aa_passed"
    reason = f"as of {wording.instant(report.inputs.as_of)}"
    if code in _WAITING and is_due(document, now):
        return NextStep("its planned time is over", "Decide: the time planned has passed")
    return NextStep(reason, BY_VERDICT.get(code, "Read the report"), needs_somebody=code not in _WAITING)


def is_due(document: Document, now: datetime | None) -> bool:
    """Tell whether the time planned for a decision has passed.

    Examples:
        >>> from datetime import UTC
        >>> is_due({"started_at": "2026-03-01T00:00:00Z", "decide_after": "14d"}, datetime(2026, 4, 1, tzinfo=UTC))
        True
    """
    planned, started = document.get("decide_after"), document.get("started_at")
    if now is None or not planned or not started:
        return False
    since = started if isinstance(started, datetime) else parse_instant(str(started))
    length: timedelta = parse_duration(str(planned), "decide_after")
    return since + length <= now


def _find_block(report: Report | None) -> Finding | None:
    """Return the first failed check that withholds verdicts."""
    if report is None:
        return None
    return next((finding for finding in report.findings if finding.severity == "block"), None)


def _lower(text: str) -> str:
    """Let a title go on within a sentence."""
    return text[:1].lower() + text[1:]
