"""Prerequisites: an experiment takes part only where another one gave one of named variants.

They must not go round, and are followed a bounded number of steps, so that a decision always ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from abplat_sdk.evaluator import Decision

MAX_CHAIN = 10
Decide = Callable[..., "Decision"]
"""Decides one experiment: takes unit, attributes, pin, channel and ``Others``."""
Others = Callable[[str], "Decision"]
"""Decides any experiment for one and the same call."""
_Meets = Callable[[str, Mapping[str, Any], "str | None", "Others | None"], bool]


@dataclass(frozen=True, slots=True)
class Prerequisite:
    """Another experiment, and the variants of it that a unit must be in."""

    experiment: str
    variants: tuple[str, ...]


class ChainFault(NamedTuple):
    """Why prerequisites cannot be followed: ``cycle`` with the way round, or ``too_long`` with its end."""

    code: str
    keys: tuple[str, ...]

    @property
    def message(self) -> str:
        """Say it in words."""
        if self.code == "cycle":
            return f"prerequisites go round: {' -> '.join(self.keys)}"
        return f"prerequisites of {self.keys[0]} are more than {MAX_CHAIN} steps long"


def find_chain_fault(needs: Mapping[str, Iterable[str]]) -> ChainFault | None:
    """Look for prerequisites that go round or on for too long.

    Args:
        needs: For each experiment the ones it needs; those that are not there themselves end a chain.

    Examples:
        >>> find_chain_fault({"a": ["b"], "b": ["c"], "c": []})
        >>> find_chain_fault({"a": ["b"], "b": ["a"]}).message
        'prerequisites go round: a -> b -> a'
    """
    left = {key: {other for other in others if other in needs} for key, others in needs.items()}
    for _ in range(MAX_CHAIN + 1):
        done = {key for key, others in left.items() if not others}
        left = {key: others - done for key, others in left.items() if others}
    if not left:
        return None
    path: list[str] = [min(left)]
    while following := left.get(path[-1]):
        key = min(following)
        if key in path:
            return ChainFault("cycle", (*path[path.index(key) :], key))
        path.append(key)
    return ChainFault("too_long", (path[0],))


def decide_each_once(
    compiled: Mapping[str, Decide],
    unit: object,
    attributes: Mapping[str, Any] | None,
    channel: str | None,
    pin_of: Callable[[str], str | None],
) -> Others:
    """Return a function that decides experiments for one call and remembers what it has decided."""
    made: dict[str, Decision] = {}

    def others(key: str) -> Decision:
        decided = made.get(key)
        if decided is None:
            decided = made[key] = compiled[key](unit, attributes, pin_of(key), channel, others)
        return decided

    return others


def _no_pin(_key: str) -> None:
    """Bind a unit to nothing."""


def compile_prerequisites(
    prerequisites: Iterable[Prerequisite], compiled: Mapping[str, Decide]
) -> _Meets | None:
    """Build the question whether other experiments gave what this one needs; None where it needs nothing."""
    needs = [(need.experiment, frozenset(need.variants)) for need in prerequisites]

    def meets(unit: str, attributes: Mapping[str, Any], channel: str | None, others: Others | None) -> bool:
        if others is None:
            others = decide_each_once(compiled, unit, attributes, channel, _no_pin)
        for key, variants in needs:
            if key not in compiled:
                return False
            made = others(key)
            if not made.in_experiment or made.variant not in variants:
                return False
        return True

    return meets if needs else None
