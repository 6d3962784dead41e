"""Power as planned: the size that the planner asks for, and the test that will be run."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from abplat import stats
from abplat.stats import ComparisonPlan, Design, Moments, Monitoring, SampleSize

from .cases import Case, Draws, Rng, each
from .groups import find_effect
from .looks import draw_paths
from .means import CHUNK

Make = Callable[[Rng, int, float], Moments]
"""One arm: generator, units, 1 if it is treated and 0 if not."""


def plan(outcome: stats.Outcome, effect: float, design: Design | None = None) -> SampleSize:
    """Return the size that the planner asks for."""
    found = stats.calculate_sample_size(outcome, effect, design or Design())
    assert isinstance(found, SampleSize)
    return found


def shown(make: Make, size: SampleSize, **comparison: Any) -> Draws:
    """Draw arms of the planned size and tell whether the test shows the effect."""

    def draws(rng: Rng, n: int) -> Iterator[bool | None]:
        for start in range(0, n, CHUNK):
            rows = [
                [make(rng, size.arm_sizes[1], 1.0), make(rng, size.arm_sizes[0], 0.0)]
                for _ in range(min(CHUNK, n - start))
            ]
            treatment, control = zip(*rows, strict=True)
            for found in stats.compare_rows(treatment, control, ComparisonPlan(**comparison)):
                yield not isinstance(found, stats.NotComputable) and found.p_value < 0.05

    return draws


def make_ratio(rng: Rng, n: int, treated: float) -> Moments:
    """Draw value over visits."""
    visits = 1.0 + rng.poisson(2.0, n)
    return Moments.from_values(visits * (1.0 + 0.2 * treated) + rng.normal(0, 1.0, n), visits)


def make_adjusted(rng: Rng, n: int, treated: float) -> Moments:
    """Draw an outcome that correlates with its past by 0.6."""
    before = rng.normal(0, 1, n)
    return Moments.from_values(0.3 * treated + 0.6 * before + 0.8 * rng.normal(0, 1, n), covariate=before)


def make_share(rate: float) -> Callable[[Rng, int], Moments]:
    """Return draws of a share, as its record."""

    def make(rng: Rng, n: int) -> Moments:
        done = float(rng.binomial(n, rate))
        return Moments.from_sums(n, {"y": done}, {"y*y": done})

    return make


def show_margin(size: SampleSize, margin: float, scale: str, small: str) -> Callable[[Rng], bool]:
    """Return draws of a share that is no worse, held against its margin."""
    make = make_share(0.8)

    def draw(rng: Rng) -> bool:
        comparison = ComparisonPlan(kind="proportion", small_table=small)  # type: ignore[arg-type]
        found = stats.check_margin(
            make(rng, size.arm_sizes[1]), make(rng, size.arm_sizes[0]), margin, scale=scale, plan=comparison
        )  # type: ignore[arg-type]
        return not isinstance(found, stats.NotComputable) and found.is_shown

    return draw


def show_equivalence(size: SampleSize) -> Callable[[Rng], bool]:
    """Return draws of two arms that are the same."""

    def draw(rng: Rng) -> bool:
        arms = [Moments.from_values(rng.normal(0, 1, n)) for n in size.arm_sizes]
        found = stats.check_equivalence(arms[1], arms[0], 0.3, scale="absolute")
        return not isinstance(found, stats.NotComputable) and found.is_shown

    return draw


def show_quantile(size: SampleSize) -> Callable[[Rng], bool]:
    """Return draws of a median that rises."""

    def draw(rng: Rng) -> bool:
        found = [
            stats.estimate_quantile(up + rng.exponential(1.0, n), np.arange(n), 0.5)
            for n, up in zip(size.arm_sizes, (0.0, 0.35 * math.log(2)), strict=True)
        ]
        compared = stats.compare_quantiles(found[1], found[0])  # type: ignore[arg-type]
        return not isinstance(compared, stats.NotComputable) and compared.p_value < 0.05

    return draw


def show_clusters(n_clusters: int) -> Callable[[Rng], bool | None]:
    """Return draws of whole clusters of 20, read with CR2."""

    def draw(rng: Rng) -> bool | None:
        treated = np.arange(n_clusters) % 2 == 0
        y = 20 * (0.3 * treated + rng.normal(0, 0.05**0.5, n_clusters)) + rng.normal(
            0, (20 * 0.95) ** 0.5, n_clusters
        )
        totals = stats.ClusterTotals(
            cluster=tuple(map(str, range(n_clusters))), variant=tuple(np.where(treated, "t", "c").tolist()),
            y=tuple(y.tolist()), d=(20.0,) * n_clusters,
        )  # fmt: skip
        found = find_effect(stats.compare_clusters(totals, "t", "c"))
        return None if isinstance(found, stats.NotComputable) else found.p_value < 0.05  # type: ignore[attr-defined]

    return draw


def show_times(n_events: int, ratio: float) -> Callable[[Rng], bool]:
    """Return draws that end when the planned number of events has been seen."""

    def draw(rng: Rng) -> bool:
        n = n_events
        times = np.concatenate([rng.exponential(1 / ratio, n), rng.exponential(1.0, n)])
        end = np.partition(times, n_events - 1)[n_events - 1]
        tables = [
            stats.RiskTable.from_times(np.minimum(part, end), part <= end) for part in np.split(times, 2)
        ]
        found = stats.log_rank(*tables)
        return not isinstance(found, stats.NotComputable) and found.p_value < 0.05

    return draw


def show_looks(design: Design) -> Draws:
    """Return draws of a test that is read at every planned look."""
    drift, bounds = stats.needed_drift(design), np.array(stats.look_bounds(design).upper)

    def draws(rng: Rng, n: int) -> Iterator[bool]:
        for z in draw_paths(rng, n, bounds.size, drift):
            yield from (z >= bounds).any(axis=1).tolist()

    return draws


def show_arms(size: SampleSize) -> Draws:
    """Return draws of three treatments of which the first works, with Dunnett's critical value."""
    shares = np.array(size.arm_sizes) / size.n_units
    structure = stats.share_control((1 / shares[1:]).tolist(), float(1 / shares[0]))
    critical = stats.dunnett_critical_value(structure)

    def draws(rng: Rng, n: int) -> Iterator[bool]:
        for _ in range(n):
            control = rng.normal(0, size.arm_sizes[0] ** -0.5)
            first = rng.normal(0.4, size.arm_sizes[1] ** -0.5)
            se = (1 / size.arm_sizes[0] + 1 / size.arm_sizes[1]) ** 0.5
            yield (first - control) / se > critical

    return draws


