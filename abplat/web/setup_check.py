"""What the last step of the set-up shows: the checklist, one customer, and how each channel obeys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from flask import request, url_for
from sqlalchemy.orm import Session

from abplat.db.queries import sightings
from abplat.domain.catalogue import CHANNELS, Document
from abplat.domain.layers import BUCKETS
from abplat.errors import InvalidInputError
from abplat.services import checklists, pictures, simulations
from abplat.services.definitions import load_entries
from abplat.services.setups import Draft
from abplat.web import wording
from abplat.web.channel_ways import list_ways
from abplat.web.setup_forms import write_json
from abplat.web.writing import current_platform

TICKS: Final = {
    "passed": wording.Word("Passed", "check", "good"),
    "failed": wording.Word("Failed", "warning", "bad"),
    "unknown": wording.Word("Not known", "dash", "calm"),
}
RULES: Final = (
    (
        "clear_signals",
        "Clear signals",
        "Ship only if the outcome is shown better and every guardrail is shown inside its margin.",
    ),
    (
        "do_no_harm",
        "Do no harm",
        (
            "Ship if, with enough customers to see the smallest change worth acting on, no harm is shown and every "
            "guardrail holds. For what is wanted for another reason: cheaper, safer, required."
        ),
    ),
    (
        "non_inferiority",
        "Not worse by more than a margin",
        "Ship if the outcome is shown to lose less than the margin below, and every guardrail holds.",
    ),
)
"""The decision rules with their names and what it takes to ship under each."""


class Shown(NamedTuple):
    """What one customer would meet in a channel."""

    channel: str
    payload: str
    picture: str
    """Address of the picture; empty where there is none."""


class Tried(NamedTuple):
    """What one customer would get."""

    sentence: str
    shown: tuple[Shown, ...]


def list_parts(session: Session, project: str, draft: Draft) -> dict[str, Any]:
    """Tick the checklist, try one customer, and say how each channel obeys."""
    key, now = str(draft.experiment), current_platform().clock()
    items = checklists.get(session, project, key, now=now)
    channels = load_entries(session, project)[CHANNELS]
    unit = request.args.get("unit", "").strip()
    tried: Tried | None = None
    fault = ""
    if unit:
        try:
            tried = _try(session, project, draft, unit)
        except InvalidInputError as error:
            fault = error.message
    seen = sightings.last_by_channel(session, project)
    return {
        "items": [(item, TICKS[item.state]) for item in items],
        "is_blocked": any(item.is_blocking and item.state == "failed" for item in items),
        "unit": unit,
        "tried": tried,
        "unit_fault": fault,
        "facts": _summary(draft.document),
        "ways": list_ways(project, {**draft.document, "key": key}, channels, seen),
    }


def list_pictures(session: Session, project: str, experiment: str | None) -> dict[tuple[str, str], str]:
    """Return the address of every picture by variant and channel; it changes with the picture."""
    if experiment is None:
        return {}
    return {
        (each["variant"], each["channel"]): url_for(
            "pages.show_picture",
            project=project,
            key=experiment,
            variant=each["variant"],
            channel=each["channel"],
            v=each["hash"][:12],
        )
        for each in pictures.list_(session, project, experiment)
    }


def _try(session: Session, project: str, draft: Draft, unit: str) -> Tried:
    """Decide for one customer, and gather what that variant shows in each channel."""
    decided = simulations.decide_one(session, project, str(draft.experiment), unit, {})
    variants: Sequence[Document] = draft.document["variants"]
    addresses = list_pictures(session, project, draft.experiment)
    chosen = next((each for each in variants if each["key"] == decided["variant"]), None)
    payloads = (chosen or {}).get("payloads") or {}
    pictured = [channel for variant, channel in addresses if chosen and variant == chosen["key"]]
    shown = tuple(
        Shown(
            channel,
            write_json(payloads[channel]) if channel in payloads else "",
            addresses.get((str(decided["variant"]), channel), ""),
        )
        for channel in sorted({*payloads, *pictured})
    )
    return Tried(_say_decision(decided, variants), shown)


def _say_decision(tried: Document, variants: Sequence[Document]) -> str:
    """Say what a customer would get."""
    title = next((each["title"] for each in variants if each["key"] == tried["variant"]), tried["variant"])
    title = isolate(title or "the usual")
    if tried["in_experiment"]:
        return f"{tried['unit']} would get “{title}” and count in the experiment ({tried['reason']})."
    return f"{tried['unit']} would not take part and gets “{title}” ({tried['reason'].replace('_', ' ')})."


def _summary(document: Document) -> tuple[tuple[str, str], ...]:
    """Return the whole set-up in a few pairs."""
    goal = next((use["metric"] for use in document["metrics"] if use["role"] == "primary"), "")
    guards = [
        f"{use['metric']} (at most {wording.level(use['margin'])} worse)"
        for use in document["metrics"]
        if use["role"] == "guardrail"
    ]
    arms = [
        f"{isolate(each['title'])} {wording.level(each['weight'] / BUCKETS)}" for each in document["variants"]
    ]
    rule = document.get("decision_rule") or "clear_signals"
    return (
        ("Journey", str(document["journey"])),
        ("Decides", goal),
        ("Rule", next(title for key, title, _ in RULES if key == rule)),
        ("Guardrails", ", ".join(guards) or "none"),
        ("Watched for", wording.span(document["horizon"])),
        (
            "Worth acting on",
            wording.level(document["min_effect"]) if document.get("min_effect") else "any change",
        ),
        ("Takes part", wording.level(document["included"] / BUCKETS)),
        ("Variants", ", ".join(arms)),
    )


def isolate(name: str) -> str:
    """Return a name that keeps its direction of writing to itself, within a sentence."""
    return f"\u2068{name}\u2069"
