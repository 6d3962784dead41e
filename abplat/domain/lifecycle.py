"""The life of an experiment: draft, running, stopped."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from abplat.errors import ConflictError, IllegalTransitionError, Problem

DRAFT: Final = "draft"
RUNNING: Final = "running"
STOPPED: Final = "stopped"
STATES: Final = (DRAFT, RUNNING, STOPPED)

CHANGEABLE: Final = frozenset({"title", "owner"})
"""What may change once customers have been assigned."""

_NEXT = {DRAFT: (RUNNING,), RUNNING: (STOPPED,), STOPPED: ()}


def require_transition(state: str, target: str) -> None:
    """Refuse a step that the life of an experiment does not have.

    Raises:
        IllegalTransitionError: Naming the states that can follow.

    Examples:
        >>> require_transition("draft", "running")
    """
    following = _NEXT[state]
    if target not in following:
        choices = (
            f"it can only become {' or '.join(following)}" if following else "nothing follows that state"
        )
        raise IllegalTransitionError(f"the experiment is {state} and cannot become {target}; {choices}")


def require_changeable(state: str, changed: Iterable[str]) -> None:
    """Refuse to change what customers were assigned by.

    A change of weights or metrics under way would make two experiments out of one, and the
    numbers of neither could be trusted.

    Raises:
        ConflictError: Naming every field that is frozen.
    """
    frozen = sorted(set(changed) - CHANGEABLE)
    if state == DRAFT or not frozen:
        return
    message = (
        f"the experiment is {state}, so {', '.join(frozen)} cannot change any more; "
        "only title and owner can; stop it and create a new experiment instead"
    )
    raise ConflictError(
        message, problems=[Problem(name, "is frozen since the start", "frozen") for name in frozen]
    )