def list_power() -> Iterator[Case]:
    """Yield every kind of metric and design."""
    mean = plan(stats.mean_outcome(0.0, 1.0), 0.5)
    yield Case(
        "power, mean",
        mean.power,
        "power",
        shown(lambda rng, n, t: Moments.from_values(rng.normal(0.5 * t, 1, n)), mean),
    )
    share = plan(stats.proportion_outcome(0.2), 0.05)
    yield Case(
        "power, share",
        share.power,
        "power",
        shown(lambda rng, n, t: make_share(0.25 if t else 0.2)(rng, n), share, kind="proportion"),
    )
    counts = plan(stats.count_outcome(1.0, 2.0), 0.25)
    yield Case(
        "power, count, over-dispersed", counts.power, "power",
        shown(lambda rng, n, t: Moments.from_values(rng.negative_binomial(1.0 + 0.25 * t, 0.5, n).astype(float)), counts),
    )  # fmt: skip
    spread = stats.ratio_outcome((3.0, 3.0), (3.0, 2.0), 2.0)
    yield Case("power, ratio", 0.8, "power", shown(make_ratio, plan(spread, 0.2), kind="ratio"))
    adjusted = plan(stats.with_covariate(stats.mean_outcome(0.0, 1.0), 0.6), 0.3)
    yield Case("power, mean with a covariate", adjusted.power, "power", shown(make_adjusted, adjusted))
    median = plan(stats.quantile_outcome(math.log(2), 0.5, 0.5), 0.35 * math.log(2))
    yield Case(
        "power, median (same density in both arms; the estimated spread makes the plan a little low)",
        median.power,
        "at most",
        each(show_quantile(median)),
        4.0,
    )
    clusters = plan(stats.with_clusters(stats.mean_outcome(0.0, 1.0), 20, 0.05), 0.3)
    n_clusters = 2 * math.ceil(clusters.n_units / 40)
    yield Case(
        "power, clusters of 20 (CR2; the normal law plans a little low)",
        clusters.power,
        "at most",
        each(show_clusters(n_clusters)),
        2.0,
    )
    events = stats.count_events(1.5, Design())
    assert isinstance(events, int)
    yield Case(
        "power, log-rank, hazard ratio 1.5",
        stats.power_of_events(events, 1.5, Design()),
        "power",
        each(show_times(events, 1.5)),
        4.0,
    )
    for kind in ("group_sequential", "always_valid"):
        yield Case(
            f"power, {kind.replace('_', ' ')}, 14 looks",
            0.8,
            "power",
            show_looks(Design(monitoring=Monitoring(kind=kind, n_looks=14))),
        )  # type: ignore[arg-type]
    arms = plan(stats.mean_outcome(0.0, 1.0), 0.4, Design(shares=stats.best_shares(3), family="dunnett"))
    yield Case("power, three treatments (Dunnett)", arms.power, "power", show_arms(arms))
    for scale, margin in (("absolute", 0.1), ("relative", 0.1)):
        for variance, small in (("estimated", "never"), ("restricted", "always")):
            design = Design(margin=margin, sides=1, scale=scale, null_variance=variance)  # type: ignore[arg-type]
            size = plan(stats.proportion_outcome(0.8), 0.0, design)
            name = "Farrington-Manning" if variance == "restricted" else "estimated variance"
            yield Case(
                f"power, share against its {scale} margin ({name})", size.power, "power",
                each(show_margin(size, margin, scale, small)), 2.0,
            )  # fmt: skip
    same = stats.calculate_equivalence_size(stats.mean_outcome(0.0, 1.0), 0.0, Design(margin=0.3, sides=1))
    assert isinstance(same, SampleSize)
    yield Case(
        "power, equivalence (two one-sided tests)", same.power, "power", each(show_equivalence(same)), 4.0
    )
