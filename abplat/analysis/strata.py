"""Whether the goal looks alike in strata fixed before the exposure: Simpson and Gail-Simon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from abplat import stats
from abplat.analysis.gathered import Gathered, IntArray
from abplat.analysis.metrics import TIME_KINDS, UnitRows, measure, sum_cells, sum_moments
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import Finding
from abplat.domain.report_conflicts import StrataCheck, StratumRow

WEEK_US = 7 * 86_400 * 1_000_000
MIN_UNITS = 30
"""A stratum with fewer customers in an arm says nothing by itself."""
QUALITATIVE_P = 0.01
_Z = 1.959964


class Strata(NamedTuple):
    """One way to divide customers."""

    by: str
    place: IntArray
    names: tuple[str, ...]


def check_strata(gathered: Gathered, plan: AnalysisPlan) -> tuple[StrataCheck, ...]:
    """Hold the total against weeks and channels of the first exposure, for each treatment."""
    goal = plan.primary
    if goal.kind in TIME_KINDS or not len(gathered.population):
        return ()
    found = measure(goal, gathered, plan)
    sign = 1.0 if goal.direction == "up" else -1.0
    checks = (
        _check(found, gathered, plan, treatment, strata, sign)
        for treatment in range(1, len(plan.variants))
        for strata in divide(gathered)
    )
    return tuple(check for check in checks if check is not None)


def divide(gathered: Gathered) -> list[Strata]:
    """Return the ways to divide customers by what was fixed when they came in."""
    population = gathered.population
    week = (population.first_exposure - population.first_exposure.min()) // WEEK_US
    weeks = tuple(f"week {number + 1}" for number in range(int(week.max()) + 1))
    found = [Strata("week", week, weeks)]
    if population.first_channel is not None:
        channel = population.first_channel.astype(np.int64)
        found.append(Strata("channel", np.where(channel < 0, len(population.channels), channel),
                             (*population.channels, "unknown")))  # fmt: skip
    return found


def _check(
    found: UnitRows, gathered: Gathered, plan: AnalysisPlan, treatment: int, strata: Strata, sign: float
) -> StrataCheck | None:
    """Compare one treatment in every stratum large enough."""
    how = stats.ComparisonPlan(alpha=plan.alpha, kind=found.kind, small_table="never")
    cells = sum_cells(found, gathered, strata.place, (len(strata.names), len(plan.variants)))
    rows, sizes = [], []
    for name, cell in zip(strata.names, cells, strict=True):
        control, treated = cell[0], cell[treatment]
        if min(control.n, treated.n) < MIN_UNITS:
            continue
        compared = stats.compare(treated, control, how)
        if isinstance(compared, stats.NotComputable) or compared.se <= 0:
            continue
        rows.append(_row(name, (control.n, treated.n), sign * compared.effect, compared.se))
        sizes.append(control.n + treated.n)
    whole = sum_moments(found, gathered, len(plan.variants))
    total = stats.compare(whole[treatment], whole[0], how)
    if len(rows) < 2 or isinstance(total, stats.NotComputable):
        return None
    return _conclude(plan.variants[treatment].key, strata.by, rows, sizes, (sign * total.effect, total.se))


def _row(name: str, counts: Sequence[int], effect: float, se: float) -> StratumRow:
    """Return one stratum."""
    return StratumRow(
        stratum=name, n_control=counts[0], n_treatment=counts[1], effect=float(effect), se=float(se)
    )


def _conclude(
    variant: str, by: str, rows: Sequence[StratumRow], sizes: Sequence[int], total: tuple[float, float]
) -> StrataCheck:
    """Hold the strata against the total."""
    shares = [size / sum(sizes) for size in sizes]
    adjusted = math.fsum(share * row.effect for share, row in zip(shares, rows, strict=True))
    spread = math.sqrt(math.fsum((share * row.se) ** 2 for share, row in zip(shares, rows, strict=True)))
    signs = {math.copysign(1.0, row.effect) for row in rows if row.effect}
    is_large = abs(adjusted) > _Z * spread or abs(total[0]) > _Z * total[1]
    is_reversed = len(signs) == 1 and total[0] * adjusted < 0 and is_large
    gail = stats.gail_simon([row.effect for row in rows], [row.se for row in rows])
    p_value = None if isinstance(gail, stats.NotComputable) else float(gail.p_value)
    return StrataCheck(
        variant=variant,
        by=by,
        rows=tuple(rows),
        total=float(total[0]),
        total_se=float(total[1]),
        adjusted=adjusted,
        adjusted_se=spread,
        is_reversed=is_reversed,
        gail_simon_p=p_value,
        sentence=_say(by, is_reversed=is_reversed, p_value=p_value),
    )


def _say(by: str, *, is_reversed: bool, p_value: float | None) -> str:
    """Say what the strata show."""
    if is_reversed:
        return f"Every {by} says the opposite of the total: the shares of the {by}s differ between the arms."
    if p_value is not None and p_value < QUALITATIVE_P:
        return f"The goal moves in opposite directions by {by} (Gail-Simon p = {p_value:.3g})."
    return f"No {by} is shown to contradict the total."


def strata_findings(checks: Sequence[StrataCheck]) -> list[Finding]:
    """Raise reversals, which forbid a verdict, and effects of opposite sign."""
    found = []
    for check in checks:
        evidence: dict[str, float | int | str | None] = {
            "variant": check.variant, "total": check.total, "adjusted": check.adjusted,
        }  # fmt: skip
        if check.is_reversed:
            found.append(
                Finding(
                    code="simpson",
                    severity="block",
                    title=f"The total contradicts every {check.by}",
                    detail=check.sentence,
                    evidence=evidence,
                    action=f"Look for an allocation that changed; judge the {check.by}s, not the total.",
                )
            )
        elif check.gail_simon_p is not None and check.gail_simon_p < QUALITATIVE_P:
            found.append(
                Finding(
                    code="qualitative_interaction",
                    severity="warning",
                    title=f"The goal moves in opposite directions by {check.by}",
                    detail=check.sentence,
                    evidence={**evidence, "p_value": check.gail_simon_p},
                    action="Find out for whom it helps and whom it hurts before shipping to all.",
                )
            )
    return found
