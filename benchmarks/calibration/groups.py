"""Groups, ages, clusters, concurrent experiments, links, and satisfaction scores."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from abplat import stats
from abplat.stats import Moments

from .cases import Case, Rng, each, misses, rejects


def draw_clusters(rng: Rng, n_treated: int, n_control: int, lift: float = 0.0) -> stats.ClusterTotals:
    """Draw clusters of unequal size with luck of their own."""
    n = n_treated + n_control
    size = rng.integers(20, 120, n).astype(float)
    treated = np.arange(n) < n_treated
    y = size * (1.0 + rng.normal(0, 0.3, n) + lift * treated) + rng.normal(0, 1, n) * np.sqrt(size)
    names = tuple(np.where(treated, "t", "c").tolist())
    return stats.ClusterTotals(cluster=tuple(map(str, range(n))), variant=names, y=tuple(y), d=tuple(size))


def find_effect(found: object) -> object:
    """Return the comparison within a comparison of clusters."""
    return found.comparison if isinstance(found, stats.ClusterComparison) else found


def rejects_at_most(found: object) -> bool | None:
    """Tell whether an exact test rejects: at its level, not only below it."""
    return None if isinstance(found, stats.NotComputable) else bool(found.p_value <= 0.05)  # type: ignore[attr-defined]


def draw_heterogeneity(rng: Rng) -> bool | None:
    """Draw eight groups with one effect."""
    ses = rng.uniform(0.5, 2.0, 8)
    return rejects(stats.check_heterogeneity(rng.normal(0.3, ses).tolist(), ses.tolist()))


def draw_additivity(rng: Rng) -> bool | None:
    """Draw two dimensions whose effects add up."""
    values = [(a, b) for a in "abc" for b in "de"]
    truth = [0.3 * ord(a) + 0.2 * ord(b) for a, b in values]
    ses = rng.uniform(0.5, 2.0, 6)
    return rejects(stats.check_additivity(rng.normal(truth, ses).tolist(), ses.tolist(), values))


def draw_shrunken(rng: Rng, n: int, groups: int, spread: float) -> Iterator[bool]:
    """Draw groups whose effects differ; every shrunken interval is one simulation."""
    for _ in range(max(n // groups, 1)):
        truth, ses = rng.normal(0.0, spread, groups), rng.uniform(0.5, 1.5, groups)
        rows = stats.shrink_effects(rng.normal(truth, ses).tolist(), ses.tolist())
        yield from (
            not row.ci_lower <= t <= row.ci_upper for row, t in zip(rows, truth.tolist(), strict=True)
        )


def draw_novelty(rng: Rng) -> bool | None:
    """Draw units that keep their own level over five ages, with an effect that lasts."""
    arms = []
    for lift in (0.3, 0.0):
        arm = {}
        for day in range(8):
            level = rng.normal(0, 1, 40)
            for age in range(5):
                arm[day, age] = Moments.from_values(3 + lift + level + rng.normal(0, 1, 40))
        arms.append(arm)
    return rejects(stats.check_novelty(arms[0], arms[1]).trend, 0.05)


def draw_interaction(rng: Rng, together: float) -> bool | None:
    """Draw two experiments whose effects add up but for what they do together."""
    records = {
        (a, b): Moments.from_values(rng.exponential(1.0, 150) + 0.3 * i + 0.2 * j + together * i * j)
        for i, a in enumerate("ct")
        for j, b in enumerate("ct")
    }
    found = stats.check_interaction(records, ("c", "c"))
    return None if isinstance(found, stats.NotComputable) else misses(found.interaction, together)


def draw_dependence(rng: Rng) -> bool | None:
    """Draw two assignments that know nothing of each other."""
    counts = rng.multinomial(4000, [0.3, 0.2, 0.3, 0.2]).tolist()
    keys = [("c", "c"), ("c", "t"), ("t", "c"), ("t", "t")]
    return rejects(stats.check_assignment_dependence(dict(zip(keys, counts, strict=True))))


def list_groups() -> Iterator[Case]:
    """Yield the cases on groups, ages, clusters and concurrent experiments."""
    yield Case("A/A, Cochran Q over 8 groups", 0.05, "exact", each(draw_heterogeneity))
    yield Case("A/A, sum of two dimensions", 0.05, "exact", each(draw_additivity))
    for groups, spread in ((30, 1.0), (8, 1.0), (8, 0.2)):
        yield Case(
            f"shrunken effects of {groups} groups, spread {spread:g}, average over the groups", 0.065, "at most",
            lambda rng, n, g=groups, s=spread: draw_shrunken(rng, n, g, s),
        )  # fmt: skip
    yield Case("A/A, trend over five ages, 8 exposure days", 0.05, "exact", each(draw_novelty), 40.0)
    yield Case(
        "interaction of two experiments of skewed values",
        0.05,
        "about",
        each(lambda rng: draw_interaction(rng, 0.4)),
        2.0,
    )
    yield Case("A/A, dependence of two assignments", 0.05, "exact", each(draw_dependence))
    for treated, control in ((10, 10), (5, 25)):
        yield Case(
            f"CR2 with {treated}/{control} clusters", 0.05, "about" if treated == control else "at most",
            each(lambda rng, t=treated, c=control: misses(find_effect(stats.compare_clusters(draw_clusters(rng, t, c, 0.5), "t", "c")), 0.5)), 2.0,
        )  # fmt: skip
    yield Case(
        "A/A, permutation of 4/5 clusters", 0.05, "at most",
        each(lambda rng: rejects_at_most(find_effect(stats.compare_clusters(draw_clusters(rng, 4, 5), "t", "c")))), 4.0,
    )  # fmt: skip
    yield Case(
        "interval of a permutation of 4/5 clusters", 0.05, "at most",
        each(lambda rng: misses(find_effect(stats.compare_clusters(draw_clusters(rng, 4, 5, 0.5), "t", "c")), 0.5)), 4.0,
    )  # fmt: skip
    yield Case(
        "A/A, Gail-Simon over 4 groups", 0.05, "at most",
        each(lambda rng: rejects(stats.gail_simon(rng.normal(0, 1, 4).tolist(), [1.0] * 4))),
    )  # fmt: skip


def draw_scores(rng: Rng, shift: float = 0.0, asked: int = 300, answer: float = 0.4) -> stats.Scores:
    """Draw scores of 1 to 5 by a cumulative logit, from those who answer."""
    level = rng.logistic(shift, 1.0, int(rng.binomial(asked, answer)))
    return stats.Scores.from_answers(1.0 + np.searchsorted([-2.0, -1.0, 0.5, 1.5], level), asked)


def draw_bounds(rng: Rng) -> bool | None:
    """Draw silent customers who would have said the worst in control: the truth lies at a bound."""
    treatment, control = (
        stats.Scores.from_answers(rng.integers(1, 6, n), 400) for n in rng.binomial(400, 0.7, 2).tolist()
    )
    truth = 0.7 * 3.0 + 0.3 * 5.0 - (0.7 * 3.0 + 0.3 * 1.0)
    return misses(stats.bound_scores(treatment, control, 1, 5), truth)


def draw_weighted(rng: Rng) -> bool | None:
    """Draw strata that answer at different rates; the truth is no effect."""
    arms = []
    for rates in ((0.2, 0.7), (0.5, 0.4)):
        arm = {}
        for i, (key, rate) in enumerate(zip(("new", "loyal"), rates, strict=True)):
            n = int(rng.binomial(300, rate))
            arm[key] = stats.Scores.from_answers(rng.binomial(4, 0.4 + 0.3 * i, n) + 1.0, 300)
        arms.append(arm)
    return misses(stats.weigh_scores(arms[0], arms[1]), 0.0)


def draw_response(rng: Rng) -> bool | None:
    """Draw two arms that answer at one rate."""
    found = stats.check_response(draw_scores(rng), draw_scores(rng))
    return None if isinstance(found, stats.NotComputable) else rejects(found.comparison)


def list_scores() -> Iterator[Case]:
    """Yield the cases on satisfaction scores."""
    yield Case(
        "A/A, rate of answers",
        0.05,
        "about",
        each(draw_response),
        2.0,
    )
    yield Case(
        "A/A, ranks of scores (Brunner-Munzel)",
        0.05,
        "about",
        each(lambda rng: rejects(stats.compare_ordinal(draw_scores(rng), draw_scores(rng)))),
        2.0,
    )
    yield Case(
        "odds of scores, odds ratio 1.65",
        0.05,
        "about",
        each(lambda rng: misses(stats.compare_odds(draw_scores(rng, 0.5), draw_scores(rng)), math.exp(0.5))),
        4.0,
    )
    yield Case(
        "A/A, net promoter score",
        0.05,
        "about",
        each(lambda rng: rejects(stats.compare_net_promoter(draw_scores(rng), draw_scores(rng), None, 5, 2))),
        2.0,
    )
    yield Case("worst-case bounds, truth at the bound", 0.05, "exact", each(draw_bounds))
    yield Case("inverse-weighted scores, rates that differ", 0.05, "about", each(draw_weighted), 2.0)


def draw_links(rng: Rng) -> Any:
    """Draw customers who come through three stages; the first link is better in treatment."""
    counts = []
    for first in (0.5, 0.6):
        visited = int(rng.binomial(800, first))
        asked = int(rng.binomial(visited, 0.4))
        counts.append([800, visited, asked, int(rng.binomial(asked, 0.5))])
    return stats.decompose_links(*counts)


def link_misses(found: Any, place: int) -> bool | None:
    """Tell whether the interval of a link's log ratio misses the truth."""
    if isinstance(found, stats.NotComputable) or found.links[place].log_ratio is None:
        return None
    link, truth = found.links[place], math.log(1.2) if place == 0 else 0.0
    return abs(link.log_ratio - truth) > 1.959964 * link.se


