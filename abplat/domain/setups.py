"""The set-up of an experiment in steps: what each step answers, and what is still open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from abplat.domain.experiments import parse_experiment
from abplat.errors import InvalidInputError, Problem

Document = dict[str, Any]

QUESTION: Final = "question"
JOURNEY: Final = "journey"
DECIDES: Final = "decides"
WHO: Final = "who"
VARIANTS: Final = "variants"
CHECK: Final = "check"
FIELDS: Final = {
    QUESTION: ("key", "title", "owner", "hypothesis", "kind"),
    JOURNEY: ("journey",),
    DECIDES: ("metrics", "horizon", "alpha", "min_effect", "decision_rule", "goal_margin"),
    WHO: ("unit_type", "included", "layer", "slot", "holdouts", "targeting", "decide_after"),
    VARIANTS: ("variants",),
    CHECK: ("schedule",),
}
"""The fields of an experiment that each step answers, in the order of the steps."""
STEPS: Final = tuple(FIELDS)
REQUIRED: Final = {QUESTION: "key", JOURNEY: "journey", DECIDES: "metrics"}
"""What an experiment cannot be made without; everything else has a default."""
TWO_ARMS: Final = (
    {"key": "control", "title": "Control", "weight": 5_000},
    {"key": "treatment", "title": "Treatment", "weight": 5_000},
)
PARTS: Final = ("change", "people", "outcome", "because")
"""The parts of the question: we believe that CHANGE for PEOPLE will OUTCOME because BECAUSE."""

_TURNS: Final = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Marks that turn the direction of writing: one in a part would turn the rest of the sentence."""
_STAND_IN: Final = {
    "key": "x",
    "title": "x",
    "owner": "x",
    "journey": "x",
    "horizon": "7d",
    "metrics": [{"metric": "x", "role": "primary"}],
    "variants": list(TWO_ARMS),
}


def write_hypothesis(parts: Mapping[str, str]) -> str:
    """Say the question as one sentence; what is not answered yet is left open.

    Examples:
        >>> write_hypothesis({"change": "a shorter form", "people": "new customers",
        ...                   "outcome": "bring more orders", "because": "it asks less"})
        'We believe a shorter form for new customers will bring more orders because it asks less.'
    """
    said = {name: (parts.get(name) or "").translate(_TURNS).strip().rstrip(".") or "…" for name in PARTS}
    return "We believe {change} for {people} will {outcome} because {because}.".format(**said)


def list_open(document: Mapping[str, Any]) -> list[str]:
    """Return the steps that must still be answered before there is an experiment.

    Examples:
        >>> list_open({"key": "form", "journey": "buy"})
        ['decides']
    """
    return [step for step, field in REQUIRED.items() if not document.get(field)]


def list_problems(document: Mapping[str, Any], step: str) -> list[Problem]:
    """Return the faults of what one step answers; what other steps will answer is taken for good."""
    try:
        parse_experiment(fill(document))
    except InvalidInputError as error:
        return [problem for problem in error.problems if is_of(step, problem)]
    return []


def is_of(step: str, problem: Problem) -> bool:
    """Tell whether a fault is one of a step."""
    return problem.path.partition("[")[0].partition(".")[0] in FIELDS[step]


def fill(document: Mapping[str, Any]) -> Document:
    """Return an experiment in which what is not answered yet stands for something harmless."""
    return {**_STAND_IN, **{name: value for name, value in document.items() if value is not None}}


def pick(document: Mapping[str, Any], step: str) -> Document:
    """Return what a step has answered."""
    return {name: document[name] for name in FIELDS[step] if document.get(name) is not None}
