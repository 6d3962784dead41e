"""Why a customer gets a variant, in a sentence and gate by gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from abplat.web import wording

BECAUSE: Final = {
    "pinned": "it was assigned or shown to them before, and a customer keeps what they got",
    "split": "chance put them there: the number computed from their name lies in the share of that variant",
    "override": "somebody wrote into the experiment that they get it",
    "holdout": "they belong to a holdout, which is kept out",
    "not_targeted": "they are not among those that the experiment is for",
    "not_in_layer": "their part of the layer belongs to another experiment",
    "not_included": "the experiment does not take in everybody yet, and not them",
    "prerequisite": "another experiment has to give them something first",
    "off": "the experiment serves nobody now",
    "shared": "the identity belongs to several people",
}
GATES: Final = {"passes": "passed", "decides": "decided", "not_reached": "not reached"}


class GateRow(NamedTuple):
    """One gate of a decision."""

    name: str
    outcome: str
    detail: str
    decides: bool


class Answer(NamedTuple):
    """Why a customer gets what they get in one experiment."""

    experiment: str
    sentence: str
    is_in: bool
    gates: tuple[GateRow, ...]
    since: str
    config_version: str


def say_why(explained: Mapping[str, Any]) -> Answer:
    """Put an explained decision into words.

    Examples:
        >>> explained = {"experiment": "form", "unit": "cust:7", "decided_by": "split", "config_version": "v", "gates": [],
        ...     "decision": {"variant": "new", "in_experiment": True, "reason": "split"}, "pins": {}}
        >>> say_why(explained).sentence
        'Gets new, because chance put them there: the number computed from their name lies in the share of that variant.'
    """
    decision, experiment = explained["decision"], str(explained["experiment"])
    reason = "shared" if explained["decided_by"] == "shared" else str(decision["reason"])
    because = BECAUSE.get(reason, reason.replace("_", " "))
    variant = decision["variant"] or "nothing"
    outside = "" if decision["in_experiment"] else ", outside the experiment"
    pin = explained["pins"].get(experiment)
    since = _say_pin(pin) if pin and reason == "pinned" else ""
    return Answer(
        experiment=experiment,
        sentence=f"Gets {variant}{outside}, because {because}.",
        is_in=bool(decision["in_experiment"]),
        gates=tuple(
            GateRow(
                _name(gate, experiment),
                GATES.get(gate["outcome"], gate["outcome"]),
                str(gate["detail"]),
                gate["outcome"] == "decides",
            )
            for gate in explained["gates"]
        ),
        since=since,
        config_version=str(explained["config_version"]),
    )


def _say_pin(pin: Mapping[str, Any]) -> str:
    """Say when and where a kept assignment came about."""
    at = pin["assigned_at"].strftime("%Y-%m-%d %H:%M")
    channel = f" in {wording.humanise(pin['channel'])}" if pin.get("channel") else ""
    origin = f", taken over from {pin['origin']}" if pin.get("origin") else ""
    return f"Assigned on {at} UTC{channel}{origin}."


def _name(gate: Mapping[str, Any], experiment: str) -> str:
    """Name a gate, and what it belongs to where that is not the experiment itself."""
    kind, name = str(gate["gate"]), str(gate["name"])
    if name.startswith(kind):
        return wording.humanise(name)
    return wording.humanise(kind if name in ("", f"experiment {experiment}") else f"{kind}: {name}")
