"""Identity: two splits, merges by arm, sensitivity, coherence; planted contamination is found by them alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.gather import gather
from abplat.analysis.gathered import Gathered
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.scorecard import analyse
from abplat.analysis.snapshot import Snapshot
from abplat.analysis.units import by_assigned_id, restrict
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import Report
from abplat.domain.report_identity import IdentitySection
from abplat.facts.rows import AliasRow, ExposureRow, TouchpointRow

from .planted import Planted, make_planted_plan
from .simulated import AS_OF, DAY, HOUR, START, Shop, make_shop_plan

IDENTITY_CODES = {"identification", "merge_rate", "crossover", "identity_sensitivity"}
T0 = to_micros(START)


def section_of(report: Report) -> IdentitySection:
    """Return the identity section."""
    assert report.identity is not None
    return report.identity


def raised(report: Report) -> set[str]:
    """Return the codes of findings that warn or block."""
    return {found.code for found in report.findings if found.severity in {"warning", "block"}}


def run_planted(folder: Path, **planted: Any) -> Report:
    """Simulate and analyse."""
    made = Planted(folder)
    made.run(**planted)
    return analyse(made.write(), make_planted_plan(), AS_OF, Settings(data_dir=folder))


@pytest.fixture(scope="module")
def contaminated(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Meeting the treatment makes people log in, which joins their devices."""
    return run_planted(tmp_path_factory.mktemp("joined"), n=2_500, second=0.6, recognition=0.6, known=False)


def gather_shop(shop: Shop, plan: AnalysisPlan) -> Gathered:
    """Gather what a shop has written."""
    lake = shop.write()
    with Snapshot(lake, "shop", to_micros(AS_OF), Settings(data_dir=shop.folder)) as snapshot:
        found = gather(snapshot, plan)
        tuple(found.encounters.ids)  # read while the snapshot is open
        return found


def expose(key: str, actor: str, variant: str, hour: float, **over: Any) -> ExposureRow:
    """Return an exposure."""
    channel, reason, sdk = over.get("channel", "web"), over.get("reason", "split"), over.get("sdk")
    ts = T0 + int(hour * HOUR)
    return ExposureRow(key, actor, "form", variant, ts, channel, reason, "v1", sdk=sdk)


def test_recognition_moved_by_the_variant_is_found(contaminated: Report) -> None:
    """Ids are split as planned, the customers they became are not."""
    fresh, customers = section_of(contaminated).splits

    assert (fresh.unit, fresh.alarm) == ("fresh", False)
    assert (customers.unit, customers.alarm) == ("customers", True)
    assert sum(fresh.counts.values()) > sum(customers.counts.values())
    assert section_of(contaminated).fallback
    assert contaminated.verdicts[0].code == "not_trusted"


def test_recognition_is_found_by_the_identity_checks_and_no_other(contaminated: Report) -> None:
    """The split of the assignments is as planned, and nothing else stands out."""
    found = raised(contaminated)

    assert {"identification", "merge_rate"} <= found
    assert found <= IDENTITY_CODES


def test_clean_facts_raise_no_identity_check(tmp_path: Path) -> None:
    """People with one device who log in as they like."""
    report = run_planted(tmp_path, n=1_500, known=False)
    section = section_of(report)

    assert not raised(report) & IDENTITY_CODES
    assert [test.alarm for test in section.splits] == [False, False]
    assert {check.measure: check.alarm for check in section.merges} == {
        "ids_per_customer": False,
        "share_identified": False,
    }
    assert not section.fallback


def test_everybody_known_on_one_id_is_robust(tmp_path: Path) -> None:
    """There is nothing that another rule could change."""
    report = run_planted(tmp_path, n=400)
    [verdict] = section_of(report).verdicts

    assert verdict.code == "robust"
    assert [row.analysis for row in section_of(report).sensitivities] == ["first_exposure"]


def test_inherited_assignments_are_no_fresh_ones(tmp_path: Path) -> None:
    """A pinned first exposure copies another id's variant."""
    shop = Shop(tmp_path)
    shop.exposures = [
        expose("x1", "anon:1", "treatment", 0),
        expose("x2", "cust:1", "treatment", 1, reason="pinned"),
        expose("x3", "cust:2", "control", 0),
    ]
    shop.aliases = [AliasRow("a1", "anon:1", "cust:1", T0, "login")]
    found = gather_shop(shop, make_shop_plan()).encounters

    assert found is not None
    assert dict(zip(found.ids, found.fresh.tolist(), strict=True)) == {
        "anon:1": True,
        "cust:1": False,
        "cust:2": True,
    }


