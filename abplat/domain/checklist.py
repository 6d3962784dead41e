"""The checklist before a start: ticked by the platform, not by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from abplat.domain.checklist_facts import (
    FAILED,
    PASSED,
    UNKNOWN,
    Finding,
    Joins,
    SameTest,
    judge_joins,
    judge_same_test,
)
from abplat.domain.experiments import AA, ANALYSIS_ONLY, ID_TYPES
from abplat.errors import ConflictError, Problem

TICKS: Final = (PASSED, FAILED, UNKNOWN)

SILENCE: Final = timedelta(hours=24)


class CheckItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item: what was looked at, what was found, and how to mend it."""

    key: str
    title: str
    state: str
    why: str
    fix: str
    is_blocking: bool
    """A start is refused while it has failed."""


class Surroundings(NamedTuple):
    """What the platform knows about an experiment that is to start.

    Attributes:
        now: The present instant.
        loose_ends: References that lead nowhere.
        slot_fault: Why its slot cannot be taken; empty where it can.
        last_seen: When each channel was last heard of; only channels that ever were.
        idle_needs: Prerequisites that nobody can meet now, each with the reason.
        silent_metrics: Metrics whose events have never been received; None where nothing has been.
        no_traffic: Why nobody, or not enough people, can take part; empty where nothing is known against it.
        joins: How well ids are joined with customers.
        same_test: The youngest A/A test on the same type of unit.
    """

    now: datetime
    loose_ends: Sequence[Problem] = ()
    slot_fault: str = ""
    last_seen: Mapping[str, datetime] = {}
    silent_metrics: Sequence[str] | None = None
    idle_needs: Sequence[str] = ()
    no_traffic: str = ""
    joins: Joins = Joins()
    same_test: SameTest | None = None


def tick(document: Mapping[str, Any], around: Surroundings) -> tuple[CheckItem, ...]:
    """Look at every item of the checklist.

    Args:
        document: The experiment.
        around: What the platform knows.
    """
    found = [
        _item("journey", "Journey and references are valid", _check_journey(around), is_blocking=True),
        _item("owner", "Somebody answers for it", _check_owner(document), is_blocking=True),
        _item("metrics", "Metrics have data", _check_metrics(around)),
        _item("guardrail", "A guardrail is watched", _check_guardrail(document)),
    ]
    if document["kind"] == ANALYSIS_ONLY:
        return tuple(found)
    unit_type = document["unit_type"]
    if unit_type in ID_TYPES:
        found.append(_item("identities", "Identities join", judge_joins(around.joins)))
    if document["kind"] != AA:
        same = judge_same_test(unit_type, around.same_test)
        found.append(_item("aa", "An A/A test on the same unit has passed", same))
    return (
        *found,
        _item("payloads", "Every variant is complete", _check_payloads(document), is_blocking=True),
        _item("traffic", "Customers take part", _check_traffic(document, around), is_blocking=True),
        _item("slot", "The slot is free", _check_slot(around), is_blocking=True),
        _item("prerequisites", "What it needs runs", _check_needs(document, around), is_blocking=True),
        _item("sdk", "Every channel was heard of in 24 hours", _check_channels(document, around)),
    )


def require_ready(items: Sequence[CheckItem]) -> None:
    """Refuse to start while a blocking item has failed.

    Raises:
        ConflictError: Naming every such item, with the way to mend it.
    """
    failed = [item for item in items if item.is_blocking and item.state == FAILED]
    if failed:
        whys = "; ".join(f"{item.title}: {item.why}" for item in failed)
        raise ConflictError(
            f"the checklist has failed ({whys}); mend it, or start with a reason under anyway",
            problems=[Problem(item.key, f"{item.why} {item.fix}".strip(), "check_failed") for item in failed],
        )


def payload_channels(document: Mapping[str, Any]) -> list[str]:
    """Return the channels that some variant says something in."""
    return sorted({channel for variant in document["variants"] for channel in variant.get("payloads") or ()})


def _item(key: str, title: str, finding: Finding, *, is_blocking: bool = False) -> CheckItem:
    """Put an item together."""
    state, why, fix = finding
    return CheckItem(key=key, title=title, state=state, why=why, fix=fix, is_blocking=is_blocking)


