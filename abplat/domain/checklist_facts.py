"""What the checklist knows from data: who is joined with whom, what A/A tests found, and whether there is traffic."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

PASSED: Final = "passed"
FAILED: Final = "failed"
UNKNOWN: Final = "unknown"

JOINS_SINCE: Final = timedelta(days=28)
MOST_JOINS: Final = 1_000
"""Joins that are counted: whether there are more makes no difference."""
_FEW_IDENTIFIED: Final = 0.5
_FOUND_NOTHING: Final = frozenset({"inconclusive", "stop_no_effect", "local_win"})


class Joins(NamedTuple):
    """How well ids are joined with customers.

    Attributes:
        n_recent: Ids joined in the last four weeks, at most ``MOST_JOINS``.
        is_any: Whether one was ever joined.
        share: Customers of control that were identified, in the youngest report that says so.
        experiment: Of that report.
    """

    n_recent: int = 0
    is_any: bool = False
    share: float | None = None
    experiment: str = ""


class SameTest(NamedTuple):
    """The youngest A/A test on a type of unit: its key, the code of its verdict, and as of when."""

    experiment: str
    code: str
    as_of: str


class Finding(NamedTuple):
    """What an item of the checklist found."""

    state: str
    why: str
    fix: str = ""


def judge_joins(joins: Joins) -> Finding:
    """Tell whether the ids of channels come together.

    Examples:
        >>> judge_joins(Joins(n_recent=12, is_any=True)).why
        '12 ids were joined with a customer in the last 28 days.'
    """
    fix = "Send identify where a visitor becomes known (sign-in, order, call): else channels see strangers."
    said = ""
    if joins.share is not None:
        said = f" In experiment {joins.experiment} {joins.share:.0%} of the customers were identified."
        if joins.share < _FEW_IDENTIFIED:
            return Finding(FAILED, said.strip(), fix)
    if joins.n_recent:
        some = f"At least {joins.n_recent:,}" if joins.n_recent >= MOST_JOINS else f"{joins.n_recent:,}"
        verb = "id was" if joins.n_recent == 1 else "ids were"
        return Finding(PASSED, f"{some} {verb} joined with a customer in the last 28 days.{said}")
    if joins.is_any:
        return Finding(FAILED, f"No id was joined with a customer in the last 28 days.{said}", fix)
    why = "No id was ever joined with another: right only where every channel knows the customer by one id."
    return Finding(PASSED, said.strip()) if said else Finding(UNKNOWN, why, fix)


def judge_same_test(unit_type: str, found: SameTest | None) -> Finding:
    """Tell whether an A/A test on the same unit has passed.

    Examples:
        >>> judge_same_test("cust", SameTest("pipeline", "inconclusive", "2026-03-01")).why
        'A/A experiment pipeline found no difference on cust (as of 2026-03-01).'
    """
    if found is None:
        fix = "Run one of kind aa first: it finds faults of assignment and logging before they cost a result."
        return Finding(UNKNOWN, f"No A/A experiment on {unit_type} was analysed yet.", fix)
    where = f"A/A experiment {found.experiment}"
    if found.code in _FOUND_NOTHING:
        return Finding(PASSED, f"{where} found no difference on {unit_type} (as of {found.as_of[:10]}).")
    if found.code == "extend":
        return Finding(UNKNOWN, f"{where} on {unit_type} has not ended yet.", "Wait for its planned end.")
    why = f"{where} found a difference on {unit_type}, or could not be trusted (as of {found.as_of[:10]})."
    return Finding(FAILED, why, "Find the fault with its report before another experiment runs into it.")
