"""Shares, rates and the split."""

from __future__ import annotations

from collections.abc import Iterator

from abplat import stats

from .cases import Case, Rng, each, misses, rejects


def draw_table(rng: Rng, rates: tuple[float, float], sizes: tuple[int, int]) -> stats.Table:
    """Draw a two by two table."""
    done = [int(rng.binomial(n, p)) for n, p in zip(sizes, rates, strict=True)]
    return stats.Table(done[0], sizes[0], done[1], sizes[1])


def draw_pooled(rng: Rng) -> bool | None:
    """Draw two equal shares and test them with the pooled z."""
    found = stats.pooled_z_test(draw_table(rng, (0.2, 0.2), (500, 500)))
    return None if isinstance(found, stats.NotComputable) else found[1] < 0.05


def draw_split(rng: Rng) -> object:
    """Draw a split of 3 to 2 to 1 and test it."""
    counts = rng.multinomial(6000, [3 / 6, 2 / 6, 1 / 6]).tolist()
    return stats.check_sample_ratio(dict(zip("abc", counts, strict=True)), {"a": 3, "b": 2, "c": 1})


def draw_peeking(rng: Rng) -> bool | None:
    """Draw a split as planned and look at it daily for 28 days."""
    days = [{"c": int(c), "t": int(200 - c)} for c in rng.binomial(200, 0.5, 28)]
    return rejects(stats.check_sample_ratio_sequentially(days, {"c": 1, "t": 1}))


def draw_gaps(rng: Rng) -> bool | None:
    """Draw answers that are missing at one rate in both arms."""
    found = stats.check_missingness(draw_table(rng, (0.1, 0.1), (500, 400)))
    return None if isinstance(found, stats.NotComputable) else rejects(found.comparison)


def draw_rates(rng: Rng, scale: float, ratio: float = 1.0) -> stats.RateTable:
    """Draw events over unequal exposures."""
    return stats.RateTable(int(rng.poisson(2 * scale * ratio)), 2.0, int(rng.poisson(scale)), 1.0)


def draw_split_by(rng: Rng) -> bool:
    """Draw a split as planned in six channels and ask for any alarm at 5 %."""
    counts = {
        f"channel {i}": {"c": int(c), "t": 400 - int(c)} for i, c in enumerate(rng.binomial(400, 0.5, 6))
    }
    found = stats.check_sample_ratio_by({"channel": counts}, {"c": 1, "t": 1})
    return any((row.adjusted_p or 0.0) < 0.05 for row in found.rows)


def list_tables() -> Iterator[Case]:
    """Yield the cases on shares, rates and the split."""
    for name, rates, sizes, rule in (
        ("shares 20 % and 15 %, 400/300", (0.20, 0.15), (400, 300), "exact"),
        ("shares 3 % and 2 %, 250/120", (0.03, 0.02), (250, 120), "at most"),
        ("shares 90 % and 30 %, 60/60", (0.9, 0.3), (60, 60), "at most"),
    ):
        gap, ratio, allowed = (
            rates[0] - rates[1],
            rates[0] / rates[1] - 1,
            0.06 if rule == "at most" else 0.05,
        )
        for method in ("score", "newcombe", "agresti_caffo"):
            if method == "score" or rule == "exact":
                yield Case(
                    f"{method.replace('_', '-')} interval of the difference, {name}", allowed,
                    rule if method == "score" else "about",
                    each(lambda rng, r=rates, s=sizes, g=gap, m=method: misses(stats.proportion_interval(draw_table(rng, r, s), m), g)),
                    4.0 if method == "score" else 1.0,
                )  # fmt: skip
        yield Case(
            f"score interval of the ratio, {name}", allowed, rule,
            each(lambda rng, r=rates, s=sizes, q=ratio: misses(stats.ratio_interval(draw_table(rng, r, s)), q)), 2.0,
        )  # fmt: skip
    yield Case("A/A, pooled z of shares, 500/500", 0.05, "about", each(draw_pooled))
    yield Case(
        "A/A, Boschloo, 20/25", 0.05, "at most",
        each(lambda rng: stats.boschloo_p(draw_table(rng, (0.3, 0.3), (20, 25))) < 0.05), 20.0,
    )  # fmt: skip
    yield Case(
        "score test of a small table on its margin", 0.06, "at most",
        each(lambda rng: rejects(stats.check_margin(*read_arms(rng), 0.1, scale="absolute", plan=stats.ComparisonPlan(kind="proportion", small_table="always")))),
        4.0,
    )  # fmt: skip
    yield Case(
        "A/A, answers missing by arm",
        0.05,
        "about",
        each(draw_gaps),
    )
    for name, method, scale, rule in (("score", "score", 60.0, "about"), ("exact", "exact", 8.0, "at most")):
        yield Case(
            f"A/A, {name} test of rates", 0.05, rule,
            each(lambda rng, m=method, s=scale: rejects(stats.compare_rates(draw_rates(rng, s), m))), 2.0,
        )  # fmt: skip
        yield Case(
            f"{name} interval of a ratio of rates of 2", 0.05, rule,
            each(lambda rng, m=method, s=scale: misses(stats.compare_rates(draw_rates(rng, s, 2.0), m), 2.0)), 4.0,
        )  # fmt: skip
    yield Case(
        "A/A, E-test of rates",
        0.055,
        "at most",
        each(lambda rng: stats.e_test_p(draw_rates(rng, 10.0)) < 0.05),
        10.0,
    )
    for level in (0.01, 0.05, 0.2, 0.5, 0.8):
        yield Case(
            f"p-value of the split below {level:g}",
            level,
            "exact",
            each(lambda rng, a=level: rejects(draw_split(rng), a)),
        )
    yield Case("sample ratio as planned, 28 daily looks", 0.05, "at most", each(draw_peeking), 4.0)
    yield Case("sample ratio as planned, any of six channels", 0.05, "at most", each(draw_split_by), 2.0)


def read_arms(rng: Rng) -> tuple[stats.Moments, stats.Moments]:
    """Draw shares that lie on a margin of 10 points."""
    table = draw_table(rng, (0.7, 0.8), (60, 50))
    rows = ((table.treatment_count, table.treatment_n), (table.control_count, table.control_n))
    arms = [stats.Moments.from_sums(n, {"y": float(x)}, {"y*y": float(x)}) for x, n in rows]
    return arms[0], arms[1]
