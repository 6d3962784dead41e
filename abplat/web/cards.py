"""One experiment in a few words: for the list, the empty page and the journey that it uses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from abplat.clock import format_instant
from abplat.domain.lifecycle import UNSTARTED
from abplat.domain.report import Report
from abplat.web import wording
from abplat.web.result import Facts, list_banners

Document = Mapping[str, Any]
NEXT_STEPS = {
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


@dataclass(frozen=True, slots=True)
class Card:
    """An experiment as one row."""

    project: str
    project_title: str
    key: str
    title: str
    owner: str
    state: str
    state_word: wording.Word
    reason: str
    next_step: str
    journey: str
    journey_title: str
    units: str
    verdicts: tuple[wording.Word, ...]
    facts: Facts


@dataclass(frozen=True, slots=True)
class Empty:
    """Why there is no result to show, and what would make one."""

    title: str
    sentence: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """The experiments of one project."""

    title: str
    cards: tuple[Card, ...]


def make_card(project: Document, document: Document, journey_title: str, report: Report | None) -> Card:
    """Describe an experiment from its definition and its latest report."""
    state = str(document.get("state") or "draft")
    reason, step = _reason_and_step(state, report)
    units = sum(arm.n_exposed for arm in report.experiment.variants) if report else None
    return Card(
        project=str(project["key"]),
        project_title=str(project.get("title") or project["key"]),
        key=str(document["key"]),
        title=str(document.get("title") or document["key"]),
        owner=str(document.get("owner") or ""),
        state=state,
        state_word=wording.say_word(wording.STATES, state),
        reason=reason,
        next_step=step,
        journey=str(document.get("journey") or ""),
        journey_title=journey_title or wording.humanise(str(document.get("journey") or "")),
        units=wording.DASH if units is None else wording.count(units),
        verdicts=tuple(banner.word for banner in list_banners(report)) if report else (),
        facts=_facts(document, journey_title),
    )


def make_empty(card: Card, *, has_exposures: bool | None) -> Empty:
    """Say which of the three empty states this is: not started, nobody exposed, not analysed."""
    if card.state in UNSTARTED:
        steps = (
            "Go through its set-up, look at the checklist and start it there.",
            "From then on the SDK of every channel gives customers their variant.",
        )
        return Empty("Not started", "This experiment is a draft: nobody is assigned to it.", steps)
    if has_exposures:
        return Empty(
            "No report yet", "Customers are being exposed; the first analysis has not run.", _ANALYSE
        )
    sentence = "The experiment has started, but no customer has met a variant yet."
    if has_exposures is None:
        sentence = "The experiment has started, but nothing was analysed yet."
        return Empty("No report yet", sentence, (_EXPOSURES[0], *_ANALYSE))
    return Empty("No exposures are arriving", sentence, _EXPOSURES)


_ANALYSE = ("Keep the worker running: abplat worker analyses on its own schedule.",)
_EXPOSURES = (
    "Check that the SDK of each channel has a key of this project and sends exposures.",
    "Look for refused events: they are kept with the reason why.",
)


def _reason_and_step(state: str, report: Report | None) -> tuple[str, str]:
    """Say why the experiment is where it is, and what is to be done."""
    if state in UNSTARTED:
        return "not started yet", "Check the plan and start it"
    if report is None:
        return "no report yet", "Wait for the first analysis"
    if any(finding.code == "no_exposures" and finding.severity != "pass" for finding in report.findings):
        return "no exposures are arriving", "Check the SDK of each channel"
    blocks = [finding for finding in report.findings if finding.severity == "block"]
    if blocks:
        return blocks[0].title, NEXT_STEPS["not_trusted"]
    code = next((verdict.code for verdict in report.verdicts), "")
    passed = report.experiment.kind == "aa" and code == "inconclusive"
    step = NEXT_STEPS.get("aa_passed" if passed else code, "Read the report")
    return f"as of {wording.instant(report.inputs.as_of)}", step


def _facts(document: Document, journey_title: str) -> Facts:
    """Return the plan in a few pairs."""
    variants = [str(variant.get("title") or variant.get("key")) for variant in document.get("variants") or ()]
    started = document.get("started_at")
    return (
        ("Journey", journey_title or str(document.get("journey") or "")),
        ("Owner", str(document.get("owner") or "nobody yet")),
        ("Hypothesis", str(document.get("hypothesis") or "none written")),
        ("Variants", ", ".join(variants)),
        ("Started", say_time(started)),
    )


def say_time(value: datetime | str | None) -> str:
    """Say an instant of a document, whether it is parsed or not."""
    return wording.instant(format_instant(value) if isinstance(value, datetime) else value)
