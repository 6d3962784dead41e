"""A metric in plain words: what is counted, over whom, and how its definition came to be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.web import wording
from abplat.web.cards import say_time

Document = Mapping[str, Any]
EVERYBODY: Final = "every exposed customer whose horizon has passed"
_UNITS: Final = {"share": "a share, in percent", "count": "a number per customer", "seconds": "a time", "value": "an amount per customer",
                 "score": "a score", "points": "points from −100 to +100"}  # fmt: skip
_KNOWN_TO_ALL: Final = frozenset({"version", "created_at", "updated_at", "archived_at", "revision", "key"})


class Fact(NamedTuple):
    """One line of a card; ``term`` is the word of the glossary that it is about."""

    name: str
    value: str
    term: str = ""


class Change(NamedTuple):
    """One field that differs between two versions."""

    field: str
    before: str
    after: str


class Step(NamedTuple):
    """One version of a definition and what it changed."""

    version: int
    at: str
    changes: tuple[Change, ...]


def describe_metric(document: Document) -> list[Fact]:
    """Return what a metric counts, line by line."""
    kind = KINDS_BY_KEY.get(document["kind"])
    facts = [Fact("Kind", wording.humanise(str(document["kind"])))]
    if kind is not None:
        below = EVERYBODY if kind.denominator == "N" else kind.denominator
        facts += [
            Fact("Counted", kind.counts),
            Fact("Divided by", below, "denominator"),
            Fact("Unit", _UNITS.get(kind.unit, kind.unit)),
            Fact("Compared by", kind.treatment),
        ]
        if kind.is_descriptive:
            facts.append(Fact("Verdict", "never: the treatment itself chooses who is counted", "verdict"))
    facts += [Fact(name, _say(document[field])) for field, name in _FIELDS.items() if document.get(field)]
    margin = document.get("margin") if document.get("margin") is not None else (kind.margin if kind else None)
    if margin is not None:
        is_relative = (document.get("scale") or (kind.scale if kind else "relative")) == "relative"
        facts.append(
            Fact("Margin as a guardrail", wording.level(margin) if is_relative else f"{margin:g}", "margin")
        )
    return facts


_FIELDS: Final = {
    "stage": "Stage", "match": "Events", "over": "Out of the events", "measure": "Measured as", "source": "From stage",
    "target": "To stage", "from_channel": "From channel", "to_channel": "To channel", "channels": "Channels",
    "property": "Property", "score": "Score", "levels": "Levels", "window": "Counted for", "delay": "Counting begins after",
    "within": "A repeat comes within", "follow_up": "Followed up for", "cap": "Cut off", "quantile": "Quantile",
    "at_least": "At least", "bounds": "Bounds", "parts": "Put together from",
}  # fmt: skip


def list_steps(versions: Sequence[Document]) -> list[Step]:
    """Return what each version of a definition changed, the youngest first."""
    steps = []
    for place, document in enumerate(versions):
        before = versions[place - 1] if place else {}
        names = sorted((document.keys() | before.keys()) - _KNOWN_TO_ALL)
        changes = tuple(
            Change(wording.humanise(name), _say(before.get(name)), _say(document.get(name)))
            for name in names
            if place and before.get(name) != document.get(name)
        )
        version = int(document.get("version") or place + 1)
        steps.append(Step(version, say_time(document.get("created_at")), changes))
    return steps[::-1]


def _say(value: Any) -> str:
    """Say a value of a definition."""
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, Mapping):
        return _say_mapping(value)
    if isinstance(value, list | tuple):
        return ", ".join(_say(each) for each in value)
    return wording.span(value) if isinstance(value, str) else str(value)


def _say_mapping(value: Document) -> str:
    """Say a part of a definition: an event with where it has to happen, or anything else."""
    if "event" in value:
        channels = value.get("channel") or ()
        where = f" in {_say(channels)}" if channels else ""
        props = value.get("props") or {}
        which = f" with {_say_mapping(props)}" if props else ""
        return f"{value['event']}{where}{which}"
    if "metric" in value:
        return f"{value['weight']:g} × {value['metric']}"
    return ", ".join(
        f"{wording.humanise(str(name)).lower()} {_say(each)}"
        for name, each in value.items()
        if each not in (None, False)
    )
