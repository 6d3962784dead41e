"""The primary result under other rules of who is who: does it rest on identity resolution?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from abplat import stats
from abplat.analysis.effects import (
    AnyComparison,
    MeasuredMetric,
    Standing,
    effect_alpha,
    measure_metric,
    plain,
)
from abplat.analysis.encounters import Encounters
from abplat.analysis.gathered import Flags, FloatArray, Gathered, IntArray
from abplat.analysis.metrics import measure
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.tally import time_to_complete
from abplat.analysis.units import by_assigned_id, restrict
from abplat.domain.report_identity import IdentityVerdict, Sensitivity

MAIN = "first_exposure"
WEAKEST_DOSE = 0.1
"""Arms that differ less in what they met cannot carry an effect per dose."""
_JUDGED = Standing(is_final=True, is_trusted=True)
_NOTES = {
    MAIN: "everyone counts in the variant met first: the main analysis",
    "without_crossovers": "without customers who met more than one variant; with unequal shares this leaves "
    "out more customers of the smaller arm",
    "known_before": "only customers who were known when they were exposed",
    "dose": "the effect divided by the difference in the share of own exposures that were the variant; "
    "supposes that the effect grows in proportion to that share, and that being assigned does nothing else",
    "assignment_id": "every assigned id is a unit; errors are clustered by customer",
}


@dataclass(frozen=True, slots=True)
class _Estimate:
    """One analysis of one variant."""

    n_control: int
    n_treatment: int
    effect: float
    se: float
    ci_lower: float
    ci_upper: float
    p_value: float


Found = stats.Computed[_Estimate]


def compare_identities(
    gathered: Gathered, plan: AnalysisPlan, primary: MeasuredMetric, encounters: Encounters
) -> tuple[Sensitivity, ...]:
    """Repeat the primary comparison under each rule, for every treatment; the main one comes first.

    A rule that leaves everything as it is (no crossover, everybody known) has no row: it would say
    the same again.
    """
    mains = _read(primary)
    found = [_describe(MAIN, mains, mains, plan)]
    for name, analyse in _choose(gathered, plan, encounters).items():
        found.append(_describe(name, analyse(gathered, plan, primary, encounters), mains, plan))
    return tuple(row for rows in zip(*found, strict=True) for row in rows)


_Analysis = Callable[[Gathered, AnalysisPlan, MeasuredMetric, Encounters], list[Found]]


def _choose(gathered: Gathered, plan: AnalysisPlan, encounters: Encounters) -> dict[str, _Analysis]:
    """Return the analyses that could say something else than the main one."""
    chosen: dict[str, _Analysis] = {}
    if gathered.population.crossover.any():
        chosen["without_crossovers"] = _without_crossovers
    if not encounters.known_before.all():
        chosen["known_before"] = _known_before
    if plan.is_clustered:
        return chosen  # the others have errors of customers
    if gathered.population.crossover.any():
        chosen["dose"] = _per_dose
    if len(encounters.ids) > len(gathered.population):
        chosen["assignment_id"] = compare_assigned_ids
    return chosen


def _without_crossovers(
    gathered: Gathered, plan: AnalysisPlan, _primary: MeasuredMetric, _encounters: Encounters
) -> list[Found]:
    """Leave out who met several variants."""
    return _repeat(gathered, plan, ~gathered.population.crossover)


def _known_before(
    gathered: Gathered, plan: AnalysisPlan, _primary: MeasuredMetric, encounters: Encounters
) -> list[Found]:
    """Keep who was known when exposed."""
    return _repeat(gathered, plan, encounters.known_before)


def _repeat(gathered: Gathered, plan: AnalysisPlan, keep: Flags) -> list[Found]:
    """Measure the primary metric over some of the customers."""
    return _read(measure_metric(plan.primary, restrict(gathered, keep), plan, _JUDGED))


def _read(row: MeasuredMetric) -> list[Found]:
    """Return the comparisons of a row."""
    n = [value.n for value in row.result.values]
    return [_estimate(each, n[0], n[place]) for place, each in enumerate(row.comparisons, start=1)]


def _estimate(found: stats.Computed[AnyComparison], n_control: int, n_treatment: int) -> Found:
    """Return what every kind of comparison has."""
    if isinstance(found, stats.NotComputable):
        return found
    return _Estimate(
        n_control=n_control,
        n_treatment=n_treatment,
        effect=float(found.effect),
        se=float(found.se),
        ci_lower=float(found.ci_lower),
        ci_upper=float(found.ci_upper),
        p_value=float(found.p_value),
    )


def _per_dose(
    gathered: Gathered, plan: AnalysisPlan, primary: MeasuredMetric, encounters: Encounters
) -> list[Found]:
    """Divide each effect by the difference between the arms in what they met (Wald)."""
    mains, rows = _read(primary), []
    values = None if plan.primary.unit == "seconds" else _values(gathered, plan)
    total = np.bincount(encounters.unit, minlength=len(gathered.population))
    for treatment, main in enumerate(mains, start=1):
        met = np.bincount(
            encounters.unit, weights=encounters.variant == treatment, minlength=len(gathered.population)
        )
        rows.append(_divide(main, gathered, treatment, met / np.maximum(total, 1), values))
    alpha = effect_alpha(plan.primary, plan)
    return [row if isinstance(row, stats.NotComputable) else _with_interval(row, alpha) for row in rows]


def _divide(
    main: Found, gathered: Gathered, treatment: int, dose: FloatArray, values: FloatArray | None
) -> Found:
    """Divide one effect by the difference in dose; the error by linearisation where values are known."""
    if isinstance(main, stats.NotComputable):
        return main
    arms = (gathered.arm(0), gathered.arm(treatment))
    step = float(dose[arms[1]].mean() - dose[arms[0]].mean())
    if abs(step) < WEAKEST_DOSE:
        return stats.NotComputable("weak_dose")
    effect, se = main.effect / step, main.se / abs(step)
    if values is not None:
        rest = values - effect * dose
        control, treated = (stats.Moments.from_values(rest[arm]) for arm in arms)
        found = stats.compare(treated, control)
        se = se if isinstance(found, stats.NotComputable) else float(found.se) / abs(step)
    return _Estimate(main.n_control, main.n_treatment, effect, se, 0.0, 0.0, 0.0)


def _with_interval(row: _Estimate, alpha: float) -> _Estimate:
    """Give an estimate its normal interval and p-value."""
    normal = NormalDist()
    half = normal.inv_cdf(1 - alpha / 2) * row.se
    p_value = 2 * normal.cdf(-abs(row.effect) / row.se) if row.se > 0 else 1.0
    return _Estimate(
        row.n_control, row.n_treatment, row.effect, row.se, row.effect - half, row.effect + half, p_value
    )


def _values(gathered: Gathered, plan: AnalysisPlan) -> FloatArray:
    """Return the primary metric per unit; of a time the part within the horizon, which mature units have."""
    if plan.primary.unit == "seconds":
        return time_to_complete(gathered, plan.primary.journey)[0]
    return measure(plan.primary, gathered, plan).values


def compare_assigned_ids(
    gathered: Gathered, plan: AnalysisPlan, _primary: MeasuredMetric, encounters: Encounters
) -> list[Found]:
    """Compare the arms with every assigned id as a unit, errors clustered by customer."""
    spread = by_assigned_id(gathered, encounters, plan)
    values, owner = _values(spread, plan), encounters.unit[encounters.first]
    alpha = effect_alpha(plan.primary, plan)
    found: list[Found] = []
    for treatment in range(1, len(plan.variants)):
        arms = (spread.arm(0), spread.arm(treatment))
        totals = _add_up(values, owner, arms)
        if totals is None:
            found.append(stats.NotComputable("no_units"))
            continue
        made = stats.compare_clusters(totals, "t", "c", stats.ClusterPlan(alpha=alpha, method="cr1"))
        n = [int(np.count_nonzero(arm)) for arm in arms]
        found.append(
            made if isinstance(made, stats.NotComputable) else _estimate(made.comparison, n[0], n[1])
        )
    return found


def _add_up(values: FloatArray, owner: IntArray, arms: Sequence[Flags]) -> stats.ClusterTotals | None:
    """Add the values of the ids up per customer and arm."""
    if not all(arm.any() for arm in arms):
        return None
    keys: list[str] = []
    sums: list[float] = []
    sizes: list[float] = []
    names: list[str] = []
    for name, arm in zip("ct", arms, strict=True):
        used, place = np.unique(owner[arm], return_inverse=True)
        keys += [str(key) for key in used.tolist()]
        names += [name] * used.size
        sums += np.bincount(place, weights=values[arm]).tolist()
        sizes += np.bincount(place).astype(np.float64).tolist()
    return stats.ClusterTotals(cluster=tuple(keys), variant=tuple(names), y=tuple(sums), d=tuple(sizes))


def _describe(
    name: str, found: Sequence[Found], mains: Sequence[Found], plan: AnalysisPlan
) -> list[Sensitivity]:
    """Write the rows of one analysis, one per treatment."""
    return [
        _row(name, variant.key, each, main, plan)
        for variant, each, main in zip(plan.variants[1:], found, mains, strict=True)
    ]


def _row(name: str, variant: str, found: Found, main: Found, plan: AnalysisPlan) -> Sensitivity:
    """Write one row."""
    note, conclusion = _NOTES[name], conclude(found, plan.primary.direction)
    if isinstance(found, stats.NotComputable):
        return Sensitivity(
            variant=variant, analysis=name, n_control=0, n_treatment=0, effect=None, se=None, ci_lower=None,
            ci_upper=None, p_value=None, conclusion=conclusion, agrees=None, note=note, reason=found.reason,
        )  # fmt: skip
    agrees = None
    if name != MAIN and not isinstance(main, stats.NotComputable):
        agrees = agree(found, main, plan.primary.direction)
    return Sensitivity(
        variant=variant,
        analysis=name,
        n_control=found.n_control,
        n_treatment=found.n_treatment,
        effect=plain(found.effect),
        se=plain(found.se),
        ci_lower=plain(found.ci_lower),
        ci_upper=plain(found.ci_upper),
        p_value=plain(found.p_value),
        conclusion=conclusion,
        agrees=agrees,
        note=note,
    )


def agree(found: _Estimate, main: _Estimate, direction: str) -> bool:
    """Tell whether two analyses come to the same: in their conclusion, and in their sign.

    Around nothing a sign is chance: two inconclusive results agree too where each one's interval
    holds the other's estimate.
    """
    if conclude(found, direction) != conclude(main, direction):
        return False
    holds = found.ci_lower <= main.effect <= found.ci_upper and main.ci_lower <= found.effect <= main.ci_upper
    is_open = conclude(main, direction) == "inconclusive"
    return found.effect * main.effect > 0 or found.effect == main.effect or (is_open and holds)


def conclude(found: Found, direction: str) -> str:
    """Say what an interval shows."""
    if isinstance(found, stats.NotComputable):
        return "not_computable"
    if found.ci_lower <= 0 <= found.ci_upper:
        return "inconclusive"
    return "better" if (found.effect > 0) == (direction == "up") else "worse"


def judge(rows: Sequence[Sensitivity], plan: AnalysisPlan) -> tuple[IdentityVerdict, ...]:
    """Say of each treatment whether its result depends on identity resolution."""
    return tuple(
        _judge_one(variant.key, [row for row in rows if row.variant == variant.key])
        for variant in plan.variants[1:]
    )


def _judge_one(variant: str, rows: Sequence[Sensitivity]) -> IdentityVerdict:
    """Compare the analyses of one treatment."""
    main = rows[0]
    if main.reason is not None:
        return IdentityVerdict(
            variant=variant, code="not_computable", sentence="There is no result to hold against identity."
        )
    others = [row for row in rows[1:] if row.agrees is not None]
    against = [row for row in others if not row.agrees]
    if not against:
        said = (
            f"Robust: {len(others)} other ways to tell who is who come to the same conclusion ({main.conclusion})."
            if others
            else "No other way to tell who is who has enough customers to be held against the main analysis."
            if rows[1:]
            else "Robust: every customer met one variant on one known id, so there is nothing to tell apart."
        )
        return IdentityVerdict(variant=variant, code="robust", sentence=said)
    named = "; ".join(f"{_name(row)} {_say(row, main)}" for row in against)
    return IdentityVerdict(
        variant=variant,
        code="depends_on_identity_resolution",
        sentence=f"Depends on identity resolution: the main analysis is {main.conclusion}, {named}.",
    )


def _name(row: Sensitivity) -> str:
    """Return the name of an analysis as people read it."""
    return {
        "without_crossovers": "without crossovers it is",
        "known_before": "over customers known before exposure it is",
        "dose": "per dose it is",
        "assignment_id": "over assigned ids it is",
    }[row.analysis]


def _say(row: Sensitivity, main: Sensitivity) -> str:
    """Say how an analysis differs from the main one."""
    if row.conclusion != main.conclusion:
        inside = (row.ci_lower or 0.0) <= (main.effect or 0.0) <= (row.ci_upper or 0.0)
        near = ", though its interval holds the main estimate" if inside else ""
        return f"{row.conclusion} ({row.n_control + row.n_treatment} units{near})"
    return f"{row.conclusion} with the opposite sign"
