"""Whether error rates and coverages are what they say: many simulated experiments with fixed seeds.

Run: python benchmarks/calibrate.py [--simulations 20000] [--write docs/reference/calibration.md]

Each case simulates experiments whose truth is known and counts how often a method is wrong: a false positive where
nothing happened, or an interval that misses the effect. ``exact`` cases must lie within 3.3 binomial standard
deviations of the rate they promise, ``at most`` cases may lie below it. The short form of the same table is a test.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from abplat import stats
from abplat.stats import Comparison, ComparisonPlan, Moments

LIMIT = 3.3
"""Binomial standard deviations that a rate may lie off: one case in a thousand by chance."""

Draw = Callable[[np.random.Generator], bool | None]
"""One simulated experiment: whether the method was wrong, or None where it gave no answer."""


class Case(NamedTuple):
    """A method, the rate at which it may be wrong, and one simulated experiment."""

    name: str
    rate: float
    rule: str
    draw: Draw
    cost: float = 1.0


class Outcome(NamedTuple):
    """What the simulations of a case gave."""

    case: Case
    wrong: int
    n: int

    @property
    def deviation(self) -> float:
        """Distance from the promised rate in binomial standard deviations."""
        sd = math.sqrt(self.case.rate * (1 - self.case.rate) / self.n)
        return (self.wrong / self.n - self.case.rate) / sd

    @property
    def is_good(self) -> bool:
        """Whether the rate lies where it should."""
        return self.deviation < LIMIT and (self.case.rule == "at most" or self.deviation > -LIMIT)


def run_case(case: Case, simulations: int, seed: int = 20_240_229) -> Outcome:
    """Simulate a case: fewer times where it costs more."""
    rng = np.random.default_rng([seed, sum(map(ord, case.name))])
    answers = [case.draw(rng) for _ in range(max(int(simulations / case.cost), 100))]
    given = [answer for answer in answers if answer is not None]
    return Outcome(case, sum(given), len(given))


def make_arm(
    rng: np.random.Generator, n: int, lift: float = 0.0, spread: float = 1.0
) -> dict[str, np.ndarray]:
    """Draw units with a denominator, what was known before, and a skewed outcome."""
    before = rng.gamma(4.0, 0.5, n)
    journeys = 1.0 + rng.poisson(2.0, n)
    outcome = (0.7 * before + spread * rng.exponential(1.0, n) + 0.3) * (1 + lift)
    return {"y": outcome, "d": journeys, "ratio": outcome * journeys, "x": before}


def misses(found: object, truth: float) -> bool | None:
    """Tell whether the interval of an effect misses the truth."""
    if isinstance(found, stats.NotComputable):
        return None
    return not found.ci_lower <= truth <= found.ci_upper  # type: ignore[attr-defined]


def misses_lift(found: object, truth: float) -> bool | None:
    """Tell whether the interval of a relative effect misses the truth."""
    if not isinstance(found, Comparison) or found.rel_ci_lower is None or found.rel_ci_upper is None:
        return None
    return not found.rel_ci_lower <= truth <= found.rel_ci_upper


def rejects(found: object, alpha: float = 0.05) -> bool | None:
    """Tell whether a test rejects."""
    return None if isinstance(found, stats.NotComputable) else bool(found.p_value < alpha)  # type: ignore[attr-defined]


def compare_arms(
    kind: str, sizes: tuple[int, int], lift: float = 0.0, spread: float = 1.0
) -> Callable[[np.random.Generator], object]:
    """Return a draw of the one estimator: a mean, a ratio, with a covariate, with strata."""
    plan = ComparisonPlan(kind="ratio" if kind == "ratio" else "mean")

    def record(arm: dict[str, np.ndarray]) -> Moments | dict[str, Moments]:
        if kind == "ratio":
            return Moments.from_values(arm["ratio"], arm["d"])
        if kind == "covariate":
            return Moments.from_values(arm["y"], covariate=arm["x"])
        if kind == "strata":
            cut = arm["x"] > 2.0
            return {str(s): Moments.from_values(arm["y"][cut == s]) for s in (False, True)}
        return Moments.from_values(arm["y"])

    def draw(rng: np.random.Generator) -> object:
        arms = [record(make_arm(rng, n, up, spread)) for n, up in zip(sizes, (lift, 0.0), strict=True)]
        return stats.compare(arms[0], arms[1], plan)

    return draw


def draw_noisy_lift(rng: np.random.Generator, variation: float) -> bool | None:
    """Draw a control mean with a coefficient of variation and a lift of 50 %."""
    arms = [Moments.from_values(rng.normal(mean, 10 * variation, 100)) for mean in (1.5, 1.0)]
    return misses_lift(stats.compare(arms[0], arms[1]), 0.5)


def draw_table(rng: np.random.Generator, rates: tuple[float, float], sizes: tuple[int, int]) -> stats.Table:
    """Draw a two by two table."""
    done = [int(rng.binomial(n, p)) for n, p in zip(sizes, rates, strict=True)]
    return stats.Table(done[0], sizes[0], done[1], sizes[1])


def draw_times(rng: np.random.Generator, scale: float, n: int = 150) -> stats.RiskTable:
    """Draw exponential times, censored evenly."""
    time, end = rng.exponential(scale, n), rng.uniform(0.5, 3.0, n)
    return stats.RiskTable.from_times(np.minimum(time, end), time <= end)


def draw_clusters(
    rng: np.random.Generator, n_treated: int, n_control: int, lift: float = 0.0
) -> stats.ClusterTotals:
    """Draw clusters of unequal size with luck of their own."""
    n = n_treated + n_control
    size = rng.integers(20, 120, n).astype(float)
    treated = np.arange(n) < n_treated
    y = size * (1.0 + rng.normal(0, 0.3, n) + lift * treated) + rng.normal(0, 1, n) * np.sqrt(size)
    names = tuple(np.where(treated, "t", "c").tolist())
    return stats.ClusterTotals(cluster=tuple(map(str, range(n))), variant=names, y=tuple(y), d=tuple(size))


def draw_scores(
    rng: np.random.Generator, shift: float = 0.0, asked: int = 300, answer: float = 0.4
) -> stats.Scores:
    """Draw scores of 1 to 5 by a cumulative logit, from those who answer."""
    n = int(rng.binomial(asked, answer))
    level = rng.logistic(shift, 1.0, n)
    return stats.Scores.from_answers(1.0 + np.searchsorted([-2.0, -1.0, 0.5, 1.5], level), asked)


def draw_bounds(rng: np.random.Generator) -> bool | None:
    """Draw silent customers who would have said the worst in control: the truth lies at a bound."""
    treatment, control = (
        stats.Scores.from_answers(rng.integers(1, 6, n), 400) for n in rng.binomial(400, 0.7, 2).tolist()
    )
    truth = 0.7 * 3.0 + 0.3 * 5.0 - (0.7 * 3.0 + 0.3 * 1.0)
    found = stats.bound_scores(treatment, control, 1, 5)
    return misses(found, truth)


def draw_weighted(rng: np.random.Generator) -> bool | None:
    """Draw strata that answer at different rates; the truth is no effect."""
    arms = []
    for rates in ((0.2, 0.7), (0.5, 0.4)):
        arm = {}
        for i, (key, rate) in enumerate(zip(("new", "loyal"), rates, strict=True)):
            n = int(rng.binomial(300, rate))
            arm[key] = stats.Scores.from_answers(rng.binomial(4, 0.4 + 0.3 * i, n) + 1.0, 300)
        arms.append(arm)
    return misses(stats.weigh_scores(arms[0], arms[1]), 0.0)


def draw_heterogeneity(rng: np.random.Generator) -> bool | None:
    """Draw eight groups with one effect."""
    ses = rng.uniform(0.5, 2.0, 8)
    return rejects(stats.check_heterogeneity(rng.normal(0.3, ses).tolist(), ses.tolist()))


def draw_shrunken(rng: np.random.Generator) -> bool | None:
    """Draw one of 30 groups whose effects differ; its shrunken interval must cover."""
    truth = rng.normal(0.0, 1.0, 30)
    ses = rng.uniform(0.5, 1.5, 30)
    rows = stats.shrink_effects(rng.normal(truth, ses).tolist(), ses.tolist())
    return misses(rows[0], float(truth[0]))


def draw_novelty(rng: np.random.Generator) -> bool | None:
    """Draw units that keep their own level over five ages, with an effect that lasts."""
    arms = []
    for lift in (0.3, 0.0):
        arm = {}
        for day in range(8):
            level = rng.normal(0, 1, 40)
            for age in range(5):
                arm[day, age] = Moments.from_values(3 + lift + level + rng.normal(0, 1, 40))
        arms.append(arm)
    trend = stats.check_novelty(arms[0], arms[1]).trend
    return rejects(trend, 0.05)


def draw_interaction(rng: np.random.Generator, together: float = 0.0) -> bool | None:
    """Draw two experiments whose effects add up."""
    records = {
        (a, b): Moments.from_values(rng.exponential(1.0, 150) + 0.3 * i + 0.2 * j + together * i * j)
        for i, a in enumerate("ct")
        for j, b in enumerate("ct")
    }
    found = stats.check_interaction(records, ("c", "c"))
    return None if isinstance(found, stats.NotComputable) else misses(found.interaction, together)


def draw_peeking(rng: np.random.Generator) -> bool | None:
    """Draw a split as planned and look at it daily for 28 days."""
    counts = rng.binomial(200, 0.5, 28)
    days = [{"c": int(c), "t": int(200 - c)} for c in counts]
    found = stats.check_sample_ratio_sequentially(days, {"c": 1, "t": 1})
    return rejects(found)


def draw_family(rng: np.random.Generator, method: str) -> bool | None:
    """Draw six goals without an effect that lean on each other, and ask for any finding."""
    z = rng.normal(0, 1, 6) + rng.normal(0, 1)
    p = [math.erfc(abs(v) / 2.0) for v in z.tolist()]
    return min(stats.adjust_p_values(p, method)) < 0.05  # type: ignore[arg-type]


def draw_curve(rng: np.random.Generator) -> bool | None:
    """Draw a curve and ask for its share at the time 1."""
    found = stats.kaplan_meier(draw_times(rng, 1.5))
    if isinstance(found, stats.NotComputable):
        return None
    at = int(np.searchsorted(found.times, 1.0, side="right")) - 1
    return not found.ci_lower[at] <= math.exp(-1 / 1.5) <= found.ci_upper[at]


def list_cases() -> Iterator[Case]:
    """Yield every case."""
    for kind in ("mean", "ratio", "covariate", "strata"):
        draw = compare_arms(kind, (600, 300))
        yield Case(f"A/A, {kind}, arms 600/300", 0.05, "exact", lambda rng, d=draw: rejects(d(rng)))
        lifted = compare_arms(kind, (400, 800), lift=1.0)
        yield Case(
            f"lift of 100 %, {kind}, arms 400/800",
            0.05,
            "exact",
            lambda rng, d=lifted: misses_lift(d(rng), 1.0),
        )
    for variation, rule in ((0.2, "exact"), (0.3, "at most")):
        refused = "" if rule == "exact" else ", refusals left out"
        yield Case(
            f"lift of 50 %, control mean with CV {variation} (Fieller{refused})", 0.05, rule,
            lambda rng, v=variation: draw_noisy_lift(rng, v),
        )  # fmt: skip
    yield from list_proportions()
    yield from list_times()
    yield from list_groups()
    yield from list_scores()
    yield from list_sequential()


def list_proportions() -> Iterator[Case]:
    """Yield the cases on shares and the split."""
    for name, rates, sizes, rule in (
        ("shares 20 % and 15 %, 400/300", (0.20, 0.15), (400, 300), "exact"),
        ("shares 3 % and 2 %, 250/120", (0.03, 0.02), (250, 120), "at most"),
        ("shares 90 % and 30 %, 60/60", (0.9, 0.3), (60, 60), "at most"),
    ):
        gap, ratio = rates[0] - rates[1], rates[0] / rates[1] - 1
        yield Case(
            f"score interval of the difference, {name}", 0.06 if rule == "at most" else 0.05, rule,
            lambda rng, r=rates, s=sizes, g=gap: misses(stats.proportion_interval(draw_table(rng, r, s)), g), 4.0,
        )  # fmt: skip
        yield Case(
            f"score interval of the ratio, {name}", 0.06 if rule == "at most" else 0.05, rule,
            lambda rng, r=rates, s=sizes, q=ratio: misses(stats.ratio_interval(draw_table(rng, r, s)), q), 4.0,
        )  # fmt: skip
    yield Case("A/A, pooled z of shares, 500/500", 0.05, "exact", draw_pooled)
    yield Case(
        "A/A, Boschloo, 20/25",
        0.05,
        "at most",
        lambda rng: stats.boschloo_p(draw_table(rng, (0.3, 0.3), (20, 25))) < 0.05,
        20.0,
    )
    yield Case("sample ratio as planned", 0.05, "exact", lambda rng: rejects(check_split(rng)))
    yield Case("sample ratio as planned, 28 daily looks", 0.05, "at most", draw_peeking, 8.0)


def draw_pooled(rng: np.random.Generator) -> bool | None:
    """Draw two equal shares and test them with the pooled z."""
    found = stats.pooled_z_test(draw_table(rng, (0.2, 0.2), (500, 500)))
    return None if isinstance(found, stats.NotComputable) else found[1] < 0.05


def check_split(rng: np.random.Generator) -> object:
    """Draw a split of 3 to 2 to 1 and test it."""
    counts = rng.multinomial(6000, [3 / 6, 2 / 6, 1 / 6]).tolist()
    return stats.check_sample_ratio(dict(zip("abc", counts, strict=True)), {"a": 3, "b": 2, "c": 1})


def list_times() -> Iterator[Case]:
    """Yield the cases on time to event."""
    mean = 1.5 * (1 - math.exp(-2 / 1.5)) - 1.0 * (1 - math.exp(-2))
    yield Case(
        "A/A, log-rank, 150/150",
        0.05,
        "exact",
        lambda rng: rejects(stats.log_rank(draw_times(rng, 1.0), draw_times(rng, 1.0))),
        4.0,
    )
    yield Case(
        "difference of restricted means, 150/150", 0.05, "exact",
        lambda rng: misses(stats.compare_restricted_means(draw_times(rng, 1.5), draw_times(rng, 1.0), 2.0, 0.05), mean), 4.0,
    )  # fmt: skip
    yield Case("Kaplan-Meier at one time, 150 units", 0.05, "exact", draw_curve, 4.0)


def list_groups() -> Iterator[Case]:
    """Yield the cases on groups, ages, clusters and concurrent experiments."""
    yield Case("A/A, Cochran Q over 8 groups", 0.05, "exact", draw_heterogeneity)
    yield Case("shrunken effects of 30 groups", 0.065, "at most", draw_shrunken, 2.0)
    yield Case("A/A, trend over five ages, 8 exposure days", 0.05, "exact", draw_novelty, 60.0)
    yield Case(
        "interaction of two experiments of skewed values",
        0.05,
        "exact",
        lambda rng: draw_interaction(rng, 0.4),
        4.0,
    )
    for treated, control in ((10, 10), (5, 25)):
        yield Case(
            f"CR2 with {treated}/{control} clusters", 0.05, "exact" if treated == control else "at most",
            lambda rng, t=treated, c=control: misses(
                find_effect(stats.compare_clusters(draw_clusters(rng, t, c, 0.5), "t", "c")), 0.5), 3.0,
        )  # fmt: skip
    yield Case(
        "A/A, permutation of 4/5 clusters", 0.05, "at most",
        lambda rng: rejects_at_most(find_effect(stats.compare_clusters(draw_clusters(rng, 4, 5), "t", "c"))), 4.0,
    )  # fmt: skip
    yield Case(
        "interval of a permutation of 4/5 clusters", 0.05, "at most",
        lambda rng: misses(find_effect(stats.compare_clusters(draw_clusters(rng, 4, 5, 0.5), "t", "c")), 0.5), 4.0,
    )  # fmt: skip
    yield Case("Holm over 6 dependent goals", 0.05, "at most", lambda rng: draw_family(rng, "holm"))
    yield Case(
        "Benjamini-Hochberg over 6 dependent goals", 0.05, "at most", lambda rng: draw_family(rng, "bh")
    )
    yield Case(
        "A/A, Gail-Simon over 4 groups", 0.05, "at most",
        lambda rng: rejects(stats.gail_simon(rng.normal(0, 1, 4).tolist(), [1.0] * 4)),
    )  # fmt: skip


def find_effect(found: object) -> object:
    """Return the comparison within a comparison of clusters."""
    return found.comparison if isinstance(found, stats.ClusterComparison) else found


def rejects_at_most(found: object) -> bool | None:
    """Tell whether an exact test rejects: at its level, not only below it."""
    return None if isinstance(found, stats.NotComputable) else bool(found.p_value <= 0.05)  # type: ignore[attr-defined]


def list_scores() -> Iterator[Case]:
    """Yield the cases on satisfaction scores."""
    yield Case(
        "A/A, ranks of scores (Brunner-Munzel)", 0.05, "exact",
        lambda rng: rejects(stats.compare_ordinal(draw_scores(rng), draw_scores(rng))), 2.0,
    )  # fmt: skip
    yield Case("odds of scores, odds ratio 1.65", 0.05, "exact", draw_odds, 6.0)
    yield Case(
        "A/A, net promoter score", 0.05, "exact",
        lambda rng: rejects(stats.compare_net_promoter(draw_scores(rng), draw_scores(rng), None, 5, 2)), 2.0,
    )  # fmt: skip
    yield Case("worst-case bounds, truth at the bound", 0.05, "exact", draw_bounds, 2.0)
    yield Case("inverse-weighted scores, rates that differ", 0.05, "exact", draw_weighted, 2.0)


def draw_odds(rng: np.random.Generator) -> bool | None:
    """Draw scores whose odds differ by one factor at every cut."""
    found = stats.compare_odds(draw_scores(rng, 0.5), draw_scores(rng))
    return misses(found, math.exp(0.5))


def list_sequential() -> Iterator[Case]:
    """Yield the cases on daily looks, where the sequential part is there."""
    try:
        from abplat.stats import sequential  # noqa: PLC0415 - it may be absent
    except ImportError:
        return
    bounds = np.array(
        sequential.set_bounds([i / 14 for i in range(1, 15)], sequential.GroupSequentialPlan()).upper
    )
    plan = sequential.ConfidenceSequencePlan(planned_n=14_000)
    steps = np.arange(1, 15)
    width = np.asarray(sequential.sequence_critical_values(1000.0 * steps, plan))

    def look(rng: np.random.Generator, limits: np.ndarray) -> bool:
        return bool((np.abs(np.cumsum(rng.normal(0, 1, 14)) / np.sqrt(steps)) >= limits).any())

    yield Case("A/A, group sequential, 14 daily looks", 0.05, "exact", lambda rng: look(rng, bounds))
    yield Case("A/A, confidence sequence, 14 daily looks", 0.05, "at most", lambda rng: look(rng, width))


def write_table(outcomes: list[Outcome], simulations: int) -> str:
    """Return the outcomes as a Markdown table."""
    lines = [
        "# Calibration",
        "",
        f"Printed by `make calibrate` (fixed seeds, up to {simulations:,} simulated experiments per row). *Wrong* is the",
        "share of false positives where nothing happened, or of intervals that miss the effect; it should be as promised,",
        "or, for methods that are careful by design, at most that.",
        "",
        "| Method | Promised | Wrong | Simulations | Standard deviations off | |",
        "|---|---|---|---|---|---|",
    ]
    for outcome in outcomes:
        promised = f"{'at most ' if outcome.case.rule == 'at most' else ''}{outcome.case.rate:.1%}"
        mark = "as promised" if outcome.is_good else "**off**"
        lines.append(
            f"| {outcome.case.name} | {promised} | {outcome.wrong / outcome.n:.2%} | {outcome.n:,} | {outcome.deviation:+.1f} | {mark} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run every case, print the table, and fail where a rate is off."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--simulations", type=int, default=20_000)
    parser.add_argument("--write", type=Path, help="file for the table")
    options = parser.parse_args()
    outcomes = [run_case(case, options.simulations) for case in list_cases()]
    table = write_table(outcomes, options.simulations)
    print(table)
    if options.write:
        options.write.write_text(table)
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


if __name__ == "__main__":
    raise SystemExit(main())
