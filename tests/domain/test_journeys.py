"""Journey definitions: what is read and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from abplat.domain.journeys import parse_journey
from abplat.errors import InvalidInputError


def make_stage(key: str, **over: Any) -> dict[str, Any]:
    """Return a stage document."""
    return {"key": key, "match": [{"event": key}], **over}


def make_document(**over: Any) -> dict[str, Any]:
    """Return a journey document that is valid."""
    return {
        "key": "buy",
        "owner": "Ada",
        "stages": [make_stage("a"), make_stage("b")],
        "window": "7d",
        **over,
    }


def refusals(document: object) -> dict[str, str]:
    """Return path -> code of everything that is refused."""
    with pytest.raises(InvalidInputError) as caught:
        parse_journey(document)
    return {problem.path: problem.code for problem in caught.value.problems}


def test_every_field_is_read() -> None:
    """A document with every field becomes the value it describes."""
    definition = parse_journey(make_document(
        version=3, title="Buy", personas=["new"], ordering="strict", reentry="restart", inactivity="2h", lateness="1d",
        correlate_by="order", scope=["faq"], exclude=[{"match": [{"event": "x"}], "before": "b"}],
        stages=[
            make_stage("a", title="A", lifecycle="research", moment_of_truth=True, department="Shop"),
            {"key": "b", "within": "30m", "match": [{"event": "b", "channel": "web", "props": {"n": [1, 2]}}]},
        ],
    ))  # fmt: skip

    assert definition.stage_keys == definition.required_keys == ("a", "b")
    assert (definition.version, definition.title, definition.owner, definition.personas) == (
        3,
        "Buy",
        "Ada",
        ("new",),
    )
    assert (definition.ordering, definition.reentry, definition.correlate_by) == (
        "strict",
        "restart",
        "order",
    )
    assert (definition.window_us, definition.inactivity_us, definition.lateness_us) == (
        604_800_000_000, 7_200_000_000, 86_400_000_000)  # fmt: skip
    assert definition.stages[0].moment_of_truth
    assert definition.stages[1].within_us == 1_800_000_000
    assert definition.stages[1].match[0].channels == ("web",)
    assert definition.stages[1].match[0].props == (("n", (1, 2)),)
    assert (definition.exclude[0].after, definition.exclude[0].before) == (0, 1)
    assert definition.scope == ("faq",)
    assert definition.reads_props


def test_defaults_are_the_plain_journey() -> None:
    """What is left out has the documented default."""
    definition = parse_journey(make_document())

    assert (definition.ordering, definition.reentry, definition.lateness_us) == ("ordered", "after_end", 0)
    assert definition.scope is None
    assert not definition.reads_props
    assert parse_journey(make_document(lateness=0)).lateness_us == 0


def test_owner_is_needed_unless_told_otherwise() -> None:
    """A published journey has an owner; a worked example need not."""
    document = make_document()
    del document["owner"]

    assert refusals(document) == {"owner": "owner_required"}
    assert parse_journey(document, require_owner=False).owner is None


@pytest.mark.parametrize(
    ("over", "expected"),
    [
        ({"window": None}, {"window": "window_required"}),
        ({"window": 7}, {"window": "bad_duration"}),
        ({"window": "-7d"}, {"window": "bad_duration"}),
        ({"window": "999999999w"}, {"window": "bad_duration"}),
        ({"window": "99999999d"}, {"window": "bad_duration"}),
        ({"lateness": "later"}, {"lateness": "bad_duration"}),
        ({"stages": []}, {"stages": "too_few_stages"}),
        ({"stages": "a > b"}, {"stages": "too_few_stages"}),
        ({"stages": [make_stage("a"), make_stage("a")]}, {"stages[1].key": "duplicate_stage_key"}),
        ({"stages": [make_stage(f"s{i}") for i in range(64)]}, {"stages": "too_many_stages"}),
        ({"stages": [make_stage("a", optional=True), make_stage("b")]}, {"stages[0].optional": "first_stage_optional"}),
        ({"stages": [make_stage("a"), make_stage("b", optional=True)]}, {"stages[1].optional": "last_stage_optional"}),
        ({"stages": [make_stage("a"), make_stage("b", optional=True)], "ordering": "any"}, {"stages": "no_required_stage"}),
        ({"stages": [make_stage("a", within="1d"), make_stage("b")]}, {"stages[0].within": "within_on_first_stage"}),
        ({"stages": [make_stage("a"), 7]}, {"stages[1]": "bad_type", "stages[1].key": "bad_key", "stages[1].match": "empty_match"}),
        ({"stages": [make_stage("a"), make_stage("b", optional=1)]}, {"stages[1].optional": "bad_type"}),
        ({"stages": [make_stage("a"), make_stage("b c")]}, {"stages[1].key": "bad_key"}),
        ({"stages": [make_stage("a"), make_stage("b", match=[{}])]}, {"stages[1].match[0].event": "empty_match"}),
        ({"stages": [make_stage("a"), make_stage("b", match=[{"event": "b", "props": {"n": []}}])]},
         {"stages[1].match[0].props.n": "empty_match"}),
        ({"stages": [make_stage("a"), make_stage("b", match=[{"event": "b", "props": {"n": None}}])]},
         {"stages[1].match[0].props.n": "bad_type"}),
        ({"stages": [make_stage("a"), make_stage("b", match=[{"event": "b", "props": {"n": float("nan")}}])]},
         {"stages[1].match[0].props.n": "bad_type"}),
        ({"stages": [make_stage("a"), make_stage("b", match=[{"event": "b", "props": [1]}])]},
         {"stages[1].match[0].props": "bad_type"}),
        ({"stages": [make_stage("a"), make_stage("b", match=[{"event": "b", "channel": 1}])]},
         {"stages[1].match[0].channel": "bad_type"}),
        ({"ordering": "random"}, {"ordering": "bad_ordering"}),
        ({"reentry": None}, {"reentry": "bad_reentry"}),
        ({"exclude": {}}, {"exclude": "bad_type"}),
        ({"exclude": [{"match": [{"event": "x"}]}] * 64}, {"exclude": "too_many_excludes"}),
        ({"exclude": [{"match": [{"event": "x"}], "after": "z"}]}, {"exclude[0].after": "unknown_stage_in_exclude"}),
        ({"exclude": [{"match": [{"event": "x"}], "after": "a", "before": "a"}]}, {"exclude[0]": "impossible_exclude"}),
        ({"exclude": [{"match": [{"event": "x"}], "after": "b"}]}, {"exclude[0]": "impossible_exclude"}),
        ({"exclude": [{"match": [{"event": "x"}], "before": "a"}], "ordering": "any"}, {"exclude[0]": "impossible_exclude"}),
        ({"scope": "faq"}, {"scope": "bad_type"}),
        ({"correlate_by": ""}, {"correlate_by": "bad_type"}),
        ({"version": 0}, {"version": "bad_type"}),
        ({"colour": "red", "key": ""}, {"colour": "unknown_field", "key": "bad_key"}),
    ],
)  # fmt: skip
def test_a_definition_that_cannot_mean_anything_is_refused(
    over: dict[str, Any], expected: dict[str, str]
) -> None:
    """Every fault is named by path and code."""
    assert refusals(make_document(**over)) == expected


def test_a_document_that_is_no_object_is_refused() -> None:
    """Not even an object."""
    assert refusals([]) == {"": "bad_type"}


def test_all_faults_are_listed_at_once() -> None:
    """One answer holds everything there is to mend."""
    assert len(refusals(make_document(window="x", ordering="y", stages=[]))) == 3
