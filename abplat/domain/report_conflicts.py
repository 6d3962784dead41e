"""Section of the Report: every local KPI against the journey, and whether the total can be believed."""

from __future__ import annotations

from abplat.domain.report_base import Frozen


class ConflictScanRow(Frozen, frozen=True, kw_only=True):
    """One local KPI held against the goal of the journey; effects are oriented so that up is good."""

    variant: str
    kpi: str
    title: str
    kind: str
    """touchpoint, or stage: the reach of a stage before the last."""
    effect: float
    se: float
    p_value: float | None
    """Of "the KPI gained and the journey lost": intersection-union."""
    p_holm: float | None
    """The same, by Holm over every KPI of the journey."""
    state: str
    """journey_win, journey_harm, conflict, local_win_only or nothing_shown."""
    compatible_harm: float | None
    """Largest loss of the journey that its interval does not exclude."""
    sentence: str


class StratumRow(Frozen, frozen=True, kw_only=True):
    """The goal among customers who were alike in one way before the exposure."""

    stratum: str
    n_control: int
    n_treatment: int
    effect: float
    se: float


class StrataCheck(Frozen, frozen=True, kw_only=True):
    """Whether the strata say what the total says."""

    variant: str
    by: str
    """week of the first exposure, channel of it, persona, or segment and its key: what was known before."""
    rows: tuple[StratumRow, ...]
    total: float
    total_se: float
    adjusted: float
    """Mean of the strata by their size: free of a change of the shares."""
    adjusted_se: float
    is_reversed: bool
    """All strata one sign, the total the other (Simpson)."""
    gail_simon_p: float | None
    """Of effects that differ in sign between strata, more than chance; by Holm over personas and segments."""
    sentence: str


class ConflictSection(Frozen, frozen=True, kw_only=True):
    """The scan over all KPIs, and the strata."""

    scan: tuple[ConflictScanRow, ...] = ()
    strata: tuple[StrataCheck, ...] = ()
