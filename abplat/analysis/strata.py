"""Whether the goal looks alike in strata fixed before the exposure: Simpson and Gail-Simon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from abplat import stats
from abplat.analysis.dimensions import read_dimension
from abplat.analysis.gathered import Gathered, IntArray
from abplat.analysis.metrics import TIME_KINDS, measure, sum_cells, sum_moments
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.breakdowns import PERSONA, SEGMENT
from abplat.domain.report import Finding
from abplat.domain.report_conflicts import StrataCheck, StratumRow

WEEK_US = 7 * 86_400 * 1_000_000
MIN_UNITS = 30
"""A stratum with fewer customers in an arm says nothing by itself."""
QUALITATIVE_P = 0.01
WEEK, CHANNEL = "week", "channel"
_Z = 1.959964


class Strata(NamedTuple):
    """One way to divide customers."""

    by: str
    place: IntArray
    names: tuple[str, ...]


class _Summed(NamedTuple):
    """The goal over the strata of one way, and over all.

    Attributes:
        strata: The way.
        cells: Per stratum one record per variant.
        whole: One record per variant.
    """

    strata: Strata
    cells: list[tuple[stats.Moments, ...]]
    whole: tuple[stats.Moments, ...]


def check_strata(gathered: Gathered, plan: AnalysisPlan) -> tuple[StrataCheck, ...]:
    """Hold the total against weeks and channels of the first exposure, personas and segments, for each treatment."""
    goal = plan.primary
    if goal.kind in TIME_KINDS or not len(gathered.population):
        return ()
    found, n = measure(goal, gathered, plan), len(plan.variants)
    whole = sum_moments(found, gathered, n)
    summed = [
        _Summed(strata, sum_cells(found, gathered, strata.place, (len(strata.names), n)), whole)
        for strata in (*divide(gathered), *_divide_by_kind(gathered, plan))
    ]
    how = stats.ComparisonPlan(alpha=plan.alpha, kind=found.kind, small_table="never")
    return tuple(
        check
        for treatment in range(1, n)
        for check in _adjust([_check(each, plan, treatment, how) for each in summed])
    )


def divide(gathered: Gathered) -> list[Strata]:
    """Return the ways to divide customers by when and where they came in."""
    population = gathered.population
    week = (population.first_exposure - population.first_exposure.min()) // WEEK_US
    weeks = tuple(f"week {number + 1}" for number in range(int(week.max()) + 1))
    found = [Strata(WEEK, week, weeks)]
    if population.first_channel is not None:
        channel = population.first_channel.astype(np.int64)
        found.append(Strata(CHANNEL, np.where(channel < 0, len(population.channels), channel),
                             (*population.channels, "unknown")))  # fmt: skip
    return found


def _divide_by_kind(gathered: Gathered, plan: AnalysisPlan) -> list[Strata]:
    """Return the ways to divide customers by what they were before: planned personas and segments."""
    planned = dict.fromkeys(name for dimensions in plan.dimensions for name in dimensions)
    found = []
    for name in planned:
        if name != PERSONA and not name.startswith(SEGMENT):
            continue
        values = read_dimension(name, gathered, plan)
        if values is not None:
            found.append(Strata(name.replace(":", " "), values.code, values.names))
    return found


def _adjust(checks: Sequence[StrataCheck | None]) -> list[StrataCheck]:
    """Let the test of opposite signs answer for the number of personas and segments asked (Holm)."""
    made = [check for check in checks if check is not None]
    asked = {
        check.by: check.gail_simon_p
        for check in made
        if check.by not in (WEEK, CHANNEL) and check.gail_simon_p is not None
    }
    if len(asked) < 2:
        return made
    adjusted = dict(zip(asked, stats.adjust_p_values(list(asked.values()), method="holm"), strict=True))
    return [_with_p(check, float(adjusted[check.by])) if check.by in adjusted else check for check in made]


def _with_p(check: StrataCheck, p_value: float) -> StrataCheck:
    """Give a check another p-value, and the words for it."""
    said = _say(check.by, is_reversed=check.is_reversed, p_value=p_value)
    return msgspec.structs.replace(check, gail_simon_p=p_value, sentence=said)


def _check(
    summed: _Summed, plan: AnalysisPlan, treatment: int, how: stats.ComparisonPlan
) -> StrataCheck | None:
    """Compare one treatment in every stratum large enough."""
    sign = 1.0 if plan.primary.direction == "up" else -1.0
    rows, sizes = [], []
    for name, cell in zip(summed.strata.names, summed.cells, strict=True):
        control, treated = cell[0], cell[treatment]
        if min(control.n, treated.n) < MIN_UNITS:
            continue
        compared = stats.compare(treated, control, how)
        if isinstance(compared, stats.NotComputable) or compared.se <= 0:
            continue
        rows.append(_row(name, (control.n, treated.n), sign * compared.effect, compared.se))
        sizes.append(control.n + treated.n)
    total = stats.compare(summed.whole[treatment], summed.whole[0], how)
    if len(rows) < 2 or isinstance(total, stats.NotComputable):
        return None
    whole = (sign * total.effect, total.se)
    return _conclude(plan.variants[treatment].key, summed.strata.by, rows, sizes, whole)


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


def _name(by: str, plural: str = "") -> str:
    """Name one stratum, or several."""
    return f"part{plural} by {by}" if by.startswith("segment ") else f"{by}{plural}"


def _say(by: str, *, is_reversed: bool, p_value: float | None) -> str:
    """Say what the strata show."""
    one, many = _name(by), _name(by, "s")
    if is_reversed:
        return (
            f"Every {one} says the opposite of the total: the shares of the {many} differ between the arms."
        )
    if p_value is not None and p_value < QUALITATIVE_P:
        return f"The goal moves in opposite directions by {by} (Gail-Simon p = {p_value:.3g})."
    return f"No {one} is shown to contradict the total."


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
                    title=f"The total contradicts every {_name(check.by)}",
                    detail=check.sentence,
                    evidence=evidence,
                    action=f"Look for an allocation that changed; judge the parts by {check.by}, not the total.",
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
