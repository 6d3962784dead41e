"""The verdict: one exhaustive table from evidence to a decision in words.

The rows of the table are tried in order and the last one always fits, so every state of evidence
has exactly one verdict. Each row is a code, a word, a rule and a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from abplat.errors import InvalidInputError
from abplat.stats.conflict import TouchpointConflict
from abplat.stats.evidence import Decision, Evidence, Goal, Guardrail, VerdictPlan, find_side
from abplat.stats.result import Computed, NotComputable
from abplat.stats.verdict_table import VERDICT_TABLE, explain, list_reasons
from abplat.stats.wording import EffectLike


def decide_verdict(  # noqa: PLR0913 -- the evidence has these parts, and most have a default
    goal: Goal,
    guardrails: Sequence[Guardrail] = (),
    conflicts: Sequence[TouchpointConflict] = (),
    *,
    failed_checks: Sequence[str] = (),
    is_final: bool,
    n_needed: int | None = None,
    plan: VerdictPlan | None = None,
    touchpoints: Mapping[str, Goal] | None = None,
) -> Decision:
    """Turn evidence into a decision.

    Why: a table that is exhaustive and ordered gives the same evidence the same verdict, whoever
    looks. Before the planned end there is no verdict but a harm that is beyond doubt (p below
    0.001, which costs the final test next to nothing). A touchpoint win never ships by itself.

    Args:
        goal: The primary metric's effect.
        guardrails: Metrics that must be shown not worse than their margin.
        conflicts: Result of ``find_conflicts``.
        failed_checks: Sentences of failed health checks (sample ratio, pipeline); any one blocks.
        is_final: Whether the planned end is reached: before it there is no verdict but a harm.
        n_needed: Units still missing per arm to the planned power, where known.
        plan: What was fixed before the start.
        touchpoints: Titles and effects of touchpoints by key, for the sentences only.

    Returns:
        The first row of the table that fits.

    Raises:
        InvalidInputError: If ``n_needed`` is negative.

    References:
        Haybittle (1971) and Peto et al. (1976) for harm before the end; Berger (1982) for the
        conflict; Schultzberg, Ankargren, Franberg (2024) for guardrails.

    Examples:
        >>> early = decide_verdict(Goal(title="Bought", effect=NotComputable("no_units")), is_final=False)
        >>> early.code, early.word
        ('extend', 'Too early')
    """
    if n_needed is not None and n_needed < 0:
        raise InvalidInputError.at("n_needed", f"must not be negative, got {n_needed!r}")
    evidence = Evidence(
        goal=goal,
        guardrails=tuple(guardrails),
        conflicts=tuple(conflicts),
        failed_checks=tuple(failed_checks),
        is_final=is_final,
        n_needed=n_needed or 0,
        plan=plan or VerdictPlan(),
        touchpoints=dict(touchpoints or {}),
    )
    row = next(row for row in VERDICT_TABLE if row.fits(evidence))
    return Decision(
        code=row.code,
        word=row.word,
        sentence=row.sentence(evidence),
        why=explain(evidence, row.code),
        rule=row.rule,
        reasons=list_reasons(evidence),
        may_ship=row.may_ship,
    )


def judge_effect(
    effect: Computed[EffectLike],
    direction: str,
    *,
    is_final: bool,
    is_trusted: bool,
    alpha: float | None = None,
) -> str:
    """Name a single effect.

    Args:
        effect: The effect, or why there is none.
        direction: ``up`` or ``down``: which way is good.
        is_final: Whether the planned end is reached.
        is_trusted: Whether no health check has failed.
        alpha: Error rate that the p-value must pass besides the interval; left out, the interval's.

    Returns:
        ``better``, ``worse``, ``inconclusive``, ``too_early``, ``not_trusted``, ``not_computable``.

    Raises:
        InvalidInputError: If the direction is unknown.

    References:
        The interval and the test of ``compare`` agree (Fieller 1954), so its sides are the verdict.

    Examples:
        >>> judge_effect(NotComputable("no_units"), "up", is_final=True, is_trusted=True)
        'not_computable'
    """
    if direction not in ("up", "down"):
        raise InvalidInputError.at("direction", f"must be up or down, got {direction!r}")
    if not is_trusted:
        return "not_trusted"
    if isinstance(effect, NotComputable):
        return "not_computable"
    if not is_final:
        return "too_early"
    return ("worse", "inconclusive", "better")[find_side(effect, direction, alpha) + 1]
