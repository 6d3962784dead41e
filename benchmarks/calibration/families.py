"""Several effects at once, picked effects, and beliefs."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from abplat import stats

from .cases import Case, Rng, each

SHARED = stats.SharedControl((0.5**0.5,) * 3)
STEPS = stats.SharedControl((0.5**0.5,) * 3, sides=1)


def draw_family(rng: Rng, method: str) -> bool:
    """Draw six goals without an effect that lean on each other, and ask for any finding."""
    z = rng.normal(0, 1, 6) + rng.normal(0, 1)
    return min(stats.adjust_p_values([math.erfc(abs(v) / 2.0) for v in z.tolist()], method)) < 0.05  # type: ignore[arg-type]


def draw_treatments(rng: Rng, effects: tuple[float, float, float] = (0.0, 0.0, 0.0)) -> np.ndarray:
    """Draw the scores of three treatments with one control."""
    return (rng.normal(0, 1, 3) - rng.normal()) / 2**0.5 + np.asarray(effects)


def draw_picked(rng: Rng, n: int) -> Iterator[bool | None]:
    """Draw 40 effects, pick by Benjamini-Hochberg, and ask each picked interval."""
    while n > 0:
        truth = rng.normal(0, 2, 40) * (rng.random(40) < 0.5)
        effects = rng.normal(truth, 1.0)
        picked = stats.select_bh((2 * ndtr(-np.abs(effects))).tolist())
        for row in stats.fcr_intervals(effects.tolist(), [1.0] * 40, picked):
            yield not row.ci_lower <= truth[row.index] <= row.ci_upper
            n -= 1


def draw_bounds(rng: Rng) -> bool:
    """Draw three effects of which one is there; any compatible bound above its truth is wrong."""
    truth = np.array([2.0, 0.0, -0.5])
    found = stats.compatible_bounds((truth + rng.normal(0, 1, 3)).tolist(), [1.0] * 3)
    return any(
        row.ci_lower is not None and row.ci_lower > t for row, t in zip(found, truth.tolist(), strict=True)
    )


def draw_gate(rng: Rng) -> bool:
    """Draw a goal without an effect and followers with one or none: any wrong finding counts."""
    p = ndtr(-(rng.normal(0, 1, 3) + np.array([0.0, 0.0, 0.0]))).tolist()
    return any(stats.run_graph(p, stats.gatekeeper_graph(1, 2)).rejected)


def draw_simultaneous(rng: Rng) -> bool:
    """Draw three treatments; any interval that misses counts."""
    truth = (1.0, 0.0, -0.3)
    rows = stats.simultaneous_intervals(draw_treatments(rng, truth).tolist(), [1.0] * 3, SHARED)
    return any(
        not row.ci_lower <= t <= (row.ci_upper or math.inf) for row, t in zip(rows, truth, strict=True)
    )


def draw_belief(rng: Rng) -> bool:
    """Draw the effect from the prior, then the data: the credible interval must hold."""
    prior = stats.NormalPrior(0.0, 0.3)
    truth = rng.normal(0.0, 0.3)
    found = stats.judge_posterior(rng.normal(truth, 0.2), 0.2, prior, scale="relative")
    return not found.ci_lower <= truth <= found.ci_upper


def draw_chance(rng: Rng) -> bool | None:
    """Draw shares from the prior and counts from them; at a chance to win of about 90 %, is it the worse?"""
    shares = rng.beta(2, 8, 2)
    arms = [stats.update_beta(int(rng.binomial(60, p)), 60, (2.0, 8.0)) for p in shares.tolist()]
    chance = stats.compare_beta(arms[0], arms[1]).chance_to_win
    return bool(shares[0] < shares[1]) if 0.85 < chance < 0.95 else None


def list_families() -> Iterator[Case]:
    """Yield the cases on families, picked effects and beliefs."""
    for method, name in (
        ("holm", "Holm"), ("hochberg", "Hochberg"), ("bonferroni", "Bonferroni"),
        ("bh", "Benjamini-Hochberg"), ("by", "Benjamini-Yekutieli"),
    ):  # fmt: skip
        yield Case(
            f"{name} over 6 dependent goals", 0.05, "at most", each(lambda rng, m=method: draw_family(rng, m))
        )
    yield Case(
        "Dunnett, three treatments",
        0.05,
        "exact",
        each(lambda rng: bool(min(stats.dunnett_p_values(draw_treatments(rng), SHARED)) < 0.05)),
        2.0,
    )
    yield Case("Dunnett intervals hold together", 0.05, "exact", each(draw_simultaneous), 10.0)
    yield Case(
        "step-down Dunnett, one of three works, any other shown", 0.05, "at most",
        each(lambda rng: any(stats.step_down_dunnett(draw_treatments(rng, (4.0, 0.0, 0.0)), SHARED).rejected[1:])), 2.0,
    )  # fmt: skip
    yield Case(
        "parametric graph, three treatments", 0.05, "exact",
        each(lambda rng: any(stats.run_parametric_graph(draw_treatments(rng), stats.holm_graph(3), STEPS).rejected)), 4.0,
    )  # fmt: skip
    yield Case("gatekeeper, goal without an effect", 0.05, "exact", each(draw_gate))
    yield Case("bounds compatible with Holm", 0.025, "at most", each(draw_bounds))
    yield Case("intervals of picked effects (false coverage)", 0.05, "at most", draw_picked)
    yield Case("normal posterior, effects from the prior", 0.05, "exact", each(draw_belief))
    yield Case(
        "chance to win of 85 to 95 %, shares from the prior: the other is better",
        0.1,
        "about",
        each(draw_chance),
        20.0,
    )
