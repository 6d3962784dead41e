"""Section of the Report: other ways to estimate the same effects, for those who check the numbers."""

from __future__ import annotations

from abplat.domain.report_base import Contrast, Frozen

NOTE = (
    "The same effects estimated otherwise. One of them is used and was fixed before the start; the others "
    "show what capping, the covariate and strata have done to it. They never decide."
)


class Estimate(Contrast, frozen=True, kw_only=True):
    """One effect, estimated in one way; in the unit of the metric."""

    metric: str
    kind: str
    """raw, capped, adjusted or stratified."""
    is_used: bool
    """Whether the metric table shows this one."""
    se: float | None = None
    rel_effect: float | None = None
    strata: str | None = None
    """By what the customers were divided: week or channel of the first exposure."""
    share_of_variance: float | None = None
    """Squared standard error over that of the raw estimate: below 1 is sharper."""


class EstimatesSection(Frozen, frozen=True, kw_only=True):
    """All of them, metric by metric."""

    note: str = NOTE
    estimates: tuple[Estimate, ...] = ()
