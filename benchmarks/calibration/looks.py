"""Looking before the end, every day."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from abplat import stats
from abplat.stats import Moments, sequential

from .cases import Case, Draws, Rng, each, misses

CHUNK = 2000


def draw_paths(rng: Rng, n: int, looks: int, drift: float = 0.0) -> Iterator[np.ndarray]:
    """Yield scores at evenly spaced looks, many experiments to an array."""
    steps = np.arange(1, looks + 1)
    for start in range(0, n, CHUNK):
        moves = rng.normal(drift / looks**0.5, 1, (min(CHUNK, n - start), looks))
        yield np.cumsum(moves, axis=1) / np.sqrt(steps)


def any_beyond(limits: np.ndarray, drift: float = 0.0) -> Draws:
    """Return draws that are wrong where any look is beyond its limit."""
    return lambda rng, n: (
        bool(hit) for z in draw_paths(rng, n, limits.size, drift) for hit in (np.abs(z) >= limits).any(axis=1)
    )


def draw_ledger(rng: Rng) -> bool:
    """Draw looks at uneven times, the end among them, and keep them in a ledger until it is over."""
    book = sequential.open_ledger(sequential.GroupSequentialPlan(), planned_se=0.1)
    seen = np.append(np.sort(rng.uniform(0.05, 0.95, 5)), 1.0)
    walk = np.cumsum(rng.normal(0, 1, 6) * np.sqrt(np.diff(np.r_[0.0, seen])))
    for share, path in zip(seen.tolist(), walk.tolist(), strict=True):
        book = book.record(path / share * 0.1, 0.1 / share**0.5, final=share == 1.0)
        if book.is_over:
            break
    return book.looks[-1].outcome in ("better", "worse")


def stop(rng: Rng, drift: float, bounds: np.ndarray) -> stats.Computed[stats.StagewiseResult]:
    """Draw a test that stops at a bound or at the end, and infer what can be said."""
    z = next(draw_paths(rng, 1, bounds.size, drift))[0]
    beyond = np.abs(z) >= bounds
    at = int(np.argmax(beyond)) if beyond.any() else bounds.size - 1
    information = tuple((k + 1) / bounds.size for k in range(at + 1))
    earlier = tuple((-b, b) for b in bounds[:at].tolist())
    effect = float(z[at] / information[-1] ** 0.5)
    return sequential.infer_after_stop(
        sequential.StoppedTest(information=information, earlier=earlier, effect=effect)
    )


def is_too_high(found: stats.Computed[stats.StagewiseResult], drift: float) -> bool | None:
    """Tell whether the estimate after a stop is above the truth."""
    return None if isinstance(found, stats.NotComputable) else found.effect > drift


def draw_linear(rng: Rng, looks: int = 14) -> bool:
    """Draw three equal arms with a covariate, read every day."""
    plan = stats.plan_linear(looks * 30)
    arms: list[Moments | None] = [None, None, None]
    for _ in range(looks):
        for k in range(3):
            x = rng.normal(5, 1, 15)
            day = Moments.from_values(x + rng.normal(0, 1, 15), covariate=x, shift=(5.0, 5.0))
            before = arms[k]
            arms[k] = day if before is None else before + day
        control, first, second = arms
        assert control is not None
        assert first is not None
        assert second is not None
        found = stats.compare_anytime({"a": first, "b": second}, control, plan)
        if not isinstance(found, stats.NotComputable) and found.p_value < 0.05:
            return True
    return False


def draw_means(rng: Rng, limits: np.ndarray, per_look: int) -> bool:
    """Draw skewed values of two arms day by day and hold Welch's t against the limits."""
    n = limits.size * per_look
    steps = np.arange(per_look, n + 1, per_look)
    sums = []
    for _ in range(2):
        y = rng.exponential(1.0, n)
        mean = np.cumsum(y)[steps - 1] / steps
        sums.append((mean, (np.cumsum(y * y)[steps - 1] - steps * mean**2) / (steps - 1) / steps))
    z = (sums[0][0] - sums[1][0]) / np.sqrt(sums[0][1] + sums[1][1])
    return bool((np.abs(z) >= limits).any())


def list_looks() -> Iterator[Case]:
    """Yield the cases on daily looks."""
    bounds = {}
    for family, parameter, looks in (
        ("obrien_fleming", None, 14), ("obrien_fleming", None, 28), ("pocock", None, 14),
        ("hwang_shih_decani", -4.0, 14), ("kim_demets", 3.0, 14),
    ):  # fmt: skip
        plan = sequential.GroupSequentialPlan(spending=sequential.Spending(family, parameter))  # type: ignore[arg-type]
        limits = np.array(sequential.set_bounds([i / looks for i in range(1, looks + 1)], plan).upper)
        bounds[family, looks] = limits
        name = family.replace("_", " ")
        yield Case(f"A/A, group sequential ({name}), {looks} daily looks", 0.05, "exact", any_beyond(limits))
    yield Case(
        "A/A, group sequential, skewed values, 14 daily looks", 0.05, "about",
        each(lambda rng: draw_means(rng, bounds["obrien_fleming", 14], 100)),
    )  # fmt: skip
    for looks in (14, 28):
        plan = sequential.ConfidenceSequencePlan(planned_n=1000.0 * looks)
        width = np.asarray(sequential.sequence_critical_values(1000.0 * np.arange(1, looks + 1), plan))
        yield Case(f"A/A, confidence sequence, {looks} daily looks", 0.05, "at most", any_beyond(width))
    yield Case(
        "A/A, confidence sequence, skewed values, 14 daily looks", 0.05, "at most",
        each(lambda rng: draw_means(rng, np.asarray(sequential.sequence_critical_values(400.0 * np.arange(1, 15), sequential.ConfidenceSequencePlan(planned_n=5600.0))), 200)), 2.0,
    )  # fmt: skip
    mixture = sequential.plan_mixture(1.0)
    ses = (28 / np.arange(1, 29)) ** 0.5
    yield Case(
        "A/A, mSPRT, 28 daily looks",
        0.05,
        "at most",
        any_beyond(sequential.mixture_half_width(ses, mixture) / ses),
    )
    yield Case(
        "A/A, anytime F test of three arms with a covariate, 14 daily looks",
        0.05,
        "at most",
        each(draw_linear),
        20.0,
    )
    limits = np.array(sequential.set_bounds([0.25, 0.5, 0.75, 1.0], sequential.GroupSequentialPlan()).upper)
    for drift in (0.0, 2.5):
        yield Case(
            f"interval after a stop, drift {drift:g}", 0.05, "exact",
            each(lambda rng, d=drift: misses(stop(rng, d, limits), d)), 20.0,
        )  # fmt: skip
    yield Case(
        "estimate after a stop is too high",
        0.5,
        "exact",
        each(lambda rng: is_too_high(stop(rng, 2.5, limits), 2.5)),
        10.0,
    )
    yield Case("A/A, ledger of uneven looks", 0.05, "exact", each(draw_ledger), 10.0)
