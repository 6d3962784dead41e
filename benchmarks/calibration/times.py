"""Time to event."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from abplat import stats

from .cases import Case, Rng, each, misses, misses_lift, rejects

AREAS = 1.5 * (1 - math.exp(-2 / 1.5)), 1.0 * (1 - math.exp(-2))
"""Restricted means up to 2 of exponential times with means 1.5 and 1."""


def draw_times(rng: Rng, scale: float, n: int = 150) -> stats.RiskTable:
    """Draw exponential times, censored evenly."""
    time, end = rng.exponential(scale, n), rng.uniform(0.5, 3.0, n)
    return stats.RiskTable.from_times(np.minimum(time, end), time <= end)


def draw_causes(rng: Rng, rate: float = 1.0, n: int = 200) -> stats.CauseTable:
    """Draw journeys that are completed, cancelled, or still open."""
    times = np.column_stack([rng.exponential(1 / rate, n), rng.exponential(2.0, n), rng.uniform(0.5, 3.0, n)])
    return stats.CauseTable.from_times(
        times.min(axis=1), np.array(["done", "cancelled", ""])[times.argmin(axis=1)]
    )


def share_done(rate: float, at: float) -> float:
    """Return the true share that is completed by a time."""
    return rate / (rate + 0.5) * (1 - math.exp(-(rate + 0.5) * at))


def draw_curve(rng: Rng) -> bool | None:
    """Draw a curve and ask for its share at the time 1."""
    found = stats.kaplan_meier(draw_times(rng, 1.5))
    if isinstance(found, stats.NotComputable):
        return None
    at = int(np.searchsorted(found.times, 1.0, side="right")) - 1
    return not found.ci_lower[at] <= math.exp(-1 / 1.5) <= found.ci_upper[at]


def draw_median(rng: Rng) -> bool | None:
    """Draw a curve and ask for its median."""
    found = stats.kaplan_meier(draw_times(rng, 1.0, 250))
    if isinstance(found, stats.NotComputable) or found.median is None:
        return None
    lower, upper = found.median_ci_lower, found.median_ci_upper
    truth = math.log(2)
    return (lower is not None and truth < lower) or (upper is not None and truth > upper)


def draw_incidence(rng: Rng) -> bool | None:
    """Draw journeys with two ends and ask for the share completed at the time 1."""
    found = stats.cumulative_incidence(draw_causes(rng), "done")
    if isinstance(found, stats.NotComputable):
        return None
    at = int(np.searchsorted(found.times, 1.0, side="right")) - 1
    return not found.ci_lower[at] <= share_done(1.0, 1.0) <= found.ci_upper[at]


def compare_means(rng: Rng) -> stats.Computed[stats.RestrictedMeanComparison]:
    """Draw two arms and compare their restricted means."""
    return stats.compare_restricted_means(draw_times(rng, 1.5), draw_times(rng, 1.0), 2.0, 0.05)


def list_times() -> Iterator[Case]:
    """Yield the cases on time to event."""
    for name, rho, gamma in (
        ("log-rank", 0.0, 0.0),
        ("early weights (Fleming-Harrington 1, 0)", 1.0, 0.0),
        ("late weights (0, 1)", 0.0, 1.0),
    ):
        yield Case(
            f"A/A, {name}, 150/150", 0.05, "about",
            each(lambda rng, r=rho, g=gamma: rejects(stats.log_rank(draw_times(rng, 1.0), draw_times(rng, 1.0), r, g))), 2.0,
        )  # fmt: skip
    yield Case(
        "A/A, stratified log-rank", 0.05, "about",
        each(lambda rng: rejects(stats.log_rank(*({"a": draw_times(rng, 1.0, 90), "b": draw_times(rng, 3.0, 90)} for _ in range(2))))), 4.0,
    )  # fmt: skip
    yield Case(
        "A/A, check of proportional hazards", 0.05, "about",
        each(lambda rng: rejects(stats.check_proportionality(draw_times(rng, 1.0), draw_times(rng, 1.0)))), 4.0,
    )  # fmt: skip
    yield Case(
        "hazard ratio of 1.5 (Cox, Efron)", 0.05, "about",
        each(lambda rng: misses(stats.fit_cox(draw_times(rng, 1.0), draw_times(rng, 1.5)), 1.5)), 6.0,
    )  # fmt: skip
    yield Case(
        "difference of restricted means, 150/150",
        0.05,
        "about",
        each(lambda rng: misses(compare_means(rng), AREAS[0] - AREAS[1])),
        2.0,
    )
    yield Case(
        "ratio of restricted means, 150/150",
        0.05,
        "about",
        each(lambda rng: misses_lift(compare_means(rng), AREAS[0] / AREAS[1] - 1)),
        2.0,
    )
    yield Case(
        "restricted mean on its relative margin", 0.05, "about",
        each(lambda rng: rejects(stats.check_restricted_mean_margin(compare_means(rng), AREAS[0] / AREAS[1] - 1))), 2.0,
    )  # fmt: skip
    yield Case("Kaplan-Meier at one time, 150 units", 0.05, "about", each(draw_curve), 2.0)
    yield Case("median of a curve, 250 units", 0.05, "about", each(draw_median), 2.0)
    yield Case(
        "share completed with competing ends (Aalen-Johansen), 200 units",
        0.05,
        "about",
        each(draw_incidence),
        2.0,
    )
    yield Case(
        "difference of shares with competing ends, 200/200", 0.05, "about",
        each(lambda rng: misses(stats.compare_incidence(draw_causes(rng, 1.5), draw_causes(rng), "done", 1.0), share_done(1.5, 1.0) - share_done(1.0, 1.0))), 4.0,
    )  # fmt: skip
