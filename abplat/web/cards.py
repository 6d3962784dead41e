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
from abplat.web.next_steps import say_next
from abplat.web.result import Facts, list_banners

Document = Mapping[str, Any]


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
    needs_somebody: bool
    """Whether it waits for a person."""
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


def make_card(
    project: Document,
    document: Document,
    journey_title: str,
    report: Report | None,
    now: datetime | None = None,
) -> Card:
    """Describe an experiment from its definition, its latest report and, where it is told, the present."""
    state = str(document.get("state") or "draft")
    step = say_next(document, report, now)
    units = sum(arm.n_exposed for arm in report.experiment.variants) if report else None
    return Card(
        project=str(project["key"]),
        project_title=str(project.get("title") or project["key"]),
        key=str(document["key"]),
        title=str(document.get("title") or document["key"]),
        owner=str(document.get("owner") or ""),
        state=state,
        state_word=wording.say_word(wording.STATES, state),
        reason=step.reason,
        next_step=step.action,
        needs_somebody=step.needs_somebody,
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
