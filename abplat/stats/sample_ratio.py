"""Whether units reached the variants in the planned proportions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SampleRatioCheck:
    """The chi-square test of the counts against the plan.

    Attributes:
        statistic: Chi-square.
        df: Variants with a positive weight, less one.
        p_value: Below 0.001 the experiment is not to be trusted.
        log10_p: Decimal logarithm of the p-value.
        expected: The counts the plan would have given, per variant.
        alarm: Whether the p-value is below 0.001.
    """

    statistic: float
    df: int
    p_value: float
    log10_p: float
    expected: Mapping[str, float]
    alarm: bool


@dataclass(frozen=True, slots=True)
class SequentialSampleRatioCheck:
    """The evidence against the planned split, valid at every look.

    Attributes:
        e_value: Bayes factor after the last increment, capped at the largest float.
        log10_e: Its decimal logarithm.
        path: log10 of the e-value after each increment.
        p_value: Smallest 1 / e seen so far, at most 1: valid however often one looks.
        alarm: Whether e ever passed 1000.
        alarm_at: Index of the increment at which it did, or None.
    """

    e_value: float
    log10_e: float
    path: tuple[float, ...]
    p_value: float
    alarm: bool
    alarm_at: int | None


def check_sample_ratio(counts: Mapping[str, int], weights: Mapping[str, float]) -> SampleRatioCheck:
    """Test whether units reached the variants in the planned proportions."""
    raise NotImplementedError


def check_sample_ratio_sequentially(
    increments: Sequence[Mapping[str, int]], weights: Mapping[str, float]
) -> SequentialSampleRatioCheck:
    """Test the planned split at every look without paying for looking."""
    raise NotImplementedError
