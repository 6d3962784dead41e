"""The verdict table: ordered rows of code, word, rule and sentence; the last row always fits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from abplat.stats.conflict import TouchpointConflict
from abplat.stats.evidence import Evidence, Goal, Guardrail, VerdictCode
from abplat.stats.result import NotComputable
from abplat.stats.wording import phrase_change, phrase_effect, phrase_harm


class VerdictRow(NamedTuple):
    """One row: fits a state of evidence, names it and says what to do."""

    code: VerdictCode
    word: str
    rule: str
    fits: Callable[[Evidence], bool]
    sentence: Callable[[Evidence], str]
    may_ship: bool = False


VERDICT_TABLE: Final[tuple[VerdictRow, ...]] = (
    VerdictRow(
        "not_trusted",
        "Not trusted",
        "A health check failed: no number is read as a verdict until that is explained.",
        lambda e: bool(e.failed_checks),
        lambda e: f"Do not decide yet: {_lower(e.failed_checks[0])}",
    ),
    VerdictRow(
        "conflict",
        "Worse",
        "A touchpoint is shown better and the journey worse (intersection-union test, Holm over touchpoints).",
        lambda e: bool(e.contradicted),
        lambda e: f"Do not ship: the touchpoint won ({_names(e, e.contradicted)}), the journey lost.",
    ),
    VerdictRow(
        "rollback",
        "Worse",
        "The goal is shown worse, or a guardrail worse than its margin; before the planned end at p < 0.001.",
        lambda e: e.side < 0 or bool(e.breached),
        lambda e: f"Roll back: {_say_harm(e)}.",
    ),
    VerdictRow(
        "extend",
        "Too early",
        "The planned end is not reached: a fixed plan gives no verdict before it.",
        lambda e: not e.is_final,
        lambda e: "Keep running: the planned end is not reached." + _say_needed(e),
    ),
    VerdictRow(
        "inconclusive",
        "Inconclusive",
        "The goal has no number at the planned end.",
        lambda e: isinstance(e.goal.effect, NotComputable),
        lambda e: f"Do not ship: there is no number for {e.goal.title}.",
    ),
    VerdictRow(
        "ship",
        "Better",
        "The goal is shown better and every guardrail is shown to be inside its margin.",
        lambda e: e.side > 0 and not e.unproven,
        lambda e: (
            f"Ship: {e.goal.title} is better" + (" and every guardrail holds." if e.guardrails else ".")
        ),
        may_ship=True,
    ),
    VerdictRow(
        "extend",
        "Inconclusive",
        "The goal is shown better, but a guardrail is not shown to be inside its margin, which blocks shipping.",
        lambda e: e.side > 0,
        lambda e: (
            f"Do not ship yet: {e.goal.title} is better, but {_titles(e.unproven)} could still be harmed."
        ),
    ),
    VerdictRow(
        "ship_neutral",
        "Inconclusive",
        "The goal is shown not worse than the margin set for a cheap change, and every guardrail holds.",
        lambda e: e.is_goal_not_inferior and not e.unproven,
        lambda e: f"May ship as a cheap change: {e.goal.title} is not harmed beyond its margin.",
        may_ship=True,
    ),
    VerdictRow(
        "ship_neutral",
        "Inconclusive",
        "The rule is to do no harm: at the planned power the goal is not shown worse, and every guardrail holds.",
        lambda e: e.is_unharmed and not e.unproven,
        lambda e: f"May ship: no harm to {e.goal.title} is shown.",
        may_ship=True,
    ),
    VerdictRow(
        "local_win",
        "Inconclusive",
        "A touchpoint is shown better while nothing is shown for the journey: a local win never ships by itself.",
        lambda e: bool(e.local_wins),
        lambda _: "Do not ship yet: touchpoint win, no journey win.",
    ),
    VerdictRow(
        "extend",
        "Too early",
        "The planned power is not reached.",
        lambda e: e.n_needed > 0,
        lambda e: "Keep running." + _say_needed(e),
    ),
    VerdictRow(
        "stop_no_effect",
        "Inconclusive",
        "At the planned end the interval lies inside the smallest effect worth acting on.",
        lambda e: e.is_negligible,
        lambda e: f"Stop: any change in {e.goal.title} is too small to act on.",
    ),
    VerdictRow(
        "inconclusive",
        "Inconclusive",
        "At the planned end neither better, nor worse, nor negligible is shown.",
        lambda _: True,
        lambda e: f"Do not ship: no change in {e.goal.title} is shown.",
    ),
)


def explain(evidence: Evidence, code: VerdictCode) -> str:
    """Say why, with the numbers of the goal first.

    Args:
        evidence: All evidence on the variant.
        code: The row that fired.

    Returns:
        One sentence with three numbers, more where a touchpoint or guardrail matters.
    """
    goal = phrase_effect(evidence.goal.title, evidence.goal.effect, evidence.goal.unit)
    parts = [goal]
    if code == "conflict":
        parts = [_say_touchpoints(evidence, evidence.contradicted), goal]
    elif code == "local_win":
        parts = [_say_touchpoints(evidence, evidence.local_wins), goal]
    if code in ("rollback", "conflict"):
        parts += [_say_guardrail(g) for g in evidence.breached]
    elif code == "extend" and evidence.side > 0:
        parts += [_say_guardrail(g) for g in evidence.unproven]
    text = "; ".join(parts)
    if code in ("local_win", "inconclusive") and not isinstance(evidence.goal.effect, NotComputable):
        is_up = evidence.goal.direction == "up"
        text += f"; largest harm still possible: {phrase_harm(evidence.goal.effect, evidence.goal.unit, is_up_good=is_up)}"
    return text + "."


def list_reasons(evidence: Evidence) -> tuple[str, ...]:
    """List every fact that speaks for or against, one sentence each.

    Args:
        evidence: All evidence on the variant.

    Returns:
        Failed checks, the goal, the guardrails, the touchpoints.
    """
    goal = phrase_effect(evidence.goal.title, evidence.goal.effect, evidence.goal.unit)
    return (
        *(_stop(check) for check in evidence.failed_checks),
        f"Goal: {goal}.",
        *(f"Guardrail: {_say_guardrail(g)}." for g in evidence.guardrails),
        *(f"Touchpoint {evidence.name(c)}: {_lower(c.sentence)}" for c in evidence.conflicts),
    )


def _lower(sentence: str) -> str:
    """Continue a sentence: small first letter (unless an abbreviation), full stop at the end."""
    first = sentence[:1] if sentence[1:2].isupper() else sentence[:1].lower()
    return _stop(first + sentence[1:])


def _stop(sentence: str) -> str:
    """End a sentence with a full stop."""
    return sentence if sentence.endswith((".", "!", "?")) else sentence + "."


def _titles(things: Sequence[Goal | Guardrail]) -> str:
    """List titles in a sentence."""
    return _join([thing.title for thing in things])


def _names(evidence: Evidence, conflicts: Sequence[TouchpointConflict]) -> str:
    """List touchpoints in a sentence."""
    return _join([evidence.name(c) for c in conflicts])


def _join(names: Sequence[str]) -> str:
    """Join names with commas and a last "and"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _say_harm(evidence: Evidence) -> str:
    """Name what got worse."""
    parts = [f"{evidence.goal.title} is worse"] if evidence.side < 0 else []
    if evidence.breached:
        verb = "is" if len(evidence.breached) == 1 else "are"
        parts.append(f"{_titles(evidence.breached)} {verb} past the guardrail")
    return " and ".join(parts)


