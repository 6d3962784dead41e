"""The list of experiments: what each waits for, and how it is searched."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from abplat.domain.glossary import BY_KEY, TERMS
from abplat.web.next_steps import say_next
from tests.web import report_factory as factory
from tests.web.page_app import experiment, make_app

HOSTILE = '"><script>alert(1)</script>{{7*7}}\u202e'
REPORT = factory.make_report()
STOPPED = experiment(REPORT, key="over", title="Over", state="stopped", owner="Zoé")
OLD = experiment(REPORT, key="old", title="Long ago", state="archived")


def get(query: str = "", *drafts: dict[str, Any]) -> str:
    """Fetch the list."""
    answer = make_app(drafts=[STOPPED, OLD, *drafts]).test_client().get(f"/{query}")

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("document", "report", "reason", "action"),
    [
        ({"state": "draft"}, None, "not started yet", "Check the plan and start it"),
        ({"state": "checked", "schedule_fault": "no room"}, None, "no room", "Mend it"),
        ({"state": "running"}, None, "no report yet", "Wait for"),
        ({"state": "running", "killed_at": "2026-01-01T00:00:00Z"}, None, "killed", "Revive it"),
        ({"state": "paused"}, None, "control until", "Resume it, or stop it"),
        ({"state": "stopped"}, None, "nobody is assigned", "Conclude it"),
        ({"state": "stopped"}, factory.make_blocked(), "not trusted: ", "Explain the check"),
        ({"state": "running"}, factory.make_blocked(), "plit", "Find out why"),
        ({"state": "running"}, factory.make_empty(), "no exposures are arriving", "Check the SDK"),
        ({"state": "concluded", "conclusion": {"outcome": "lost"}}, None, "lost", "Read what was learned"),
        ({"state": "archived"}, None, "kept", "Nothing to do"),
    ],
)
def test_every_state_gives_its_reason_and_next_step(
    document: dict[str, Any], report: Any, reason: str, action: str
) -> None:
    """No state leaves the reader alone."""
    step = say_next(document, report)

    assert reason in step.reason
    assert step.action.startswith(action)


def test_a_decision_that_is_due_is_said() -> None:
    """Once the planned time is over, waiting is no answer any more."""
    document = {"state": "running", "started_at": "2026-01-01T00:00:00Z", "decide_after": "14d"}
    report = factory.make_report()
    waiting = tuple(msgspec.structs.replace(verdict, code="extend") for verdict in report.verdicts)
    report = msgspec.structs.replace(report, verdicts=waiting)

    assert say_next(document, report, datetime(2026, 1, 5, tzinfo=UTC)).action == "Keep it running"
    assert "Decide" in say_next(document, report, datetime(2026, 3, 1, tzinfo=UTC)).action


def test_archived_ones_are_shown_when_asked_for() -> None:
    """And only then."""
    assert "Long ago" not in get()
    assert "Long ago" in get("?state=archived")
    assert "Over" not in get("?state=archived")


@pytest.mark.parametrize(
    ("query", "is_shown"),
    [
        ("?q=OVER", True), ("?q=nothing+like+it", False), ("?q=zoe+over", True), ("?owner=Zo%C3%A9", True),
        ("?owner=Ada", False), ("?state=stopped", True), ("?state=running", False), ("?journey=other", False),
        ("?state=attention", True), ("?page=x", True),
    ],
)  # fmt: skip
def test_the_list_is_searched_and_filtered(query: str, is_shown: bool) -> None:  # noqa: FBT001  # pytest passes it by name
    """By words without accents, state, owner and journey."""
    assert ('experiments/over"' in get(query)) is is_shown


def test_what_was_typed_stays_and_is_shown_as_text() -> None:
    """In the fields, and in titles."""
    page = get(
        "?q=%3Cscript%3E%7B%7B7*7%7D%7D",
        experiment(REPORT, key="h", title=HOSTILE, owner=HOSTILE, state="draft"),
    )

    assert "<script>" not in page
    assert "{{7*7}}" in page
    assert "&lt;script&gt;" in get(
        "", experiment(REPORT, key="h", title=HOSTILE, owner=HOSTILE, state="draft")
    )


def test_the_glossary_knows_every_word_it_refers_to() -> None:
    """No reference leads nowhere, each meaning is a sentence."""
    page = make_app().test_client().get("/glossary").get_data(as_text=True)
    for term in TERMS:
        assert f'id="{term.key}"' in page
        assert term.meaning.endswith((".", "!"))
        assert set(term.see) <= set(BY_KEY)
    assert "Nothing found" in make_app().test_client().get("/glossary?q=zzz").get_data(as_text=True)
