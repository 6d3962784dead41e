"""The life of an experiment: which states there are, and which step leads from one to another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from abplat.errors import ConflictError, IllegalTransitionError, Problem

DRAFT: Final = "draft"
CHECKED: Final = "checked"
RUNNING: Final = "running"
PAUSED: Final = "paused"
STOPPED: Final = "stopped"
CONCLUDED: Final = "concluded"
ARCHIVED: Final = "archived"
STATES: Final = (DRAFT, CHECKED, RUNNING, PAUSED, STOPPED, CONCLUDED, ARCHIVED)

UNSTARTED: Final = (DRAFT, CHECKED)
"""Nobody was assigned yet: everything may change."""
HOLDING: Final = (RUNNING, PAUSED)
"""The slot of the layer is taken."""
KILLABLE: Final = (RUNNING, PAUSED, CONCLUDED)
"""Something else than control may be served, now or later."""


class Step(NamedTuple):
    """One step of the life: where it may begin and where it leads."""

    sources: tuple[str, ...]
    target: str


STEPS: Final = {
    "check": Step((DRAFT, CHECKED), CHECKED),
    "start": Step((DRAFT, CHECKED), RUNNING),
    "pause": Step((RUNNING,), PAUSED),
    "resume": Step((PAUSED,), RUNNING),
    "stop": Step((RUNNING, PAUSED), STOPPED),
    "conclude": Step((STOPPED,), CONCLUDED),
    "archive": Step((DRAFT, CHECKED, STOPPED, CONCLUDED), ARCHIVED),
}

CHANGEABLE: Final = frozenset({"title", "owner"})
"""What may always change once customers have been assigned."""
UNCHECKED: Final = CHANGEABLE | {"schedule"}
"""What may change without making a checked experiment a draft again."""
ADDABLE_ROLES: Final = ("secondary", "touchpoint")
"""Roles of metrics that may join later: they explain, they never decide."""

_LOCKED = "only title, owner, the end of the schedule and further secondary metrics can"
_WAYS = {
    "variants": "to change weights, begin a new phase with a reason",
    "included": "to let more customers in, begin a new phase with a reason",
    "schedule": "once started, its end may move and its ramp be dropped, nothing else",
    "metrics": f"metrics may be added with role {' or '.join(ADDABLE_ROLES)}, none changed or removed",
}


def list_targets(state: str) -> tuple[str, ...]:
    """Return the states that can follow, in the order of a life.

    Examples:
        >>> list_targets("running")
        ('paused', 'stopped')
    """
    found = {step.target for step in STEPS.values() if state in step.sources} - {state}
    return tuple(each for each in STATES if each in found)


def require_transition(state: str, target: str) -> None:
    """Refuse a step that the life of an experiment does not have.

    Raises:
        IllegalTransitionError: Naming the states that can follow.

    Examples:
        >>> require_transition("draft", "running")
    """
    following = list_targets(state)
    if target not in following:
        choices = (
            f"it can only become {' or '.join(following)}" if following else "nothing follows that state"
        )
        raise IllegalTransitionError(f"the experiment is {state} and cannot become {target}; {choices}")


def require_state(state: str, allowed: Iterable[str], verb: str) -> None:
    """Refuse to do something to an experiment that is in no state for it.

    Raises:
        IllegalTransitionError: Naming the states in which it could be done.
    """
    if state not in allowed:
        message = f"the experiment is {state}; it can be {verb} only while {' or '.join(allowed)}"
        raise IllegalTransitionError(message)


def require_changeable(state: str, changed: Iterable[str] | Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse to change what customers were assigned by.

    A change of weights or metrics under way would make two experiments out of one, and the
    numbers of neither could be trusted.

    Args:
        state: Where the experiment is in its life.
        changed: Names of the fields, or the fields with their values before and after: a schedule
            may still end at another time, and metrics that do not decide may still be added.

    Raises:
        ConflictError: Naming every field that is frozen.
    """
    values = changed if isinstance(changed, Mapping) else {}
    frozen = sorted(name for name in set(changed) - CHANGEABLE if not _is_harmless(name, values.get(name)))
    if state in UNSTARTED or not frozen:
        return
    ways = "".join(f"; {_WAYS[name]}" for name in frozen if name in _WAYS)
    message = f"the experiment is {state}, so {', '.join(frozen)} cannot change any more; {_LOCKED}{ways}"
    raise ConflictError(
        message,
        problems=[Problem(name, _WAYS.get(name, "is frozen since the start"), "frozen") for name in frozen],
    )


def added_uses(
    before: Iterable[Mapping[str, Any]], after: Iterable[Mapping[str, Any]]
) -> list[Mapping[str, Any]]:
    """Return the uses of metrics that were not there before."""
    held = list(before)
    return [use for use in after if use not in held]


def _is_harmless(name: str, values: tuple[Any, Any] | None) -> bool:
    """Tell whether a change of this field leaves alone what customers were assigned and judged by."""
    if values is None or name not in ("schedule", "metrics"):
        return False
    before, after = values
    if name == "metrics":
        added = added_uses(before, after)
        return len(after) == len(before) + len(added) and all(use["role"] in ADDABLE_ROLES for use in added)
    old, new = ({"start_at": None, "ramp": [], **(each or {})} for each in (before, after))
    return (new["start_at"] == old["start_at"] or after is None) and new["ramp"] in (old["ramp"], [])
