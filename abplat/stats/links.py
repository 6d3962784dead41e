"""Where on the journey the difference arose: links of the chain, mix and rate, subgroups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from abplat.stats.result import Computed

CAPTION = "Accounting of the total effect, not the effect of changing this link alone."


@dataclass(frozen=True, slots=True)
class Link:
    """One link of the chain, between two consecutive required stages.

    Attributes:
        control_rate: Share of those at its start who cross it, in control; None with nobody there.
        treatment_rate: The same in treatment.
        log_ratio: Natural logarithm of treatment rate over control rate; None with a zero count.
        se: Standard error of ``log_ratio``.
        ci_lower: Interval of ``log_ratio``.
        ci_upper: Interval of ``log_ratio``.
        points: Its contribution to the difference (Shapley up to 12 links, else log-mean).
        points_se: Standard error of ``points``.
        points_ci_lower: Interval of ``points``.
        points_ci_upper: Interval of ``points``.
        points_shapley: Shapley contribution; None with more than 12 links.
        points_lmdi: Log-mean contribution; None with a zero count.
        reason: Why something above is None, a code.
    """

    control_rate: float | None
    treatment_rate: float | None
    log_ratio: float | None
    se: float | None
    ci_lower: float | None
    ci_upper: float | None
    points: float | None
    points_se: float | None
    points_ci_lower: float | None
    points_ci_upper: float | None
    points_shapley: float | None
    points_lmdi: float | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LinkDecomposition:
    """The total effect on completion, accounted for link by link."""

    control_rate: float
    treatment_rate: float
    difference: float
    se: float | None
    ci_lower: float | None
    ci_upper: float | None
    p_value: float | None
    log_ratio: float | None
    log_ratio_se: float | None
    links: tuple[Link, ...]
    method: str
    """``shapley`` or ``log_mean``: how ``points`` were shared out."""
    alpha: float
    caption: str = CAPTION
    reason: str | None = None
    """Why the logarithms or the interval are missing, a code."""


@dataclass(frozen=True, slots=True)
class ChannelPart:
    """What one channel adds to the mix and the rate part."""

    mix: float
    rate: float
    control_share: float
    treatment_share: float
    control_rate: float
    treatment_rate: float


@dataclass(frozen=True, slots=True)
class MixAndRate:
    """The difference in completion, split into who came through which channel and how well each did."""

    control_rate: float
    treatment_rate: float
    difference: float
    mix: float
    mix_se: float
    mix_ci_lower: float
    mix_ci_upper: float
    rate: float
    rate_se: float
    rate_ci_lower: float
    rate_ci_upper: float
    mix_p_value: float
    """Chi-square test of equal shares: a sample-ratio check where channels were chosen before exposure."""
    by_channel: Mapping[str, ChannelPart]
    alpha: float


@dataclass(frozen=True, slots=True)
class GailSimon:
    """Test of a qualitative interaction: effects of different sign in different subgroups."""

    statistic: float
    p_value: float
    q_plus: float
    q_minus: float
    n_subgroups: int


def decompose_links(
    control_counts: Sequence[int], treatment_counts: Sequence[int], alpha: float = 0.05
) -> Computed[LinkDecomposition]:
    """Account for the difference in completion link by link.

    Args:
        control_counts: Exposed, then customers reaching each required stage: never increasing.
        treatment_counts: The same for treatment.
        alpha: Error rate of the intervals.
    """
    raise NotImplementedError


def decompose_mix_and_rate(
    control: Mapping[str, tuple[int, int]], treatment: Mapping[str, tuple[int, int]], alpha: float = 0.05
) -> Computed[MixAndRate]:
    """Split a difference in completion into mix of channels and rates within them.

    Args:
        control: Per channel: starters, and completions among them.
        treatment: The same for treatment, same channels.
        alpha: Error rate of the intervals.
    """
    raise NotImplementedError


def gail_simon(effects: Sequence[float], ses: Sequence[float]) -> Computed[GailSimon]:
    """Test whether the effect has different signs in different subgroups."""
    raise NotImplementedError