def draw_mix(rng: Rng) -> Any:
    """Draw two channels whose mix and rates both move."""
    arms = []
    for share, rates in ((0.3, (0.2, 0.4)), (0.45, (0.25, 0.4))):
        web = int(rng.binomial(1500, share))
        arms.append(
            {
                "web": (web, int(rng.binomial(web, rates[0]))),
                "phone": (1500 - web, int(rng.binomial(1500 - web, rates[1]))),
            }
        )
    return stats.decompose_mix_and_rate(*arms)


def mix_misses(found: Any, part: str) -> bool | None:
    """Tell whether the interval of a part misses the truth."""
    if isinstance(found, stats.NotComputable):
        return None
    truth = 0.15 * ((0.2 + 0.25) / 2 - 0.4) if part == "mix" else 0.05 * 0.375
    return not getattr(found, f"{part}_ci_lower") <= truth <= getattr(found, f"{part}_ci_upper")


def list_journeys() -> Iterator[Case]:
    """Yield the cases on the parts of an effect along a journey."""
    yield Case(
        "total of an effect along links",
        0.05,
        "about",
        each(lambda rng: misses(draw_links(rng), 0.1 * 0.2)),
        2.0,
    )
    for place in (0, 1):
        yield Case(
            f"log ratio of link {place + 1} of 3",
            0.05,
            "about",
            each(lambda rng, k=place: link_misses(draw_links(rng), k)),
            2.0,
        )
    for part in ("mix", "rate"):
        yield Case(
            f"{part} of channels, both of which move",
            0.05,
            "about",
            each(lambda rng, p=part: mix_misses(draw_mix(rng), p)),
            2.0,
        )
