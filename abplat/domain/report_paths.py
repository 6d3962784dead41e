"""The part of a Report on paths: which ways customers took, and how these differ from the planned one."""

from __future__ import annotations

from abplat.domain.report_base import Contrast, Frozen


class PathRow(Contrast, frozen=True, kw_only=True):
    """One path: how many customers of each arm took it on their first journey."""

    path: tuple[str, ...]
    """Channels without consecutive repeats; of more than eight the first eight and ``more``."""
    ending: str
    """completed, abandoned, aborted, superseded, open, none (no journey) or any (all other paths)."""
    n_control: int
    n_treatment: int
    share_control: float | None
    share_treatment: float | None
    is_other: bool = False
    """All paths that are not listed, taken together."""
    p_adjusted: float | None = None
    """Benjamini-Hochberg over the listed paths of the variant."""


class PathTest(Frozen, frozen=True, kw_only=True):
    """Whether the arms walk different paths: a permutation test over all of them."""

    variant: str
    statistic: float | None
    p_value: float | None
    n_draws: int
    n_paths: int
    """Paths compared, after rare ones were put together."""
    n_pooled: int
    reason: str | None = None


class Transition(Contrast, frozen=True, kw_only=True):
    """A move between two channels, or to an ending: customers who made it on their first journey."""

    source: str
    target: str
    n_control: int
    n_treatment: int
    p_adjusted: float | None = None


class Flow(Frozen, frozen=True, kw_only=True):
    """A band of the Sankey diagram: journeys of one arm from one node to the next."""

    variant: str
    step: int
    """0 for the first channel of the journey to the second."""
    source: str
    target: str
    """A channel, ``other``, ``more``, or an ending such as ``(completed)``."""
    n: int


class Deviation(Contrast, frozen=True, kw_only=True):
    """One class of difference between planned and actual journeys (CJML).

    The counts are over the journeys of an arm; the contrast is in the share of its customers with
    at least one such journey.
    """

    kind: str
    """ad_hoc, out_of_sequence, failed or missing."""
    n_journeys_control: int
    n_journeys_treatment: int
    n_with_control: int
    """Journeys with at least one."""
    n_with_treatment: int
    n_touchpoints_control: int
    """Touchpoints (missing: required stages) of that class."""
    n_touchpoints_treatment: int
    p_adjusted: float | None = None


class Rework(Contrast, frozen=True, kw_only=True):
    """A stage done again: customers with at least one touchpoint beyond the one that reached it."""

    stage: str
    n_touchpoints_control: int
    n_touchpoints_treatment: int
    p_adjusted: float | None = None


class PathsSection(Frozen, frozen=True, kw_only=True):
    """Everything about paths."""

    tests: tuple[PathTest, ...] = ()
    paths: tuple[PathRow, ...] = ()
    transitions: tuple[Transition, ...] = ()
    flows: tuple[Flow, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    rework: tuple[Rework, ...] = ()