def test_who_was_known_before_exposure_is_told_from_who_became_known(tmp_path: Path) -> None:
    """A link counts when it was made by the exposure; a chain needs all its links."""
    shop = Shop(tmp_path)
    shop.exposures = [
        expose("x1", "anon:1", "control", 5),
        expose("x2", "anon:2", "control", 5),
        expose("x3", "cust:3", "control", 5),
        expose("x4", "phone:4", "control", 5),
        expose("x5", "anon:5", "control", 5),
    ]
    links = (
        ("anon:1", "cust:1", 1), ("anon:2", "cust:2", 9), ("phone:4", "loyalty:4", 1), ("loyalty:4", "cust:4", 9),
    )  # fmt: skip
    shop.aliases = [AliasRow(f"a{a}", a, b, T0 + hour * HOUR, "login") for a, b, hour in links]
    gathered = gather_shop(shop, make_shop_plan())
    found = gathered.encounters

    assert found is not None
    # In the order of names: anon:5, then the four customers.
    assert found.known_before.tolist() == [False, True, False, True, False]
    assert found.identified.tolist() == [False, True, True, True, True]
    assert found.n_ids.tolist() == [1, 2, 2, 1, 3]


def test_a_restricted_population_takes_part_in_no_arm(tmp_path: Path) -> None:
    """Neither in rates nor in curves."""
    shop = Shop(tmp_path)
    shop.exposures = [expose(f"x{i}", f"cust:{i}", "control", i) for i in range(4)]
    gathered = gather_shop(shop, make_shop_plan())
    kept = restrict(gathered, np.array([True, False, True, False]))

    assert kept.arm(0).tolist() == [True, False, True, False]
    assert (kept.population.variant == 0).sum() == 2


def test_assigned_ids_have_their_own_variant_and_the_journeys_of_their_customer(tmp_path: Path) -> None:
    """Each from its own first exposure on."""
    shop = Shop(tmp_path)
    shop.exposures = [
        expose("x1", "anon:a", "control", 0),
        expose("x2", "anon:b", "treatment", 30),
        expose("x3", "cust:2", "treatment", 0),
    ]
    shop.aliases = [AliasRow(f"a{k}", f"anon:{k}", "cust:1", T0 + 90 * HOUR, "login") for k in "ab"]
    shop.touchpoints = [
        TouchpointRow("t1", "anon:a", "visit", T0 + 2 * HOUR, "web"),
        TouchpointRow("t2", "anon:a", "quote", T0 + 3 * HOUR, "web", None, '{"kind":"tent"}'),
        TouchpointRow("t3", "anon:a", "purchase", T0 + 4 * HOUR, "web", 5.0),
        TouchpointRow("t4", "cust:2", "visit", T0 + 2 * HOUR, "web"),
    ]
    plan = make_shop_plan()
    gathered = gather_shop(shop, plan)
    assert gathered.encounters is not None
    spread = by_assigned_id(gathered, gathered.encounters, plan)
    rows = dict(zip(gathered.encounters.ids, range(3), strict=True))

    assert spread.population.variant[[rows["anon:a"], rows["anon:b"], rows["cust:2"]]].tolist() == [0, 1, 1]
    assert spread.walked["buy"].rows.completed[rows["anon:a"]]
    assert not spread.walked["buy"].rows.completed[rows["anon:b"]]
    assert spread.walked["buy"].rows.started[rows["cust:2"]]


def test_a_result_that_hangs_on_crossovers_says_so(tmp_path: Path) -> None:
    """Treated people who met both variants complete, of the others one in a hundred."""
    shop = Shop(tmp_path)
    for i in range(400):
        variant = "treatment" if i % 2 else "control"
        shop.exposures.append(expose(f"x{i}", f"cust:{i}", variant, i / 100))
        if i % 20 == 1:
            shop.exposures.append(expose(f"y{i}", f"cust:{i}", "control", 6))
        if i % 20 == 1 or i % 100 in {2, 3}:
            names = ((2, "visit", None), (3, "quote", '{"kind":"tent"}'), (4, "purchase", None))
            for hour, name, props in names:
                at = T0 + 4 * HOUR + hour * HOUR
                shop.touchpoints.append(TouchpointRow(f"{name}{i}", f"cust:{i}", name, at, "web", 1.0, props))
    report = analyse(shop.write(), make_shop_plan(), AS_OF, Settings(data_dir=tmp_path))
    section = section_of(report)
    by_name = {row.analysis: row for row in section.sensitivities}

    assert by_name["first_exposure"].conclusion == "better"
    assert by_name["without_crossovers"].conclusion != "better"
    assert by_name["without_crossovers"].agrees is False
    assert section.verdicts[0].code == "depends_on_identity_resolution"
    assert section.verdicts[0].sentence in report.verdicts[0].reasons
    assert section.crossover is not None
    assert (section.crossover.n_crossovers, section.crossover.level) == (20, "warning")


