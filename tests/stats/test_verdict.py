"""The verdict table: every row, its order, its words."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import pytest

from abplat.errors import InvalidInputError
from abplat.stats import (
    VERDICT_TABLE,
    Goal,
    Guardrail,
    MarginTest,
    NotComputable,
    VerdictPlan,
    decide_verdict,
    find_conflicts,
    judge_effect,
)
from abplat.stats.wording import phrase_effect, phrase_harm, phrase_number

_WORDS = {"Better", "Worse", "Inconclusive", "Too early", "Not trusted"}


@dataclass(frozen=True)
class _Effect:
    """An effect with its relative interval; absolute numbers are a tenth of it."""

    low: float
    high: float
    p_value: float = 0.01
    is_relative: bool = True

    @property
    def effect(self) -> float:
        return (self.low + self.high) / 20

    @property
    def se(self) -> float:
        return (self.high - self.low) / 40

    @property
    def ci_lower(self) -> float:
        return self.low / 10

    @property
    def ci_upper(self) -> float:
        return self.high / 10

    @property
    def rel_effect(self) -> float | None:
        return (self.low + self.high) / 2 if self.is_relative else None

    @property
    def rel_ci_lower(self) -> float | None:
        return self.low if self.is_relative else None

    @property
    def rel_ci_upper(self) -> float | None:
        return self.high if self.is_relative else None


_UP, _DOWN, _FLAT = _Effect(0.01, 0.05), _Effect(-0.05, -0.01), _Effect(-0.01, 0.02, 0.5)


def _goal(effect: Any = _FLAT, **over: Any) -> Goal:
    return Goal(**{"title": "Journey completed", "effect": effect, "unit": "share", **over})


def _guardrail(*, shown: bool, breached: bool = False, p_breach: float = 0.01) -> Guardrail:
    test = MarginTest(shown, breached, 0.01, p_breach, 0.087, 0.12, 0.05, "relative")
    return Guardrail(title="Calls", effect=_Effect(0.06, 0.11), margin_test=test, direction="down")


_SAFE, _OPEN, _BROKEN = (
    _guardrail(shown=True),
    _guardrail(shown=False),
    _guardrail(shown=False, breached=True),
)
_CONFLICT = find_conflicts((-0.02, 0.006), {"form_click": (0.05, 0.01)})
_LOCAL = find_conflicts((0.002, 0.006), {"form_click": (0.05, 0.01)})


@pytest.mark.parametrize(
    ("goal", "more", "code", "word", "start"),
    [
        (_goal(_UP), {"failed_checks": ["Split not as planned"]}, "not_trusted", "Not trusted", "Do not decide yet: split"),
        (_goal(_DOWN), {"conflicts": _CONFLICT}, "conflict", "Worse", "Do not ship: the touchpoint won (form_click), the journey lost."),
        (_goal(_DOWN), {}, "rollback", "Worse", "Roll back: Journey completed is worse."),
        (_goal(_UP), {"guardrails": [_BROKEN]}, "rollback", "Worse", "Roll back: Calls is past the guardrail."),
        (_goal(_UP), {"is_final": False, "n_needed": 1200}, "extend", "Too early", "Keep running: the planned end"),
        (_goal(NotComputable("zero_variance")), {}, "inconclusive", "Inconclusive", "Do not ship: there is no number"),
        (_goal(_UP), {"guardrails": [_SAFE]}, "ship", "Better", "Ship: Journey completed is better and every guardrail"),
        (_goal(_UP), {}, "ship", "Better", "Ship: Journey completed is better."),
        (_goal(_UP), {"guardrails": [_SAFE, _OPEN]}, "extend", "Inconclusive", "Do not ship yet: Journey completed is"),
        (_goal(), {"plan": VerdictPlan(goal_margin=0.02)}, "ship_neutral", "Inconclusive", "May ship as a cheap"),
        (_goal(), {"plan": VerdictPlan(accepts_no_harm=True), "conflicts": _LOCAL}, "ship_neutral", "Inconclusive", "May ship: no harm to Journey"),
        (_goal(), {"plan": VerdictPlan(accepts_no_harm=True), "guardrails": [_OPEN]}, "inconclusive", "Inconclusive", "Do not ship: no change"),
        (_goal(), {"plan": VerdictPlan(accepts_no_harm=True), "n_needed": 9}, "extend", "Too early", "Keep running."),
        (_goal(), {"conflicts": _LOCAL}, "local_win", "Inconclusive", "Do not ship yet: touchpoint win, no journey win."),
        (_goal(), {"n_needed": 900}, "extend", "Too early", "Keep running. It needs 900 more customers"),
        (_goal(), {"plan": VerdictPlan(min_effect=0.03)}, "stop_no_effect", "Inconclusive", "Stop: any change"),
        (_goal(), {}, "inconclusive", "Inconclusive", "Do not ship: no change in Journey completed"),
    ],
)  # fmt: skip
def test_every_row_fires(goal: Goal, more: dict[str, Any], code: str, word: str, start: str) -> None:
    """Each state of evidence fires its own row."""
    found = decide_verdict(goal, **{"is_final": True, **more})

    assert (found.code, found.word) == (code, word)
    assert found.sentence.startswith(start)
    assert found.may_ship == (code in ("ship", "ship_neutral"))
    assert found.rule in {row.rule for row in VERDICT_TABLE}


def test_the_table_is_exhaustive_and_each_row_can_fire() -> None:
    """Every combination of evidence has exactly one verdict; no row is dead; nothing unsafe ships."""
    rules = set()
    goals = [_goal(e) for e in (_UP, _DOWN, _FLAT, NotComputable("no_units"))]
    guardrails: list[list[Guardrail]] = [[], [_SAFE], [_OPEN], [_BROKEN]]
    plans = [VerdictPlan(), VerdictPlan(min_effect=0.03), VerdictPlan(goal_margin=0.02)]
    plans.append(VerdictPlan(accepts_no_harm=True))
    for goal, rails, conflicts, checks, final, needed, plan in itertools.product(
        goals, guardrails, ((), _CONFLICT, _LOCAL), ([], ["Pipeline late"]), (True, False), (None, 5), plans
    ):
        found = decide_verdict(
            goal, rails, conflicts, failed_checks=checks, is_final=final, n_needed=needed, plan=plan
        )
        rules.add(found.rule)
        assert found.word in _WORDS
        assert found.why.endswith(".")
        if found.may_ship:
            assert final
            assert not checks
            assert conflicts is not _CONFLICT
            assert rails in ([], [_SAFE])
            assert goal.effect is not _DOWN

    assert rules == {row.rule for row in VERDICT_TABLE}


def test_the_trap_is_said_in_words_with_numbers() -> None:
    """What to do; why with three numbers; the touchpoint, the journey and the guardrail."""
    touchpoints = {"form_click": Goal(title="Form submitted", effect=_Effect(0.05, 0.078))}
    found = decide_verdict(_goal(_DOWN), [_BROKEN], _CONFLICT, is_final=True, touchpoints=touchpoints)

    assert found.sentence == "Do not ship: the touchpoint won (Form submitted), the journey lost."
    assert found.why == (
        "Form submitted +6.4 % (better on its own); Journey completed \u22123.0 % (\u22125.0 % to \u22121.0 %); "
        "Calls +8.5 % (+6.0 % to +11.0 %), past its margin of 5 %."
    )
    assert any("Form submitted" in reason for reason in found.reasons)


def test_a_local_win_names_the_harm_still_possible() -> None:
    """Inconclusive is not harmless."""
    found = decide_verdict(_goal(), conflicts=_LOCAL, is_final=True)

    assert found.why.endswith("largest harm still possible: \u22121.0 %.")


@pytest.mark.parametrize(
    ("goal", "more", "code"),
    [
        (_goal(_Effect(-0.05, -0.01, 0.0005)), {}, "rollback"),
        (_goal(_DOWN), {}, "extend"),
        (_goal(), {"guardrails": [_guardrail(shown=False, breached=True, p_breach=0.0001)]}, "rollback"),
        (_goal(), {"guardrails": [_BROKEN]}, "extend"),
        (_goal(), {"conflicts": _CONFLICT}, "conflict"),
        (_goal(), {"conflicts": find_conflicts((-0.02, 0.01), {"a": (0.05, 0.01)})}, "extend"),
    ],
)
def test_before_the_end_only_a_clear_harm_counts(goal: Goal, more: dict[str, Any], code: str) -> None:
    """Haybittle and Peto: p below 0.001 stops early, nothing else does."""
    assert decide_verdict(goal, **more, is_final=False).code == code


def test_a_guardrail_without_a_test_blocks_shipping() -> None:
    """What is not shown is not safe."""
    unknown = Guardrail(
        title="Calls", effect=NotComputable("no_units"), margin_test=NotComputable("no_units")
    )
    found = decide_verdict(_goal(_UP), [unknown], is_final=True)

    assert found.code == "extend"
    assert "no margin test" in found.why


def test_a_metric_where_down_is_good_turns_around() -> None:
    """Less time is better, and its interval is read from the other side."""
    assert decide_verdict(_goal(_DOWN, direction="down"), is_final=True).code == "ship"
    assert decide_verdict(_goal(_UP, direction="down"), is_final=True).code == "rollback"
    cheap = VerdictPlan(goal_margin=0.025)
    assert decide_verdict(_goal(_FLAT, direction="down"), is_final=True, plan=cheap).code == "ship_neutral"


def test_several_harms_are_listed() -> None:
    """Goal and two guardrails at once."""
    found = decide_verdict(_goal(_DOWN), [_BROKEN, _BROKEN], is_final=True)

    assert (
        found.sentence == "Roll back: Journey completed is worse and Calls and Calls are past the guardrail."
    )


def test_interval_and_p_value_must_agree() -> None:
    """An exact test that does not reject takes back what the interval shows."""
    doubtful = _Effect(0.001, 0.05, 0.06)

    assert decide_verdict(_goal(doubtful), is_final=True).code == "inconclusive"
    assert judge_effect(doubtful, "up", is_final=True, is_trusted=True, alpha=0.05) == "inconclusive"
    assert judge_effect(doubtful, "up", is_final=True, is_trusted=True) == "better"


@pytest.mark.parametrize(
    ("effect", "more", "wanted"),
    [
        (_UP, {}, "better"),
        (_DOWN, {}, "worse"),
        (_FLAT, {}, "inconclusive"),
        (_UP, {"is_final": False}, "too_early"),
        (_UP, {"is_trusted": False}, "not_trusted"),
        (NotComputable("no_units"), {}, "not_computable"),
    ],
)
def test_a_single_effect_has_a_name(effect: Any, more: dict[str, bool], wanted: str) -> None:
    """The word beside each row of the metric table."""
    assert judge_effect(effect, "up", **{"is_final": True, "is_trusted": True, **more}) == wanted


def test_effects_without_a_relative_interval_are_said_in_their_unit() -> None:
    """Points, time and plain numbers."""
    bare = _Effect(-0.5, 1.5, is_relative=False)

    assert phrase_effect("Done", bare, "share") == "Done +5.0 points (\u22125.0 points to +15.0 points)"
    assert phrase_number(-7_200, "seconds") == "\u22122.0 h"
    assert phrase_number(200_000, "seconds") == "+2.3 days"
    assert phrase_number(0.5, "seconds") == "+0.5 s"
    assert phrase_number(1234.0, "value") == "+1.23e+03"
    assert phrase_harm(bare, "share", is_up_good=True) == "\u22125.0 points"
    assert phrase_harm(_UP, "share", is_up_good=True) == "none"
    assert phrase_harm(_UP, "share", is_up_good=False) == "+5.0 %"
    found = decide_verdict(
        _goal(bare),
        conflicts=_LOCAL,
        is_final=True,
        touchpoints={"form_click": Goal(title="Form", effect=bare)},
    )
    assert found.why.startswith("Form +0.05 (better on its own)")
    assert decide_verdict(_goal(bare), is_final=True, plan=VerdictPlan(min_effect=9.0)).code == "inconclusive"


@pytest.mark.parametrize(
    "call",
    [
        lambda: judge_effect(_UP, "left", is_final=True, is_trusted=True),
        lambda: decide_verdict(_goal(direction="left"), is_final=True),
        lambda: decide_verdict(_goal(), is_final=True, n_needed=-1),
        lambda: VerdictPlan(alpha=0.0),
        lambda: VerdictPlan(min_effect=-0.1),
        lambda: VerdictPlan(goal_margin=0.0),
    ],
)
def test_a_wrong_call_is_refused(call: Any) -> None:
    """Evidence that cannot be is an error."""
    with pytest.raises(InvalidInputError):
        call()
