"""Breakdowns: kinds of customers as they were before exposure, the interaction test, shrunken rows."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.dimensions import cut_values, read_dimension
from abplat.analysis.gather import gather
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.profile import Told
from abplat.analysis.scorecard import analyse
from abplat.analysis.snapshot import Snapshot
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import Report
from abplat.domain.report_breakdowns import Breakdown
from abplat.facts.lake import Lake
from abplat.facts.rows import AliasRow, ExposureRow, TouchpointRow

from .simulated import AS_OF, HOUR, START, Shop, make_shop_plan

T0 = to_micros(START)
PLANNER = {"title": "Planner", "origin": "data", "rule": {"attribute": "visits", "op": "gte", "value": 5}}
WALKER = {"title": "Walker", "origin": "field", "rule": {"attribute": "visits", "op": "lt", "value": 5}}
REGISTRY = {
    "personas": {"planner": PLANNER, "walker": WALKER},
    "segments": {
        "listed": {"title": "Listed", "members": ["cust:1", "anon:2"]},
        "german": {"title": "German", "rule": {"attribute": "country", "op": "equals", "value": "DE"}},
        "app": {"title": "On the app", "rule": {"attribute": "channel", "op": "equals", "value": "app"}},
    },
}


def make_people(folder: Path) -> Lake:
    """Four customers whose past is known."""
    shop = Shop(folder)

    def tell(key: str, actor: str, hour: float, props: str) -> None:
        shop.touchpoints.append(TouchpointRow(key, actor, "visit", T0 + int(hour * HOUR), "web", None, props))

    tell("a", "cust:1", -30, '{"visits": 1, "country": "FR"}')
    tell("b", "cust:1", -20, '{"visits": 7, "country": "DE"}')
    tell("c", "cust:1", 1, '{"visits": 2, "country": "IT"}')
    tell("d", "anon:2", -5, '{"visits": 3, "country": null}')
    tell("e", "cust:3", 2, '{"visits": 9}')
    shop.aliases = [AliasRow("a2", "anon:2", "cust:2", T0 + 9 * HOUR, "login")]
    for i, channel in enumerate(("web", "app", "web", "app"), start=1):
        actor = "anon:2" if i == 2 else f"cust:{i}"
        shop.exposures.append(ExposureRow(f"x{i}", actor, "form", "control", T0, channel, "split", "v1"))
    return shop.write()


def read(folder: Path, name: str) -> list[str] | None:
    """Return a dimension of the four."""
    plan = make_shop_plan(registry=REGISTRY, breakdowns=[["attribute:country"], ["attribute:visits"]])
    with Snapshot(make_people(folder), "shop", to_micros(AS_OF), Settings(data_dir=folder)) as snapshot:
        found = read_dimension(name, gather(snapshot, plan), plan)
    return None if found is None else found.texts()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("entry_channel", ["web", "app", "web", "app"]),
        ("new_returning", ["returning", "returning", "new", "new"]),
        ("persona", ["planner", "walker", "none", "none"]),
        ("segment:listed", ["in", "in", "out", "out"]),
        ("segment:german", ["in", "out", "out", "out"]),
        ("segment:app", ["out", "in", "out", "in"]),
        ("attribute:country", ["DE", "unknown", "unknown", "unknown"]),
        ("attribute:visits", ["7", "3", "unknown", "unknown"]),
    ],
)
def test_customers_are_what_was_told_of_them_before_their_exposure(
    tmp_path: Path, name: str, values: list[str]
) -> None:
    """The latest word before it counts; what was told later does not exist."""
    assert read(tmp_path, name) == values


@pytest.mark.parametrize("name", ["segment:gone", "attribute:gone"])
def test_what_nobody_knows_is_no_dimension(tmp_path: Path, name: str) -> None:
    """An unknown segment has no members; an attribute that was not asked for has no values."""
    assert read(tmp_path, name) is None


def test_numbers_of_many_values_are_cut_into_quarters_and_rare_texts_put_together() -> None:
    """Without a look at the arms."""
    names = [*(f"c{i:02}" for i in range(12)), "big"]
    quarters = cut_values(Told(np.arange(-1, 100), [*range(100)]))
    texts = cut_values(Told(np.array([*(i % 12 for i in range(240)), *[12] * 50]), names))

    assert quarters is not None
    assert texts is not None
    assert [quarters.texts().count(name) for name in quarters.names] == [25, 1, 25, 25, 25]
    assert len(set(texts.texts())) == 9
    assert "other" in set(texts.texts())


def simulate(folder: Path, plan: AnalysisPlan, lift: dict[str, float], n: int = 3_000) -> Report:
    """Let planners and walkers come on web and app; the treatment lifts completion by kind."""
    chance, shop = random.Random(4), Shop(folder)
    for i in range(n):
        kind, channel = chance.choice(("planner", "walker")), chance.choice(("web", "app"))
        variant = chance.choice(("control", "treatment"))
        actor, at = f"cust:{i}", T0 + int(chance.random() * 200 * HOUR)
        told = f'{{"visits": {8 if kind == "planner" else 2}}}'
        shop.touchpoints.append(TouchpointRow(f"p{i}", actor, "look", at - HOUR, channel, None, told))
        shop.exposures.append(ExposureRow(f"x{i}", actor, "form", variant, at, channel, "split", "v1"))
        share = 0.3 + (lift.get(kind, 0) + lift.get(channel, 0) if variant == "treatment" else 0)
        if chance.random() < share:
            shop.touchpoints += [
                TouchpointRow(f"{name}{i}", actor, name, at + place * HOUR, channel, 1.0, '{"kind":"tent"}')
                for place, name in enumerate(("visit", "quote", "purchase"), start=1)
            ]
    return analyse(shop.write(), plan, AS_OF, Settings(data_dir=folder))


def find(report: Report, *dimensions: str) -> Breakdown:
    """Return one breakdown."""
    assert report.breakdowns is not None
    return next(row for row in report.breakdowns.breakdowns if row.dimensions == dimensions)


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Planners gain 15 points, walkers lose 5."""
    plan = make_shop_plan(
        registry={"personas": REGISTRY["personas"]},
        breakdowns=[["persona"], ["entry_channel"], ["persona", "entry_channel"], ["segment:gone"]],
    )
    return simulate(tmp_path_factory.mktemp("kinds"), plan, {"planner": 0.15, "walker": -0.05})


