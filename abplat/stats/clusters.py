"""Experiments that assign clusters: teams, stores, regions, or periods of a switchback."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.assembly import assemble
from abplat.stats.cluster_robust import Correction, fit_clusters
from abplat.stats.cluster_totals import ClusterTotals
from abplat.stats.comparison import Comparison, ComparisonPlan, Relative
from abplat.stats.kernel import Estimate
from abplat.stats.moments import FloatArray
from abplat.stats.permutation import Permuted, permute
from abplat.stats.result import Computed, NotComputable


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterPlan:
    """How clusters are compared; fixed before the data are seen.

    Attributes:
        alpha: Two-sided error rate.
        method: ``auto`` (permutation below ``min_clusters``, else ``cr2``), ``cr2``, ``cr1``,
            ``cr0`` or ``permutation``.
        min_clusters: Fewer clusters than this, both arms together, are too few for ``cr2``.
        weight: ``journeys``: every journey counts the same; ``clusters``: every cluster does.
        adjust_blocks: Whether each block gets a level of its own (a team that is always slow).
        relative: Interval of the relative effect: ``fieller``, ``delta`` or ``log``.
    """

    alpha: float = 0.05
    method: Literal["auto", "cr2", "cr1", "cr0", "permutation"] = "auto"
    min_clusters: int = 10
    weight: Literal["journeys", "clusters"] = "journeys"
    adjust_blocks: bool = False
    relative: Relative = "fieller"

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {self.alpha!r}")
        if self.method not in ("auto", "cr2", "cr1", "cr0", "permutation"):
            raise InvalidInputError.at("method", f"is unknown: {self.method!r}")
        if self.weight not in ("journeys", "clusters"):
            raise InvalidInputError.at("weight", f"must be journeys or clusters, got {self.weight!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterComparison:
    """The effect of a treatment that was assigned to clusters.

    Attributes:
        comparison: Effect, interval and p-value; ``n_control`` and ``n_treatment`` are clusters.
        n_journeys: Journeys (or other denominator) behind them.
        largest_share: Share of the journeys of an arm that its largest cluster holds.
        n_permutations: Ways to deal the labels that were tried; None without a permutation test.
        is_exact: Whether these were all ways; None without a permutation test.
    """

    comparison: Comparison
    n_journeys: float
    largest_share: float
    n_permutations: int | None = None
    is_exact: bool | None = None


class _Rows(NamedTuple):
    """The rows of two arms as arrays."""

    cluster: npt.NDArray[np.intp]
    is_treated: npt.NDArray[np.bool_]
    y: FloatArray
    d: FloatArray
    x: FloatArray
    block: npt.NDArray[np.str_]


def compare_clusters(
    totals: ClusterTotals, treatment: str, control: str, plan: ClusterPlan | None = None
) -> Computed[ClusterComparison]:
    """Compare two variants that were assigned to clusters.

    Why: customers of one store share its luck; counted one by one they pretend to be far more
    evidence than they are. Rule: weighted least squares on the clusters with the CR2 variance
    and Satterthwaite degrees of freedom; below ten clusters a permutation test with the interval
    that inverts it.

    Args:
        totals: Sums per cluster and variant; other variants in it are left out.
        treatment: Variant compared.
        control: Variant compared with.
        plan: Error rate, method, weights, blocks.

    Returns:
        The effect per journey; ``no_units`` for an arm without clusters, ``too_few_clusters``
        where no interval can be given, ``zero_variance`` where the clusters do not differ.

    Raises:
        InvalidInputError: If both variants are one, blocks are asked for and not given, or a
            permutation is asked for though clusters hold both variants.

    References:
        Bell, McCaffrey (2002); Imbens, Kolesar (2016), eq. 11; Pustejovsky, Tipton (2018), eq. 10
        (``clubSandwich::vcovCR(type = "CR2")`` and ``coef_test(test = "Satterthwaite")``).

    Examples:
        >>> y, d = (30.0, 28.0, 35.0, 20.0, 22.0, 18.0, 33.0, 19.0, 31.0, 21.0), (100.0,) * 10
        >>> variant = ("t", "t", "t", "c", "c", "c", "t", "c", "t", "c")
        >>> totals = ClusterTotals(cluster=tuple("abcdefghij"), variant=variant, y=y, d=d)
        >>> found = compare_clusters(totals, "t", "c").comparison
        >>> round(found.effect, 3), round(found.df, 2), found.method
        (0.114, 8.0, 'cr2')
    """
    plan = plan or ClusterPlan()
    rows = _read(totals, treatment, control, plan)
    sizes = [int(np.unique(rows.cluster[rows.is_treated == side]).size) for side in (False, True)]
    if min(sizes) < 2:
        return NotComputable("too_few_clusters" if all(sizes) else "no_units")
    method = _choose_method(rows, sizes, plan)
    found = _fit(rows, sizes, plan, "cr2" if method == "permutation" else method)
    if isinstance(found, NotComputable):
        return found
    shares = [float((rows.d[s] / rows.d[s].sum()).max()) for s in (rows.is_treated, ~rows.is_treated)]
    n_journeys = float(sum(_select(totals, treatment, control)))
    result = ClusterComparison(comparison=found, n_journeys=n_journeys, largest_share=max(shares))
    if method != "permutation":
        return result
    permuted = permute(rows.y, rows.d, rows.is_treated, rows.block.tolist(), plan.alpha)
    return permuted if isinstance(permuted, NotComputable) else _replace(result, permuted)


def _choose_method(
    rows: _Rows, sizes: list[int], plan: ClusterPlan
) -> Literal["cr2", "cr1", "cr0", "permutation"]:
    """Choose the method where the plan leaves it open; a permutation needs clusters of one variant."""
    n_clusters = int(np.unique(rows.cluster).size)
    is_nested = sum(sizes) == n_clusters
    if plan.method == "auto":
        return "permutation" if is_nested and n_clusters < plan.min_clusters else "cr2"
    if plan.method == "permutation" and not is_nested:
        raise InvalidInputError.at("method", "permutation needs clusters with one variant each")
    return plan.method


def _select(totals: ClusterTotals, treatment: str, control: str) -> list[float]:
    """Return the denominators of the rows of two variants."""
    pairs = zip(totals.variant, totals.d, strict=True)
    return [d for variant, d in pairs if variant in (treatment, control)]


def _read(totals: ClusterTotals, treatment: str, control: str, plan: ClusterPlan) -> _Rows:
    """Lay the rows of two variants out as arrays, weighted as planned."""
    if treatment == control:
        raise InvalidInputError.at("treatment", "must differ from control")
    if plan.adjust_blocks and not totals.block:
        raise InvalidInputError.at("adjust_blocks", "needs the blocks of the clusters")
    variant = np.asarray(totals.variant, dtype=str)
    used = (variant == treatment) | (variant == control)
    y, d = np.asarray(totals.y)[used], np.asarray(totals.d)[used]
    if plan.weight == "clusters":
        y, d = y / d, np.ones_like(d)
    _, cluster = np.unique(np.asarray(totals.cluster, dtype=str)[used], return_inverse=True)
    x = np.asarray(totals.x, dtype=np.float64)[used] if totals.x else np.empty((y.size, 0))
    block = np.asarray(totals.block, dtype=str)[used] if totals.block else np.empty(0, dtype=str)
    return _Rows(cluster, variant[used] == treatment, y, d, x, block)


def _fit(rows: _Rows, sizes: list[int], plan: ClusterPlan, correction: Correction) -> Computed[Comparison]:
    """Fit the arms' levels with covariates and blocks, and make the comparison of them."""
    levels = np.column_stack([~rows.is_treated, rows.is_treated]).astype(np.float64)
    design = np.column_stack([levels, _adjusters(rows, plan, levels)])
    n_clusters = int(rows.cluster.max()) + 1
    cross = np.zeros((n_clusters, design.shape[1], design.shape[1]))
    np.add.at(cross, rows.cluster, np.einsum("ri,rj->rij", design * rows.d[:, None], design))
    moment = np.zeros((n_clusters, design.shape[1]))
    np.add.at(moment, rows.cluster, design * rows.y[:, None])
    if n_clusters <= design.shape[1]:
        return NotComputable("too_few_clusters")
    fit = fit_clusters(cross, moment, round(float(rows.d.sum())), correction)
    contrast = np.zeros(design.shape[1])
    contrast[:2] = (-1.0, 1.0)
    variance = fit.covariance
    raw = [float(rows.y[s].sum() / rows.d[s].sum()) for s in (~rows.is_treated, rows.is_treated)]
    estimate = Estimate(
        effect=float(contrast @ fit.beta),
        variance=float(contrast @ variance @ contrast),
        magnitude=float(np.trace(variance[:2, :2])) + 1e-12 * max(raw[0] ** 2, raw[1] ** 2),
        df=fit.df(contrast),
        control=raw[0],
        treatment=raw[1],
        control_adjusted=float(fit.beta[0]),
        treatment_adjusted=float(fit.beta[1]),
        baseline=float(fit.beta[0]),
        baseline_variance=float(variance[0, 0]),
        baseline_covariance=float(variance[1, 0] - variance[0, 0]),
        theta=list(fit.beta[2 : 2 + rows.x.shape[1]]),
        n_treatment=sizes[1],
        n_control=sizes[0],
    )
    found = assemble(estimate, ComparisonPlan(alpha=plan.alpha, relative=plan.relative), ())
    if isinstance(found, NotComputable):
        return NotComputable("too_few_clusters") if found.reason == "too_few_units" else found
    return replace(found, method=correction)


