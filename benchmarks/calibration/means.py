"""The one estimator: means, ratios, covariates, strata, counts, margins, quantiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from abplat import stats
from abplat.stats import ComparisonPlan, Moments

from .cases import Case, Draws, Rng, each, misses, misses_lift, rejects

CHUNK = 200
PLAIN = ("mean", "ratio", "covariate")
Record = Callable[[dict[str, Any]], Moments]


def make_arm(rng: Rng, n: int, lift: float = 0.0) -> dict[str, Any]:
    """Draw units with a denominator, what was known before, and a skewed outcome."""
    before = rng.gamma(4.0, 0.5, n)
    again = before + rng.normal(0, 0.5, n)
    visits, visits_before = 1.0 + rng.poisson(2.0, n), 1.0 + rng.poisson(2.0, n)
    outcome = (0.7 * before + rng.exponential(1.0, n) + 0.3) * (1 + lift)
    return {
        "y": outcome, "d": visits, "ratio": outcome * visits, "x": before, "x2": again,
        "xd": visits_before, "before": before * visits_before,
    }  # fmt: skip


KINDS: dict[str, tuple[Record, ComparisonPlan]] = {
    "mean": (lambda a: Moments.from_values(a["y"]), ComparisonPlan()),
    "ratio": (lambda a: Moments.from_values(a["ratio"], a["d"]), ComparisonPlan(kind="ratio")),
    "covariate": (lambda a: Moments.from_values(a["y"], covariate=a["x"]), ComparisonPlan()),
    "covariate, slopes within arms": (
        lambda a: Moments.from_values(a["y"], covariate=a["x"]),
        ComparisonPlan(theta_rule="within_arms"),
    ),
    "covariate, pooled slope": (
        lambda a: Moments.from_values(a["y"], covariate=a["x"]),
        ComparisonPlan(theta_rule="pooled_total"),
    ),
    "two covariates": (
        lambda a: Moments.from_values(a["y"], covariate=np.column_stack([a["x"], a["x2"]])),
        ComparisonPlan(),
    ),
    "ratio with a ratio before": (
        lambda a: Moments.from_values(a["ratio"], a["d"], a["before"], a["xd"]),
        ComparisonPlan(kind="ratio"),
    ),
}


def compare_many(
    kind: str, sizes: tuple[int, int], lift: float = 0.0, **plan: Any
) -> Callable[..., Iterator[Any]]:
    """Return draws of comparisons of one kind, many rows to a call."""
    record, base = KINDS[kind]

    def draws(rng: Rng, n: int) -> Iterator[Any]:
        for start in range(0, n, CHUNK):
            rows = [
                [record(make_arm(rng, size, up)) for size, up in zip(sizes, (lift, 0.0), strict=True)]
                for _ in range(min(CHUNK, n - start))
            ]
            treatment, control = zip(*rows, strict=True)
            yield from stats.compare_rows(treatment, control, replace(base, **plan))

    return draws


def judge(found: Callable[..., Iterator[Any]], answer: Callable[[Any], bool | None]) -> Draws:
    """Turn comparisons into right and wrong."""
    return lambda rng, n: map(answer, found(rng, n))


def compare_strata(rng: Rng, sizes: tuple[int, int], lift: float, **plan: Any) -> Any:
    """Compare arms by strata made of what was known before."""
    arms = []
    for n, up in zip(sizes, (lift, 0.0), strict=True):
        arm = make_arm(rng, n, up)
        cut = arm["x"] > 2.0
        covariate = arm["x2"] if plan.get("theta_rule") else None
        arms.append(
            {
                str(s): Moments.from_values(
                    arm["y"][cut == s], covariate=None if covariate is None else covariate[cut == s]
                )
                for s in (False, True)
            }
        )
    return stats.compare(arms[0], arms[1], ComparisonPlan(**plan))


def list_means() -> Iterator[Case]:
    """Yield A/A tests, large effects and unequal arms of every kind of the estimator."""
    for kind in KINDS:
        yield Case(
            f"A/A, {kind}, arms 600/300", 0.05, "exact", judge(compare_many(kind, (600, 300)), rejects), 1.0 if kind in PLAIN else 2.0
        )  # fmt: skip
        yield Case(
            f"lift of 100 %, {kind}, arms 400/800", 0.05, "exact",
            judge(compare_many(kind, (400, 800), 1.0), lambda f: misses_lift(f, 1.0)), 1.0 if kind in PLAIN else 2.0,
        )  # fmt: skip
    for relative in ("delta", "log"):
        yield Case(
            f"lift of 100 %, mean, arms 400/800 ({relative} by name)", 0.05, "exact",
            judge(compare_many("mean", (400, 800), 1.0, relative=relative), lambda f: misses_lift(f, 1.0)), 2.0,
        )  # fmt: skip
    yield Case(
        "difference in units, mean, arms 100/900, lift of 50 %", 0.05, "about",
        judge(compare_many("mean", (100, 900), 0.5), lambda f: misses(f, 0.5 * 2.7)), 2.0,
    )  # fmt: skip
    for name, plan in (
        ("strata", {}),
        ("strata with shares drawn", {"strata_shares": "random"}),
        ("strata, slope by stratum", {"theta_rule": "per_stratum"}),
    ):
        yield Case(
            f"A/A, {name}, arms 600/300", 0.05, "exact",
            each(lambda rng, p=plan: rejects(compare_strata(rng, (600, 300), 0.0, **p))), 4.0,
        )  # fmt: skip
        yield Case(
            f"lift of 100 %, {name}, arms 400/800", 0.05, "exact",
            each(lambda rng, p=plan: misses_lift(compare_strata(rng, (400, 800), 1.0, **p), 1.0)), 4.0,
        )  # fmt: skip
    for variation, rule in ((0.2, "exact"), (0.3, "at most"), (0.5, "at most")):
        yield Case(
            f"lift of 50 %, control mean with CV {variation} (Fieller; a refusal is right)", 0.05, rule,
            lambda rng, n, v=variation: map(bool, draw_noisy(rng, n, v)),
        )  # fmt: skip
    yield Case(
        "the same with CV 0.5, of the intervals that are given",
        0.12,
        "at most",
        lambda rng, n: draw_noisy(rng, n, 0.5),
    )


def draw_noisy(rng: Rng, n: int, variation: float) -> Iterator[bool | None]:
    """Draw a control mean with a coefficient of variation and a lift of 50 %."""
    for start in range(0, n, CHUNK):
        rows = min(CHUNK, n - start)
        treatment, control = (
            [Moments.from_values(v) for v in rng.normal(mean, 10 * variation, (rows, 100))]
            for mean in (1.5, 1.0)
        )
        yield from (misses_lift(found, 0.5) for found in stats.compare_rows(treatment, control))


def draw_counts(rng: Rng, n: int, spread: float, lift: float = 0.0) -> list[Moments]:
    """Draw counts per unit, over-dispersed where the spread is above 0."""
    rates = [np.full(n, 1.2) if not spread else rng.gamma(1 / spread, spread * 1.2, n) for _ in range(2)]
    return [
        Moments.from_values(rng.poisson(r * up).astype(float))
        for r, up in zip(rates, (1 + lift, 1), strict=True)
    ]


def draw_margin(rng: Rng, scale: str, below: float) -> Any:
    """Draw a guardrail that lies on its margin."""
    arms = [Moments.from_values(rng.gamma(4, mean / 4, n)) for mean, n in ((2.0 - below, 300), (2.0, 500))]
    margin = below if scale == "absolute" else below / 2.0
    return stats.check_margin(arms[0], arms[1], margin, scale=scale)  # type: ignore[arg-type]


def draw_border(rng: Rng) -> Any:
    """Draw two arms that differ by exactly the margin of equivalence."""
    arms = [Moments.from_values(rng.gamma(4, mean / 4, 400)) for mean in (2.2, 2.0)]
    return stats.check_equivalence(arms[0], arms[1], 0.1)


def draw_quantile(rng: Rng, n_units: int) -> tuple[Any, Any]:
    """Draw about five events a unit that hang together; return values and units."""
    counts = 1 + rng.poisson(4, n_units)
    units = np.repeat(np.arange(n_units), counts)
    return np.exp(rng.normal(0, 0.7, n_units)[units] + rng.normal(0, 0.5, units.size)), units


def draw_quantile_test(rng: Rng) -> bool | None:
    """Draw two equal arms and compare their medians."""
    found = [stats.estimate_quantile(*draw_quantile(rng, 300), 0.5) for _ in range(2)]
    if any(isinstance(each_, stats.NotComputable) for each_ in found):
        return None
    return rejects(stats.compare_quantiles(*found))  # type: ignore[arg-type]


def list_more() -> Iterator[Case]:
    """Yield counts, margins, quantiles and the checks that lean on the estimator."""
    for name, spread in (("Poisson", 0.0), ("over-dispersed", 1.5)):
        yield Case(
            f"A/A, counts, {name}", 0.05, "exact",
            each(lambda rng, s=spread: rejects(stats.compare_counts(*draw_counts(rng, 400, s)).comparison)), 2.0,
        )  # fmt: skip
        yield Case(
            f"ratio of counts, lift of 50 %, {name}", 0.05, "exact",
            each(lambda rng, s=spread: misses_lift(stats.compare_counts(*draw_counts(rng, 400, s, 0.5)).comparison, 0.5)), 2.0,
        )  # fmt: skip
    for scale in ("absolute", "relative"):
        yield Case(
            f"guardrail on its {scale} margin", 0.05, "exact",
            each(lambda rng, s=scale: rejects(draw_margin(rng, s, 0.2))),
        )  # fmt: skip
    yield Case("equivalence at its margin", 0.05, "at most", each(lambda rng: rejects(draw_border(rng))))
    for p, z in ((0.5, 0.0), (0.9, 1.2815515655446004)):
        truth = float(np.exp(z * (0.7**2 + 0.5**2) ** 0.5))
        yield Case(
            f"quantile {p:g} of clustered events, 300 units", 0.05, "about",
            each(lambda rng, q=p, t=truth: misses(stats.estimate_quantile(*draw_quantile(rng, 300), q), t)), 2.0,
        )  # fmt: skip
    yield Case("A/A, median of clustered events", 0.05, "about", each(draw_quantile_test), 4.0)
    yield Case("A/A, balance of a covariate", 0.05, "exact", each(draw_balance), 2.0)
    yield Case("A/A, denominator of a ratio", 0.05, "exact", each(draw_denominator), 2.0)
    yield Case("bounds with values missing, truth at a bound", 0.05, "at most", each(draw_missing), 4.0)


def draw_balance(rng: Rng) -> bool | None:
    """Draw a covariate before the test."""
    arms = [make_arm(rng, n) for n in (400, 300)]
    found = stats.check_covariate_balance(*(Moments.from_values(a["y"], covariate=a["x"]) for a in arms))
    return rejects(found)


def draw_denominator(rng: Rng) -> bool | None:
    """Draw the visits of two equal arms."""
    arms = [make_arm(rng, n) for n in (400, 300)]
    found = stats.check_denominator(*(Moments.from_values(a["ratio"], a["d"]) for a in arms))
    return None if isinstance(found, stats.NotComputable) else rejects(found.comparison)


def draw_missing(rng: Rng) -> bool | None:
    """Draw shares where those who are missing in treatment would all have done it, in control none."""
    arms = [Moments.from_values(rng.binomial(1, 0.5, n).astype(float)) for n in rng.binomial(500, 0.9, 2)]
    gone = (500 - arms[0].n, 500 - arms[1].n)
    return misses(stats.bound_effect(arms[0], arms[1], gone, (0.0, 1.0)), 0.9 * 0.5 + 0.1 - 0.9 * 0.5)