def test_the_dose_enlarges_the_effect_by_what_was_not_met(tmp_path: Path) -> None:
    """Of the treated a tenth met control half of the time: the effect is divided by 0.95."""
    shop = Shop(tmp_path)
    for i in range(200):
        variant = "treatment" if i % 2 else "control"
        shop.exposures.append(expose(f"x{i}", f"cust:{i}", variant, i / 100))
        if i % 20 == 1:
            shop.exposures.append(expose(f"y{i}", f"cust:{i}", "control", 40))
        if i % 3 == 0 or i % 4 == 1:
            shop.touchpoints += [
                TouchpointRow(
                    f"{name}{i}", f"cust:{i}", name, T0 + (5 + hour) * HOUR, "web", None, '{"kind":"tent"}'
                )
                for hour, name in enumerate(("visit", "quote", "purchase"))
            ]
    report = analyse(shop.write(), make_shop_plan(), AS_OF, Settings(data_dir=tmp_path))
    by_name = {row.analysis: row for row in section_of(report).sensitivities}
    main, dose = by_name["first_exposure"].effect, by_name["dose"].effect

    assert main is not None
    assert dose == pytest.approx(main / 0.95)


def test_coherence_is_told_by_pair_sdk_and_week(tmp_path: Path) -> None:
    """One SDK shows the other variant from the third week on."""
    shop = Shop(tmp_path)
    for i in range(300):
        week = i % 3
        start = week * 7 * 24 + i / 100
        variant = "treatment" if i % 2 else "control"
        shown = "control" if week == 2 else variant
        shop.exposures += [
            expose(f"x{i}", f"cust:{i}", variant, start, channel="web", sdk="js/1.0"),
            expose(
                f"y{i}",
                f"cust:{i}",
                shown,
                start + 5,
                channel="app",
                sdk="old/0.9" if week == 2 else "ios/2.0",
            ),
        ]
    report = analyse(shop.write(), make_shop_plan(), AS_OF, Settings(data_dir=tmp_path))
    rows = {(row.group, row.value): row for row in section_of(report).coherence}

    assert rows["channel_pair", "app + web"].n == 300
    assert rows["channel_pair", "app + web"].n_coherent == 250
    assert rows["sdk", "old/0.9"].alarm
    assert not rows["sdk", "ios/2.0"].alarm
    assert [row.alarm for key, row in rows.items() if key[0] == "week"] == [False, False, True]
    assert section_of(report).drift
    assert {"coherence_drift", "coherence_source"} <= raised(report)


def test_coverage_counts_days_with_a_touchpoint_that_could_show_the_variant(tmp_path: Path) -> None:
    """The app is opened after the exposure and never asks."""
    shop = Shop(tmp_path)
    for i in range(60):
        shop.exposures.append(
            expose(f"x{i}", f"cust:{i}", "treatment" if i % 2 else "control", 0, sdk="js/1.0")
        )
        shop.touchpoints.append(TouchpointRow(f"w{i}", f"cust:{i}", "open", T0 + HOUR, "web"))
        shop.touchpoints.append(TouchpointRow(f"a{i}", f"cust:{i}", "open", T0 + DAY, "app"))
    touchpoints = [
        {"event": "open", "channel": channel, "variant_capable": channel != "store"}
        for channel in ("app", "store", "web")
    ]
    plan = make_shop_plan(registry={"touchpoints": touchpoints})
    report = analyse(shop.write(), plan, AS_OF, Settings(data_dir=tmp_path))
    rows = {
        (row.group, row.value): (row.n_days, row.n_served, row.alarm) for row in section_of(report).coverage
    }

    assert rows == {
        ("channel", "app"): (60, 0, True),
        ("channel", "web"): (60, 60, False),
        ("channel_pair", "web > app"): (60, 0, True),
        ("channel_pair", "web > web"): (60, 60, False),
        ("sdk", "js/1.0"): (120, 60, True),
    }
    assert "coverage" in raised(report)


def test_ids_that_are_no_ordinary_customer_are_counted(tmp_path: Path) -> None:
    """Shared, unidentified, groups."""
    shop = Shop(tmp_path)
    shop.exposures = [
        expose("x1", "anon:tablet", "control", 0),
        expose("x2", "cust:1", "treatment", 0),
        expose("x3", "store:7", "control", 0),
    ]
    shop.aliases = [AliasRow(f"a{i}", "anon:tablet", f"cust:{i}", T0, "login") for i in (1, 2)]
    report = analyse(shop.write(), make_shop_plan(), AS_OF, Settings(data_dir=tmp_path))
    counts = {count.kind: (count.n, count.examples) for count in section_of(report).ids}

    assert counts["shared"] == (1, ("anon:..et",))
    assert counts["unidentified"] == (2, ())
    assert counts["cluster"] == (1, ("store:7",))