def _adjusters(rows: _Rows, plan: ClusterPlan, levels: FloatArray) -> FloatArray:
    """Return covariates and blocks about their means, less those that depend on others."""
    columns = list(rows.x.T)
    if plan.adjust_blocks:
        columns += [(rows.block == level).astype(np.float64) for level in np.unique(rows.block)[1:]]
    kept = [levels[:, 0], levels[:, 1]]
    root = np.sqrt(rows.d)
    for column in columns:
        centred = column - np.average(column, weights=rows.d)
        basis = np.column_stack(kept) * root[:, None]
        rest = centred * root - basis @ np.linalg.lstsq(basis, centred * root, rcond=None)[0]
        if np.linalg.norm(rest) > 1e-9 * max(float(np.linalg.norm(centred * root)), 1e-300):
            kept.append(centred)
    return np.column_stack(kept)[:, 2:]


def _replace(result: ClusterComparison, permuted: Permuted) -> ClusterComparison:
    """Put interval and p-value of the permutation test in place of those of the t distribution."""
    base = result.comparison
    comparison = replace(
        base,
        ci_lower=permuted.ci_lower,
        ci_upper=permuted.ci_upper,
        p_value=permuted.p_value,
        log10_p=math.log10(permuted.p_value),
        df=None,
        effect=base.treatment_value - base.control_value,
        control_adjusted=base.control_value,
        treatment_adjusted=base.treatment_value,
        rel_effect=None,
        rel_ci_lower=None,
        rel_ci_upper=None,
        rel_p_value=None,
        rel_reason="too_few_clusters",
        theta=(),
        method="permutation",
    )
    return replace(
        result, comparison=comparison, n_permutations=permuted.n_permutations, is_exact=permuted.is_exact
    )