def _check_journey(around: Surroundings) -> Finding:
    """Look at journey, metrics, layer and channels that the experiment refers to."""
    if not around.loose_ends:
        return Finding(PASSED, "Everything it refers to is there.")
    why = "; ".join(f"{problem.path}: {problem.message}" for problem in around.loose_ends)
    return Finding(FAILED, why, "Mend the definitions that are named.")


def _check_owner(document: Mapping[str, Any]) -> Finding:
    """Look at the owner."""
    if document["owner"]:
        return Finding(PASSED, f"{document['owner']} does.")
    return Finding(FAILED, "Nobody is named.", "Set owner.")


def _check_metrics(around: Surroundings) -> Finding:
    """Look at whether the events that metrics count were ever received."""
    if around.silent_metrics is None:
        return Finding(
            UNKNOWN, "No event of this project was received yet.", "Send the events of the journey."
        )
    if not around.silent_metrics:
        return Finding(PASSED, "The events of every metric were received.")
    named = ", ".join(around.silent_metrics)
    return Finding(
        FAILED, f"Events that {named} counts never came.", "Compare names of events with the definition."
    )


def _check_guardrail(document: Mapping[str, Any]) -> Finding:
    """Look for a guardrail."""
    watched = [use["metric"] for use in document["metrics"] if use["role"] == "guardrail"]
    if watched:
        return Finding(PASSED, f"{', '.join(watched)} must not get worse.")
    return Finding(FAILED, "No metric has the role guardrail.", "Add one with the margin that it may lose.")


def _check_payloads(document: Mapping[str, Any]) -> Finding:
    """Look for channels in which a variant says nothing."""
    gaps = list(_find_gaps(document))
    if not gaps:
        return Finding(PASSED, "No channel is missing in any variant.")
    return Finding(FAILED, f"Nothing is said by {'; '.join(gaps)}.", "Add the payload, even an empty one.")


def _find_gaps(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield each variant with the channels that it lacks."""
    channels = payload_channels(document)
    for variant in document["variants"]:
        missing = [channel for channel in channels if channel not in (variant.get("payloads") or {})]
        if missing:
            yield f"{variant['key']} in {', '.join(missing)}"


def _check_traffic(document: Mapping[str, Any], around: Surroundings) -> Finding:
    """Look at the share that takes part, at the weights, and at what is known of the traffic."""
    if around.no_traffic:
        fix = "Widen the audience or the share, look for a larger change, or let it run longer."
        return Finding(FAILED, around.no_traffic, fix)
    if not document["included"]:
        return Finding(FAILED, "included is 0: nobody takes part.", "Set included above 0.")
    weighted = sum(variant["weight"] > 0 for variant in document["variants"])
    if weighted < 2:
        return Finding(
            FAILED, "Only control has a weight: nothing is compared.", "Give a treatment a weight."
        )
    return Finding(PASSED, f"{document['included'] / 100:g} % of customers, {weighted} variants.")


def _check_slot(around: Surroundings) -> Finding:
    """Look at the slot."""
    if around.slot_fault:
        return Finding(FAILED, around.slot_fault, "Choose a free slot, or stop the other experiment first.")
    return Finding(PASSED, "No running experiment has it.")


def _check_needs(document: Mapping[str, Any], around: Surroundings) -> Finding:
    """Look at the experiments whose decisions it needs."""
    if around.idle_needs:
        why = f"Nobody can take part: {'; '.join(around.idle_needs)}."
        return Finding(FAILED, why, "Start or resume what is named first, or take it out of prerequisites.")
    needs = [need["experiment"] for need in document.get("prerequisites", [])]
    return Finding(PASSED, f"{', '.join(needs)} runs." if needs else "It needs no other experiment.")


def _check_channels(document: Mapping[str, Any], around: Surroundings) -> Finding:
    """Look at when each channel of the payloads was last heard of."""
    channels = payload_channels(document)
    silent = [
        channel
        for channel in channels
        if channel in around.last_seen and around.now - around.last_seen[channel] > SILENCE
    ]
    strange = [channel for channel in channels if channel not in around.last_seen]
    if silent:
        return Finding(FAILED, f"Nothing came from {', '.join(silent)} for 24 hours.", "Check the SDK there.")
    if strange or not channels:
        why = f"{', '.join(strange)} was never heard of." if strange else "No variant names a channel."
        return Finding(UNKNOWN, why, "Send one event from each channel.")
    return Finding(PASSED, f"{', '.join(channels)} sent events.")
