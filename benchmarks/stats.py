"""Cost of a comparison, one by one and a hundred at a time, beside scipy.

Run: python benchmarks/stats.py
"""

from __future__ import annotations

import timeit
from collections.abc import Callable

import numpy as np
from scipy import stats as scipy_stats

from abplat.stats import (
    Comparison,
    ComparisonPlan,
    Moments,
    NotComputable,
    compare,
    compare_rows,
    decompose_links,
)


def main() -> None:
    """Print microseconds per comparison, best of seven."""
    rng = np.random.default_rng(1)
    arms = {"mean": [], "ratio": [], "covariate": [], "covariate on a ratio": []}
    for lift in (0.1, 0.0):
        x, d = rng.normal(5, 1, 1000), 1.0 + rng.poisson(3, 1000)
        y = x + rng.normal(lift, 1, 1000)
        arms["mean"].append(Moments.from_values(y))
        arms["ratio"].append(Moments.from_values(y, d))
        arms["covariate"].append(Moments.from_values(y, covariate=x))
        arms["covariate on a ratio"].append(Moments.from_values(y, d, x, d + 1))
    print(f"{'us per comparison':24}{'scalar':>10}{'of 100 rows':>14}")
    for name, (treatment, control) in arms.items():
        plan = ComparisonPlan(kind="ratio" if "ratio" in name else "mean")
        one = best(lambda t=treatment, c=control, p=plan: compare(t, c, p), 300)
        many = best(lambda t=treatment, c=control, p=plan: compare_rows([t] * 100, [c] * 100, p), 20) / 100
        print(f"{name:24}{one:10.1f}{many:14.1f}")
    scipy_one = best(
        lambda: scipy_stats.ttest_ind_from_stats(5.1, 1.0, 1000, 5.0, 1.0, 1000, equal_var=False), 300
    )
    print(f"{'scipy Welch from stats':24}{scipy_one:10.1f}")
    links = best(lambda: decompose_links([9000, 5000, 3000, 1000], [9100, 5100, 3000, 1010]), 100)
    print(f"{'links, three':24}{links:10.1f}")


def best(call: Callable[[], Comparison | NotComputable | object], number: int) -> float:
    """Return the best of seven timings, in microseconds per call."""
    return min(timeit.repeat(call, number=number, repeat=7)) / number * 1e6


if __name__ == "__main__":
    main()
