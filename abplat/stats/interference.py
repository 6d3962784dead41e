"""Two experiments on the same units at once: whether one changes what the other does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from abplat.errors import InvalidInputError
from abplat.stats.assembly import assemble
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.estimator import compare
from abplat.stats.kernel import Estimate
from abplat.stats.moments import Moments
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import upper_chi_square

ALARM_P: Final = 0.001
"""Below this p-value the two assignments depend on each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignmentDependence:
    """Whether the assignments of two experiments depend on each other.

    Attributes:
        statistic: Chi-square of independence.
        df: Degrees of freedom.
        p_value: Below 0.001 one experiment decides who meets the other.
        alarm: Whether it is below 0.001.
        expected: Units expected per pair of variants.
    """

    statistic: float
    df: int
    p_value: float
    alarm: bool
    expected: Mapping[tuple[str, str], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentInteraction:
    """How the effect of one experiment depends on the variant of another.

    Attributes:
        alone: Effect of the first experiment among the controls of the second.
        together: Effect of the first experiment among the treated of the second.
        interaction: ``together`` minus ``alone``; its control value is the effect alone.
        dependence: Whether the assignments were independent.
    """

    alone: Comparison
    together: Comparison
    interaction: Comparison
    dependence: AssignmentDependence


def check_assignment_dependence(
    counts: Mapping[tuple[str, str], int],
) -> Computed[AssignmentDependence]:
    """Test whether units of two experiments were assigned independently of each other.

    Why: with dependent assignment (one salt used twice, or an exposure that the other experiment
    decides) the effect of one leaks into the other. Rule: chi-square of independence, without
    correction, alarm below 0.001.

    Args:
        counts: Units per pair (variant of the first, variant of the second); a pair left out has
            none.

    Returns:
        The test; ``no_units`` where an experiment has fewer than two variants with units.

    Raises:
        InvalidInputError: If a count is not a whole number, or negative.

    References:
        Pearson (1900); ``scipy.stats.chi2_contingency(correction=False)``.

    Examples:
        >>> counts = {("c", "c"): 500, ("c", "t"): 500, ("t", "c"): 500, ("t", "t"): 620}
        >>> round(check_assignment_dependence(counts).p_value, 4)
        0.0136
    """
    for pair, count in counts.items():
        if isinstance(count, bool) or int(count) != count or count < 0:
            raise InvalidInputError.at(f"counts.{pair}", f"must be a whole number, got {count!r}")
    first, second = ({pair[i]: 0 for pair in counts} for i in (0, 1))
    for (a, b), count in counts.items():
        first[a] += count
        second[b] += count
    n = sum(first.values())
    rows, columns = ([key for key, count in side.items() if count] for side in (first, second))
    if min(len(rows), len(columns)) < 2:
        return NotComputable("no_units")
    expected = {(a, b): first[a] * second[b] / n for a in rows for b in columns}
    statistic = sum((counts.get(pair, 0) - e) ** 2 / e for pair, e in expected.items())
    df = (len(rows) - 1) * (len(columns) - 1)
    p_value = upper_chi_square(statistic, df)
    return AssignmentDependence(
        statistic=statistic, df=df, p_value=p_value, alarm=p_value < ALARM_P, expected=expected
    )


def check_interaction(
    records: Mapping[tuple[str, str], Moments],
    controls: tuple[str, str],
    plan: ComparisonPlan | None = None,
) -> Computed[ExperimentInteraction]:
    """Test whether an experiment changes the effect of another that ran at the same time.

    Why: two changes that are good alone may be bad together (a bigger button over a text that is
    gone). Rule: difference of the differences of the four arms; the slope of a covariate is found
    in each comparison; Satterthwaite degrees of freedom over both.

    Args:
        records: Record per pair (variant of the first, variant of the second); exactly four.
        controls: The control of each experiment.
        plan: How arms are compared.

    Returns:
        Effect alone, together, and their difference; the reason of the comparison that failed.

    Raises:
        InvalidInputError: If there are not two variants of each with a record per pair, or the
            controls are not among them.

    References:
        Kohavi, Tang, Xu (2020), chapter 4; the interaction of ordinary least squares with HC2
        errors (MacKinnon, White 1985).

    Examples:
        >>> def arm(*values):
        ...     return Moments.from_values(values)
        >>> records = {
        ...     ("c", "c"): arm(1.0, 2.0, 3.0), ("t", "c"): arm(2.0, 3.0, 4.0),
        ...     ("c", "t"): arm(1.0, 2.0, 3.0), ("t", "t"): arm(4.0, 5.0, 6.0),
        ... }
        >>> found = check_interaction(records, ("c", "c")).interaction
        >>> round(found.effect, 3), round(found.p_value, 4)
        (2.0, 0.1215)
    """
    plan = plan or ComparisonPlan()
    first, second = _read_variants(records, controls)
    alone = compare(records[first, controls[1]], records[controls[0], controls[1]], plan)
    together = compare(records[first, second], records[controls[0], second], plan)
    if isinstance(alone, NotComputable):
        return alone
    if isinstance(together, NotComputable):
        return together
    interaction = _subtract(together, alone, plan)
    dependence = check_assignment_dependence({pair: record.n for pair, record in records.items()})
    if isinstance(interaction, NotComputable) or isinstance(dependence, NotComputable):
        return NotComputable(
            "zero_variance"
        )  # pragma: no cover -- both comparisons have units and a variance
    return ExperimentInteraction(
        alone=alone, together=together, interaction=interaction, dependence=dependence
    )


def _read_variants(records: Mapping[tuple[str, str], Moments], controls: tuple[str, str]) -> tuple[str, str]:
    """Return the treatment of each experiment."""
    sides = [sorted({pair[i] for pair in records}) for i in (0, 1)]
    if [len(side) for side in sides] != [2, 2] or len(records) != 4:
        raise InvalidInputError.at("records", "need one per pair of two variants each, four in all")
    if controls[0] not in sides[0] or controls[1] not in sides[1]:
        raise InvalidInputError.at("controls", f"must be variants of the records, got {controls!r}")
    others = [next(v for v in side if v != c) for side, c in zip(sides, controls, strict=True)]
    return others[0], others[1]


def _subtract(together: Comparison, alone: Comparison, plan: ComparisonPlan) -> Computed[Comparison]:
    """Compare two effects of disjoint units with each other."""
    variances = (together.se**2, alone.se**2)
    total = sum(variances)
    bottom = sum(v * v / c.df for v, c in zip(variances, (together, alone), strict=True) if c.df is not None)
    estimate = Estimate(
        effect=together.effect - alone.effect,
        variance=total,
        magnitude=total,
        df=total * total / bottom if bottom > 0 else float("inf"),
        control=alone.effect,
        treatment=together.effect,
        control_adjusted=alone.effect,
        treatment_adjusted=together.effect,
        baseline=alone.effect,
        baseline_variance=variances[1],
        baseline_covariance=-variances[1],
        theta=[],
        n_treatment=together.n_treatment + together.n_control,
        n_control=alone.n_treatment + alone.n_control,
    )
    found = assemble(estimate, replace(plan, relative="fieller"), ())
    if isinstance(found, NotComputable) or plan.reference == "t":
        return found
    return replace(found, df=None)