def _say_needed(evidence: Evidence) -> str:
    """Say how many units are missing, where known."""
    return f" It needs {evidence.n_needed:,} more customers per variant." if evidence.n_needed else ""


def _say_guardrail(guardrail: Guardrail) -> str:
    """Say where a guardrail stands against its margin."""
    effect = phrase_effect(guardrail.title, guardrail.effect, guardrail.unit)
    test = guardrail.margin_test
    if isinstance(test, NotComputable):
        return f"{effect}, no margin test ({_lower(test.message).rstrip('.')})"
    place = (
        "past its margin"
        if test.is_breached
        else "inside its margin"
        if test.is_shown
        else "not shown to be inside its margin"
    )
    size = f"{test.margin * 100:g} %" if test.scale == "relative" else f"{test.margin:.3g}"
    return f"{effect}, {place} of {size}"


def _say_touchpoints(evidence: Evidence, conflicts: Sequence[TouchpointConflict]) -> str:
    """Name touchpoints with the size of their gain, where known."""
    names = []
    for conflict in conflicts:
        known = evidence.touchpoints.get(conflict.key)
        if known is None or isinstance(known.effect, NotComputable):
            names.append(evidence.name(conflict))
        else:
            names.append(f"{known.title} {phrase_change(known.effect, known.unit)}")
    return f"{_join(names)} (better on its own)"
