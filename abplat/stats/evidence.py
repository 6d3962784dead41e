"""The evidence on one variant, and the decision that comes of it: the shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from abplat.errors import InvalidInputError
from abplat.stats.conflict import TouchpointConflict
from abplat.stats.margins import MarginTest
from abplat.stats.result import Computed, NotComputable
from abplat.stats.wording import EffectLike

EARLY_P = 0.001
"""Before the planned end a harm counts only below this p-value (Haybittle 1971, Peto et al. 1976)."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """The primary metric: ``direction`` says which way is good, ``unit`` how an absolute effect is read.

    Attributes:
        title: What the metric is called in sentences.
        effect: Its comparison, or why there is none.
        direction: Which way is good.
        unit: Unit in which a change is said.
    """

    title: str
    effect: Computed[EffectLike]
    direction: Literal["up", "down"] = "up"
    unit: str = "value"
    """share, count, seconds or value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """A metric that must not get worse by more than its margin.

    Attributes:
        title: What the metric is called in sentences.
        effect: Its comparison, or why there is none.
        margin_test: Its test against the margin, or why there is none.
        direction: Which way is good.
        unit: Unit in which a change is said.
    """

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
        accepts_no_harm: Whether a change may ship where no harm is shown at the planned power.
    """

    alpha: float = 0.05
    min_effect: float | None = None
    goal_margin: float | None = None
    accepts_no_harm: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {self.alpha!r}")
        for name in ("min_effect", "goal_margin"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InvalidInputError.at(name, f"must be positive, got {value!r}")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All evidence on one variant, with the questions that the verdict table asks of it.

    Attributes:
        goal: The primary metric's effect.
        guardrails: Metrics that must be shown not worse than their margin.
        conflicts: Touchpoints held against the journey.
        failed_checks: Sentences of failed health checks.
        is_final: Whether the planned end is reached.
        n_needed: Units still missing per arm; 0 where none or unknown.
        plan: What was fixed before the start.
        touchpoints: Titles and effects of touchpoints by key, for the sentences.
    """

    goal: Goal
    guardrails: tuple[Guardrail, ...] = ()
    conflicts: tuple[TouchpointConflict, ...] = ()
    failed_checks: tuple[str, ...] = ()
    is_final: bool = True
    n_needed: int = 0
    plan: VerdictPlan = field(default_factory=VerdictPlan)
    touchpoints: Mapping[str, Goal] = field(default_factory=dict)

    @property
    def side(self) -> int:
        """1 where the goal is shown better, -1 where worse, else 0; before the end only a clear harm."""
        effect = self.goal.effect
        if isinstance(effect, NotComputable):
            return 0
        side = find_side(effect, self.goal.direction, self.plan.alpha)
        is_early_harm = side < 0 and effect.p_value < EARLY_P
        return side if self.is_final or is_early_harm else 0

    @property
    def breached(self) -> tuple[Guardrail, ...]:
        """Guardrails shown worse than their margin; before the end only where it is clear."""
        return tuple(g for g in self.guardrails if self._is_breached(g.margin_test))

    def _is_breached(self, test: Computed[MarginTest]) -> bool:
        """Tell whether a guardrail is shown worse than its margin."""
        if isinstance(test, NotComputable):
            return False
        return test.is_breached and (self.is_final or test.p_breach < EARLY_P)

    @property
    def unproven(self) -> tuple[Guardrail, ...]:
        """Guardrails not shown to be inside their margin."""
        return tuple(
            g
            for g in self.guardrails
            if isinstance(g.margin_test, NotComputable) or not g.margin_test.is_shown
        )

    @property
    def contradicted(self) -> tuple[TouchpointConflict, ...]:
        """Touchpoints that won while the journey lost; before the end only where it is clear."""
        return tuple(c for c in self.conflicts if c.is_conflict and (self.is_final or c.p_holm < EARLY_P))

    @property
    def local_wins(self) -> tuple[TouchpointConflict, ...]:
        """Touchpoints that won while nothing is shown for the journey."""
        return tuple(c for c in self.conflicts if c.state == "local_win_only")

    @property
    def is_goal_not_inferior(self) -> bool:
        """Whether the goal is shown not worse than the plan's margin for a cheap change."""
        margin, ends = self.plan.goal_margin, self._relative_ends()
        return margin is not None and ends is not None and ends[0] > -margin

    @property
    def is_unharmed(self) -> bool:
        """Whether the plan takes a goal that is not shown worse at the planned power for good enough."""
        return self.plan.accepts_no_harm and self.n_needed == 0 and self.side == 0

    @property
    def is_negligible(self) -> bool:
        """Whether the goal's interval lies inside the smallest effect worth acting on."""
        size, ends = self.plan.min_effect, self._relative_ends()
        return size is not None and ends is not None and -size < ends[0] and ends[1] < size

    def _relative_ends(self) -> tuple[float, float] | None:
        """Return the goal's relative interval, turned so that up is good."""
        effect = self.goal.effect
        if isinstance(effect, NotComputable) or effect.rel_ci_lower is None or effect.rel_ci_upper is None:
            return None
        if self.goal.direction == "up":
            return effect.rel_ci_lower, effect.rel_ci_upper
        return -effect.rel_ci_upper, -effect.rel_ci_lower

    def name(self, conflict: TouchpointConflict) -> str:
        """Return the title of a touchpoint."""
        known = self.touchpoints.get(conflict.key)
        return known.title if known else conflict.key


def find_side(effect: EffectLike, direction: str, alpha: float | None = None) -> int:
    """Tell on which side an effect is shown: 1 better, -1 worse, 0 neither.

    Both the interval and the p-value must agree, so that no test is read twice.

    Args:
        effect: The effect.
        direction: ``up`` or ``down``: which way is good.
        alpha: Error rate for the p-value; left out, the interval decides alone.

    Returns:
        1, 0 or -1.

    Raises:
        InvalidInputError: If the direction is unknown.
    """
    if direction not in ("up", "down"):
        raise InvalidInputError.at("direction", f"must be up or down, got {direction!r}")
    if alpha is not None and effect.p_value >= alpha:
        return 0
    side = 1 if effect.ci_lower > 0 else -1 if effect.ci_upper < 0 else 0
    return side if direction == "up" else -side