def test_a_planted_difference_between_personas_is_found(differing: Report) -> None:
    """By the interaction test first, then in the rows, with both signs."""
    found = find(differing, "persona")
    planner, walker = found.rows

    assert found.differs
    assert found.interaction_p_adjusted is not None
    assert found.interaction_p is not None
    assert found.interaction_p < found.interaction_p_adjusted < 0.001
    assert (planner.value, walker.value) == (("planner",), ("walker",))
    assert planner.ci_lower is not None
    assert planner.ci_upper is not None
    assert planner.ci_lower < 0.15 < planner.ci_upper
    assert "interaction" in {each.code for each in differing.findings}


def test_personas_are_strata_of_the_conflict_check(differing: Report) -> None:
    """It helps planners and hurts walkers; the entry channel, planned too, says nothing of its own."""
    assert differing.conflict_scan is not None
    checks = {check.by: check for check in differing.conflict_scan.strata}
    found = checks["persona"]

    assert list(checks) == ["week", "channel", "persona"]
    assert [row.stratum for row in found.rows] == ["planner", "walker"]
    assert found.gail_simon_p is not None
    assert not found.is_reversed
    assert found.sentence.startswith(
        "The goal moves in opposite directions by persona" if found.gail_simon_p < 0.01 else "No persona"
    )


def test_a_change_that_helps_one_persona_and_hurts_another_is_a_warning(tmp_path: Path) -> None:
    """Nobody planned the breakdown; the registry names personas and a segment, so both are looked at."""
    plan = make_shop_plan(registry=REGISTRY)
    report = simulate(tmp_path, plan, {"planner": 0.2, "walker": -0.15}, 2_000)
    assert report.conflict_scan is not None
    checks = {check.by: check for check in report.conflict_scan.strata}
    raised = [each for each in report.findings if each.code == "qualitative_interaction"]

    assert checks["persona"].gail_simon_p is not None
    assert checks["persona"].gail_simon_p < 0.001
    assert "The goal moves in opposite directions by persona" in {each.title for each in raised}
    assert "segment app" in checks


def test_what_does_not_differ_is_read_as_a_whole(differing: Report) -> None:
    """The channel plays no part: its rows are pulled together."""
    found = find(differing, "entry_channel")

    assert not found.differs
    assert "read the whole" in found.reading
    spread = [row.shrunken for row in found.rows if row.shrunken is not None]
    raw = [row.effect for row in found.rows if row.effect is not None]
    assert max(spread) - min(spread) <= max(raw) - min(raw)


def test_two_dimensions_are_crossed(differing: Report) -> None:
    """Each has its own question, and whether both together are more than their sum."""
    found = find(differing, "persona", "entry_channel")

    assert [row.value for row in found.rows] == [
        ("planner", "app"), ("planner", "web"), ("walker", "app"), ("walker", "web"),
    ]  # fmt: skip
    by_persona, by_channel = found.by_dimension_p
    assert by_persona is not None
    assert by_channel is not None
    assert by_persona < 0.001 < by_channel
    assert found.crossed_p is not None
    assert sum(row.n_control + row.n_treatment for row in found.rows) == 3_000


def test_a_breakdown_by_what_is_not_known_says_so(differing: Report) -> None:
    """A reason, no rows."""
    found = find(differing, "segment:gone")

    assert (found.reason, found.rows, found.differs) == ("not_known", (), False)


def test_without_a_plan_what_every_project_knows_is_asked(tmp_path: Path) -> None:
    """Channel of entry, new or returning, both; personas where there are any."""
    plan: Any = make_shop_plan(registry=REGISTRY)

    assert plan.dimensions == (
        ("entry_channel",), ("new_returning",), ("entry_channel", "new_returning"), ("persona",),
        ("segment:app",), ("segment:german",), ("segment:listed",),
    )  # fmt: skip
    assert plan.attributes == ("country", "visits")


def test_many_questions_about_nothing_find_nothing(tmp_path: Path) -> None:
    """The note says how many there were."""
    plan = make_shop_plan(registry=REGISTRY)
    report = simulate(tmp_path, plan, {}, 1_500)

    assert report.breakdowns is not None
    assert not any(row.differs for row in report.breakdowns.breakdowns)
    assert "interaction tests" in report.breakdowns.note
