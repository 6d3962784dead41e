"""The verdict: one exhaustive table from evidence to a decision in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from abplat.stats.conflict import TouchpointConflict
from abplat.stats.margins import MarginTest
from abplat.stats.result import Computed

VerdictCode = Literal[
    "not_trusted",
    "rollback",
    "conflict",
    "ship",
    "ship_neutral",
    "local_win",
    "extend",
    "stop_no_effect",
    "inconclusive",
]


class EffectLike(Protocol):
    """What a verdict needs of an effect: ``Comparison`` and ``RestrictedMeanComparison`` both fit."""

    @property
    def effect(self) -> float: ...
    @property
    def se(self) -> float: ...
    @property
    def ci_lower(self) -> float: ...
    @property
    def ci_upper(self) -> float: ...
    @property
    def p_value(self) -> float: ...
    @property
    def rel_effect(self) -> float | None: ...
    @property
    def rel_ci_lower(self) -> float | None: ...
    @property
    def rel_ci_upper(self) -> float | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The primary metric: ``direction`` says which way is good, ``unit`` how an absolute effect is read."""

    title: str
    effect: Computed[EffectLike]
    direction: Literal["up", "down"] = "up"
    unit: str = "value"
    """share, count, seconds or value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse by more than its margin."""

    title: str
    effect: Computed[EffectLike]
    margin_test: Computed[MarginTest]
    direction: Literal["up", "down"] = "up"
    unit: str = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictPlan:
    """What was fixed before the start.

    Attributes:
        alpha: Error rate of the goal.
        min_effect: Smallest relative effect of the goal worth acting on, positive; None if not set.
        goal_margin: Relative margin by which the goal may be worse for a cheap change; None if not.
    """

    alpha: float = 0.05
    min_effect: float | None = None
    goal_margin: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict on one variant.

    Attributes:
        code: Row of the verdict table.
        word: Better, Worse, Inconclusive, Too early or Not trusted.
        sentence: What to do.
        why: Why, with three numbers.
        rule: The rule that fired.
        reasons: Every fact that spoke for or against, one sentence each.
        may_ship: Whether shipping is allowed.
    """

    code: VerdictCode
    word: str
    sentence: str
    why: str
    rule: str
    reasons: tuple[str, ...]
    may_ship: bool


def decide_verdict(
    goal: Goal,
    guardrails: Sequence[Guardrail] = (),
    conflicts: Sequence[TouchpointConflict] = (),
    *,
    failed_checks: Sequence[str] = (),
    is_final: bool,
    n_needed: int | None = None,
    plan: VerdictPlan | None = None,
) -> Decision:
    """Turn evidence into a decision.

    Args:
        goal: The primary metric's effect.
        guardrails: Metrics that must be shown not worse than their margin.
        conflicts: Result of ``find_conflicts``.
        failed_checks: Sentences of failed health checks (sample ratio, pipeline); any one blocks.
        is_final: Whether the planned end is reached: before it there is no verdict but a harm.
        n_needed: Units still missing per arm to the planned power, where known.
        plan: What was fixed before the start.
    """
    raise NotImplementedError


def judge_effect(effect: Computed[EffectLike], direction: str, *, is_final: bool, is_trusted: bool) -> str:
    """Name a single effect: better, worse, inconclusive, too_early, not_trusted or not_computable."""
    raise NotImplementedError
