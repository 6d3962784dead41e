"""The record of the looks of one metric: what was seen, what was spent, what was decided.

A ledger is frozen and only ever grows: a look is added by making a new one. Alpha once spent stays
spent, whatever happens later to the estimate of the information, and the bound used at a look stays
the bound of that look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from abplat.errors import InvalidInputError
from abplat.stats.inputs import require_finite, require_positive
from abplat.stats.result import Computed, NotComputable
from abplat.stats.sequential.after_stop import StagewiseResult, StoppedTest, infer_after_stop
from abplat.stats.sequential.group_sequential import GroupSequentialPlan, next_bound
from abplat.stats.sequential.recursion import Z_CAP, counted_looks
from abplat.stats.sequential.spending import Spending, spend

Outcome = Literal["go_on", "better", "worse", "ended"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look, as it was made.

    Attributes:
        effect: Estimate, in the unit of the metric.
        se: Its standard error.
        bound: What |Z| (one-sided: Z) was held against.
        alpha_spent: Error spent up to and with this look, both sides.
        outcome: ``better`` or ``worse`` at a crossing, ``ended`` at the last look without one,
            ``go_on`` otherwise.
    """

    effect: float
    se: float
    bound: float
    alpha_spent: float
    outcome: Outcome

    @property
    def information(self) -> float:
        """SE^-2."""
        return self.se**-2

    @property
    def z(self) -> float:
        """Effect over standard error."""
        return self.effect / self.se


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """All looks at one metric of one experiment under one plan.

    Attributes:
        plan: The test, fixed before the start.
        planned_information: SE^-2 planned for the end.
        looks: The looks in order.

    Examples:
        >>> ledger = open_ledger(GroupSequentialPlan(), planned_se=0.1)
        >>> ledger = ledger.record(effect=0.2, se=0.2)
        >>> ledger = ledger.record(effect=0.4, se=0.1)
        >>> [(round(look.bound, 2), look.outcome) for look in ledger.looks]
        [(4.33, 'go_on'), (1.96, 'better')]
    """

    plan: GroupSequentialPlan
    planned_information: float
    looks: tuple[Look, ...] = ()

    @property
    def alpha_spent(self) -> float:
        """Error spent so far, both sides."""
        return self.looks[-1].alpha_spent if self.looks else 0.0

    @property
    def is_over(self) -> bool:
        """Whether a look ended the test."""
        return any(look.outcome != "go_on" for look in self.looks)

    def fraction(self, information: float) -> float:
        """Return information over the planned information."""
        return information / self.planned_information

    def record(self, effect: float, se: float, *, final: bool = False) -> Ledger:
        """Return the ledger with one more look.

        The look may spend what the spending function allows at its information, less what was
        spent before. If information has not grown since the last look that counted, it spends
        nothing and is held against 8. At full information (or ``final``) all of alpha is spent and
        the test ends.

        Args:
            effect: Estimate, in the unit of the metric.
            se: Its standard error.
            final: No look will follow, even if the planned information was not reached.

        Raises:
            InvalidInputError: If the test has ended already, or a number is bad.
        """
        if self.is_over:
            raise InvalidInputError.at("looks", "the test has ended: a further look could only mislead")
        require_finite("effect", effect)
        information = require_positive("se", se) ** -2
        spent, bound = self._spend(information, final=final)
        is_last = final or self.fraction(information) >= 1
        look = Look(effect=effect, se=se, bound=bound, alpha_spent=spent, outcome="go_on")
        look = replace(look, outcome=self._judge(look, is_last=is_last))
        return replace(self, looks=(*self.looks, look))

    def _spend(self, information: float, *, final: bool) -> tuple[float, float]:
        """Return the error spent with a new look, and its bound."""
        seen = (*(look.information for look in self.looks), information)
        counted = counted_looks(seen)
        if counted[-1] != len(seen) - 1:
            return self.alpha_spent, Z_CAP
        plan = self.plan
        allowed = float(spend(plan.spending, 1.0 if final else self.fraction(information), plan.side_alpha))
        spent = max(allowed * plan.sides, self.alpha_spent)
        target = (spent - self.alpha_spent) / plan.sides
        pairs = self._pairs()
        earlier = [pairs[index] for index in counted[:-1]]
        return spent, next_bound([seen[index] for index in counted], earlier, target)

    def _pairs(self) -> tuple[tuple[float, float], ...]:
        """Return the lower and upper bound used at each look."""
        is_two_sided = self.plan.sides == 2
        return tuple((-look.bound if is_two_sided else -Z_CAP, look.bound) for look in self.looks)

    def _judge(self, look: Look, *, is_last: bool) -> Outcome:
        """Return what a look says."""
        if look.z >= look.bound:
            return "better"
        if self.plan.sides == 2 and look.z <= -look.bound:
            return "worse"
        return "ended" if is_last else "go_on"

    def infer(self) -> Computed[StagewiseResult]:
        """Return p-value, interval and estimate that allow for the looks, once the test is over.

        Returns:
            The result, or NotComputable: ``not_ended`` while the test goes on,
            ``information_not_grown`` if the last look added nothing.
        """
        if not self.is_over:
            return NotComputable("not_ended")
        last = self.looks[-1]
        test = StoppedTest(
            information=tuple(look.information for look in self.looks),
            earlier=self._pairs()[:-1],
            effect=last.effect,
            alpha=self.plan.alpha,
            sides=self.plan.sides,
        )
        return infer_after_stop(test)

    def to_document(self) -> dict[str, Any]:
        """Return the ledger as plain values for JSON; :func:`read_ledger` reads it back."""
        return asdict(self)


def open_ledger(plan: GroupSequentialPlan, planned_se: float) -> Ledger:
    """Return the empty ledger of a test.

    Args:
        plan: The test; fixed from here on.
        planned_se: Standard error expected at the planned end, in the unit of the metric.

    Returns:
        A ledger without looks, with planned information SE^-2.

    Raises:
        InvalidInputError: If the standard error is not above 0.

    References:
        Information time: Lan and DeMets (1983); Jennison and Turnbull (2000), chapter 7.

    Examples:
        >>> open_ledger(GroupSequentialPlan(), planned_se=0.5).planned_information
        4.0
    """
    return Ledger(plan=plan, planned_information=require_positive("planned_se", planned_se) ** -2)


def read_ledger(document: Mapping[str, Any]) -> Ledger:
    """Return the ledger that :meth:`Ledger.to_document` wrote, with its looks exactly as they were.

    Args:
        document: Plain values, as read from JSON.

    Returns:
        The ledger.

    Raises:
        InvalidInputError: If a part is missing, unknown or bad.

    References:
        Lan, DeMets (1983), Biometrika 70: alpha spent at a look stays spent, so looks are kept.

    Examples:
        >>> ledger = open_ledger(GroupSequentialPlan(), planned_se=0.5)
        >>> read_ledger(ledger.to_document()) == ledger
        True
    """
    try:
        plan = dict(document["plan"])
        for name in ("spending", "futility_spending"):
            plan[name] = Spending(**plan[name])
        looks = tuple(Look(**look) for look in document["looks"])
        planned = require_positive("planned_information", document["planned_information"])
        return Ledger(plan=GroupSequentialPlan(**plan), planned_information=planned, looks=looks)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError.at("ledger", f"is not a ledger that was written: {error}") from error
