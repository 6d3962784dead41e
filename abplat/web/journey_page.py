"""A journey definition in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abplat.web import wording
from abplat.web.cards import Card, say_time
from abplat.web.result import Facts

Document = Mapping[str, Any]
ORDERINGS = {
    "ordered": "in this order; other contacts may lie between",
    "strict": "in this order, with nothing else between",
    "any": "in any order after the first",
}
REENTRIES = {
    "after_end": "A customer may start again once a journey has ended.",
    "once": "Each customer makes this journey once at most.",
    "restart": "Meeting the first stage again replaces the open journey by a new one.",
}


@dataclass(frozen=True, slots=True)
class StageCard:
    """One stage as a column."""

    title: str
    note: str
    ways: tuple[str, ...]
    optional: bool
    moment_of_truth: bool


@dataclass(frozen=True, slots=True)
class JourneyPage:
    """Everything that the journey page shows besides the map."""

    title: str
    project_title: str
    version: str
    sentence: str
    facts: Facts
    stages: tuple[StageCard, ...]
    rules: tuple[str, ...]
    experiments: tuple[Card, ...]
    versions: Facts


def make_journey_page(
    project: Document, journey: Document, versions: Sequence[Document], experiments: Sequence[Card]
) -> JourneyPage:
    """Describe a journey from its document."""
    stages = tuple(_stage(stage) for stage in journey.get("stages") or ())
    title = str(journey.get("title") or journey.get("key"))
    return JourneyPage(
        title=title,
        project_title=str(project.get("title") or project.get("key")),
        version=str(journey.get("version") or 1),
        sentence=_sentence(journey, stages),
        facts=_facts(journey),
        stages=stages,
        rules=_rules(journey),
        experiments=tuple(experiments),
        versions=tuple((f"Version {row.get('version', 1)}", _say_version(row)) for row in versions),
    )


def _sentence(journey: Document, stages: Sequence[StageCard]) -> str:
    """Say the whole definition in one sentence."""
    if not stages:
        return "This journey has no stages."
    order = ORDERINGS.get(str(journey.get("ordering") or "ordered"), "")
    window = wording.span(str(journey.get("window") or ""))
    return (
        f"It starts with \u201c{stages[0].title}\u201d and is complete with \u201c{stages[-1].title}\u201d, "
        f"whatever the channel, within {window}; the stages come {order}."
    )


def _facts(journey: Document) -> Facts:
    """Return what is known beside the stages."""
    people = ", ".join(map(str, journey.get("personas") or ()))
    pairs = [("Owner", str(journey.get("owner") or "nobody yet")), ("Personas", people)]
    pairs.append(("Key", str(journey.get("key") or "")))
    return tuple((name, value) for name, value in pairs if value)


def _stage(stage: Document) -> StageCard:
    """Describe one stage."""
    within = stage.get("within")
    notes = [
        str(stage.get("department") or ""),
        wording.humanise(str(stage["lifecycle"])) if stage.get("lifecycle") else "",
        "optional" if stage.get("optional") else "",
        f"within {wording.span(str(within))}" if within else "",
    ]
    return StageCard(
        title=str(stage.get("title") or wording.humanise(str(stage.get("key")))),
        note=" \u00b7 ".join(filter(None, notes)),
        ways=tuple(say_matcher(matcher) for matcher in stage.get("match") or ()),
        optional=bool(stage.get("optional")),
        moment_of_truth=bool(stage.get("moment_of_truth")),
    )


def say_matcher(matcher: Document) -> str:
    """Say which event counts.

    Examples:
        >>> say_matcher({"event": "visit", "channel": ["web", "app"], "props": {"page": "tents"}})
        'visit by Web or App, where page is tents'
    """
    text = str(matcher.get("event") or "any event")
    channels = _listed(matcher.get("channel"))
    if channels:
        text += " by " + " or ".join(wording.humanise(channel) for channel in channels)
    props = matcher.get("props") or {}
    if props:
        parts = [f"{name} is {' or '.join(_listed(value))}" for name, value in dict(props).items()]
        text += ", where " + " and ".join(parts)
    return text


def _listed(value: Any) -> list[str]:
    """Return one or many values as words."""
    if value is None:
        return []
    return [str(part) for part in value] if isinstance(value, list | tuple) else [str(value)]


def _rules(journey: Document) -> tuple[str, ...]:
    """Say every further rule as one sentence."""
    rules = [REENTRIES.get(str(journey.get("reentry") or "after_end"), "")]
    if journey.get("inactivity"):
        rules.append(f"It is abandoned after {wording.span(str(journey['inactivity']))} without any contact.")
    if journey.get("correlate_by"):
        rules.append(
            f"A customer may have several at once, told apart by \u201c{journey['correlate_by']}\u201d."
        )
    if journey.get("scope"):
        rules.append("Only these events count as contacts: " + ", ".join(_listed(journey["scope"])) + ".")
    if journey.get("lateness"):
        rules.append(f"An abandonment is final after {wording.span(str(journey['lateness']))}.")
    rules += [_say_exclusion(exclude) for exclude in journey.get("exclude") or ()]
    return tuple(filter(None, rules))


def _say_exclusion(exclude: Document) -> str:
    """Say what aborts the journey."""
    events = " or ".join(say_matcher(matcher) for matcher in exclude.get("match") or ())
    text = f"It is aborted by {events}"
    if exclude.get("after"):
        text += f", from \u201c{wording.humanise(str(exclude['after']))}\u201d on"
    if exclude.get("before"):
        text += f", until \u201c{wording.humanise(str(exclude['before']))}\u201d"
    return text + "."


def _say_version(row: Document) -> str:
    """Say what a version was."""
    stages = len(row.get("stages") or ())
    made = row.get("created_at")
    text = f"{stages} stages, window {wording.span(str(row.get('window') or ''))}"
    return f"{text}, made {say_time(made)}" if made else text
