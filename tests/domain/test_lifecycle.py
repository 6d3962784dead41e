"""The life of an experiment: a machine walks it at random, and never leaves the road."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from abplat.domain.conclusions import list_outcomes, parse_conclusion
from abplat.domain.consequences import CONSEQUENCES
from abplat.domain.lifecycle import (
    ARCHIVED,
    STATES,
    STEPS,
    UNSTARTED,
    list_targets,
    require_changeable,
    require_state,
    require_transition,
)
from abplat.errors import ConflictError, IllegalTransitionError, InvalidInputError

ROAD = {
    "draft": {"checked", "running", "archived"},
    "checked": {"running", "archived"},
    "running": {"paused", "stopped"},
    "paused": {"running", "stopped"},
    "stopped": {"concluded", "archived"},
    "concluded": {"archived"},
    "archived": set(),
}
"""Written down a second time, by hand: the table of the code is compared with it."""


class Life(RuleBasedStateMachine):
    """Tries every step at any time; only legal ones move it, and some things never come back."""

    def __init__(self) -> None:
        super().__init__()
        self.state = "draft"
        self.past: list[str] = ["draft"]

    @rule(to=st.sampled_from(STATES))
    def step(self, to: str) -> None:
        """Try to go somewhere."""
        if to in ROAD[self.state]:
            require_transition(self.state, to)
            self.state = to
            self.past.append(to)
        else:
            with pytest.raises(IllegalTransitionError, match=self.state):
                require_transition(self.state, to)

    @precondition(lambda self: self.state not in UNSTARTED)
    @rule(name=st.sampled_from(["variants", "included", "targeting", "layer", "horizon", "alpha", "kind"]))
    def change_what_is_frozen(self, name: str) -> None:
        """Nothing that customers were assigned by can change after the start."""
        with pytest.raises(ConflictError) as caught:
            require_changeable(self.state, [name, "title"])

        assert [problem.path for problem in caught.value.problems] == [name]

    @rule(name=st.sampled_from(["title", "owner"]))
    def change_what_is_free(self, name: str) -> None:
        """Title and owner may always change."""
        require_changeable(self.state, [name])

    @invariant()
    def never_unlives(self) -> None:
        """Once started never a draft, once stopped never served, archived last."""
        started = [place for place, state in enumerate(self.past) if state not in (*UNSTARTED, ARCHIVED)]
        stopped = [place for place, state in enumerate(self.past) if state == "stopped"]

        assert not started or not set(self.past[started[0] :]) & set(UNSTARTED)
        assert not stopped or not set(self.past[stopped[0] :]) & {"running", "paused"}
        assert ARCHIVED not in self.past[:-1]


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_the_steps_are_the_road() -> None:
    """Each verb leads where the road leads, and every way of the road has a verb."""
    assert {state: set(list_targets(state)) for state in STATES} == ROAD


def test_what_cannot_be_done_names_where_it_could() -> None:
    """The message says in which states the verb makes sense."""
    with pytest.raises(IllegalTransitionError, match="running or paused"):
        require_state("draft", ("running", "paused"), "killed")


@pytest.mark.parametrize(
    ("name", "before", "after", "is_allowed"),
    [
        ("metrics", [{"metric": "a", "role": "primary"}], [{"metric": "a", "role": "primary"}, {"metric": "b", "role": "secondary"}], True),
        ("metrics", [{"metric": "a", "role": "primary"}], [{"metric": "a", "role": "primary"}, {"metric": "b", "role": "guardrail"}], False),
        ("metrics", [{"metric": "a", "role": "primary"}], [{"metric": "b", "role": "secondary"}], False),
        ("schedule", None, {"start_at": None, "end_at": "2026-05-01T00:00:00Z", "ramp": []}, True),
        ("schedule", {"start_at": None, "end_at": None, "ramp": [1, 2]}, {"start_at": None, "end_at": None, "ramp": []}, True),
        ("schedule", {"start_at": None, "end_at": None, "ramp": [1, 2]}, None, True),
        ("schedule", {"start_at": None, "end_at": None, "ramp": [1, 2]}, {"start_at": None, "end_at": None, "ramp": [2]}, False),
        ("schedule", {"start_at": "a", "end_at": None, "ramp": []}, {"start_at": "b", "end_at": None, "ramp": []}, False),
    ],
)  # fmt: skip
def test_some_things_may_still_be_said_later(name: str, before: Any, after: Any, is_allowed: int) -> None:
    """Metrics that do not decide may join, a schedule may end otherwise and its ramp be dropped."""
    if is_allowed:
        require_changeable("running", {name: (before, after)})
    else:
        with pytest.raises(ConflictError, match=name):
            require_changeable("running", {name: (before, after)})


def test_every_action_says_what_happens() -> None:
    """The table has a row for every step but the check, and says something in every cell."""
    rows = {row.action: row for row in CONSEQUENCES}

    assert set(STEPS) - {"check"} <= set(rows)
    assert {"kill", "revive", "reset", "reweigh", "widen"} <= set(rows)
    assert all(all(row) for row in CONSEQUENCES)
    for verb in set(STEPS) & set(rows):
        assert rows[verb].states == STEPS[verb].sources, verb


def test_equal_variants_can_neither_win_nor_lose() -> None:
    """The conclusion of an A/A experiment is about the platform."""
    assert set(list_outcomes("aa")) == {"inconclusive", "invalid"}
    with pytest.raises(InvalidInputError):
        parse_conclusion({"outcome": "won"}, "aa", ["control", "same"])
    assert parse_conclusion({"outcome": "won", "shipped": "b"}, "ab", ["a", "b"]).shipped == "b"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "outcome"),
        ({"outcome": "great"}, "outcome"),
        ({"outcome": "won", "shipped": "c"}, "shipped"),
        ({"outcome": "invalid", "shipped": "b"}, "shipped"),
        ({"outcome": "won", "more": 1}, "more"),
    ],
)
def test_a_faulty_conclusion_is_refused(body: dict[str, Any], path: str) -> None:
    """Every fault has its place."""
    with pytest.raises(InvalidInputError) as caught:
        parse_conclusion(body, "ab", ["a", "b"])

    assert path in {problem.path for problem in caught.value.problems}
