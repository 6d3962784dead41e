"""Stores that are drawn whole: customers are added up to their store, and errors are those of stores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abplat.analysis.cluster_effects import compare_groups
from abplat.analysis.effects import Standing, measure_metric
from abplat.analysis.gather import gather
from abplat.analysis.gathered import Gathered
from abplat.analysis.metrics import spend_times
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.scorecard import analyse, score
from abplat.analysis.snapshot import Snapshot
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import MetricResult, Report, decode_report, encode_report
from abplat.facts.lake import Lake
from abplat.facts.rows import ExposureRow, TouchpointRow
from abplat.facts.tables import to_table
from abplat.stats import NotComputable

from .simulated import HOUR
from .small_world import AS_OF, T0, make_metric, make_world_plan

KEYS = ("control", "treatment")
JUDGED = Standing(is_final=True, is_trusted=True)
EXTRA = [
    make_metric("time", "time_to_complete", journey="buy"),
    make_metric("spent", "value", match=[{"event": "purchase"}]),
    make_metric("basket", "quantile", match=[{"event": "purchase"}], quantile=0.5),
    make_metric("hops", "link_latency", journey="buy", source="quote", target="purchase"),
]


def make_plan(**over: Any) -> AnalysisPlan:
    """Return the plan of an experiment over stores."""
    return make_world_plan(EXTRA[:3], **{"unit_type": "store", **over})


def make_stores(folder: Path, n_stores: int, effect: float = 0.0, size: int = 40) -> Lake:
    """Write stores of unequal luck into a lake; even ones are control."""
    rng = np.random.default_rng(20_261)
    met: list[Any] = []
    done: list[Any] = []
    for store in range(n_stores):
        treated = store % 2
        luck = float(np.clip(rng.normal(0.45, 0.15), 0.05, 0.75)) + effect * treated
        for number in range(size + 10 * (store % 3)):
            who, ts = f"cust:{store}-{number}", T0 + int(rng.integers(0, 200)) * HOUR
            met.append(
                ExposureRow(
                    f"x{who}", who, "form", KEYS[treated], ts, "store", "split", cluster=f"store:{store}"
                )
            )
            steps = ["visit", "quote", "purchase"][: 3 if rng.random() < luck else 1]
            done += [
                TouchpointRow(f"{name}{who}", who, name, ts + (place + 1) * HOUR, "store", 10.0 + number % 7)
                for place, name in enumerate(steps)
            ]
    lake = Lake(folder / "lake")
    for kind, rows in (("exposure", met), ("touchpoint", done)):
        lake.append("shop", kind, to_table(kind, rows, [row.ts_us for row in rows]), app="test", sequence=1)
    return lake


def read(lake: Lake, plan: AnalysisPlan, folder: Path) -> Gathered:
    """Gather the facts."""
    with Snapshot(lake, "shop", to_micros(AS_OF), Settings(data_dir=folder)) as snapshot:
        return gather(snapshot, plan)


@pytest.fixture(scope="module", name="folder")
def _folder(tmp_path_factory: Any) -> Path:
    """Return a place for the facts."""
    return Path(tmp_path_factory.mktemp("stores"))


@pytest.fixture(scope="module", name="equal")
def _equal(folder: Path) -> Gathered:
    """Return the facts of stores between which nothing differs but their luck."""
    return read(make_stores(folder, 24), make_plan(), folder)


def redeal(gathered: Gathered, rng: np.random.Generator) -> Gathered:
    """Return the facts as if the stores had been drawn another time."""
    population = gathered.population
    labels = rng.permutation(np.arange(len(population.clusters)) % 2)
    variant = labels[population.cluster].astype(np.int32)
    return replace(gathered, population=replace(population, variant=variant))


def alarm_rate(gathered: Gathered, plan: AnalysisPlan, n: int) -> float:
    """Return how often equal arms are told apart."""
    rng = np.random.default_rng(7)
    found = [measure_metric(plan.primary, redeal(gathered, rng), plan, JUDGED) for _ in range(n)]
    return float(np.mean([each.result.effects[0].verdict in ("better", "worse") for each in found]))


def test_equal_stores_are_seldom_told_apart(equal: Gathered) -> None:
    """In A/A draws of stores the error rate is kept; counting customers one by one it would not be."""
    assert alarm_rate(equal, make_plan(), 300) < 0.08
    assert alarm_rate(equal, make_plan(unit_type="cust"), 100) > 0.2


def find(report: Report, key: str) -> MetricResult:
    """Return a row of the report."""
    return next(row for row in report.metrics if row.key == key)


def test_a_planted_effect_is_found_with_the_errors_of_stores(tmp_path: Path) -> None:
    """The Report names the stores, their errors, and leaves out what would count customers."""
    lake = make_stores(tmp_path, 40, effect=0.2)
    report = analyse(lake, make_plan(), AS_OF, Settings(data_dir=tmp_path))
    goal = find(report, "goal").effects[0]
    found = {finding.code: finding for finding in report.findings}

    assert (goal.method, goal.verdict) == ("cr2", "better")
    assert goal.ci_lower is not None
    assert goal.ci_upper is not None
    assert 0 < goal.ci_lower < 0.2 < goal.ci_upper
    assert [variant.n_clusters for variant in report.experiment.variants] == [20, 20]
    assert found["clustered"].evidence["clusters"] == 40
    assert found["clustered"].title == "The analysis is clustered: 40 stores (control 20, treatment 20)"
    assert found["sample_ratio"].evidence["control"] == 20
    assert find(report, "time").effects[0].method == "cr2; restricted mean time; verdict by Holm over 2"
    assert (report.links, report.paths, report.maturity, report.scores) == ((), None, None, ())
    assert decode_report(encode_report(report)) == report


def test_ten_stores_and_fewer(tmp_path: Path) -> None:
    """Eight stores are permuted; four cannot show anything, and say so."""
    eight = make_stores(tmp_path / "8", 8, effect=0.2)
    four = make_stores(tmp_path / "4", 4, effect=0.2)
    plan = make_plan()
    some = score(read(eight, plan, tmp_path), plan, AS_OF)
    few = score(read(four, plan, tmp_path), plan, AS_OF)
    effect = find(few, "goal").effects[0]

    assert find(some, "goal").effects[0].method == "permutation"
    assert find(some, "basket").effects[0].reason == "too_few_clusters"
    assert (effect.effect, effect.verdict, effect.reason) == (None, "not_computable", "too_few_clusters")
    assert next(each for each in few.findings if each.code == "clustered").severity == "warning"
    assert few.verdicts[0].may_ship is False


def test_an_exposure_without_its_store_is_left_out_and_told(tmp_path: Path) -> None:
    """And one that the store itself met belongs to that store."""
    lake = make_stores(tmp_path, 12)
    rows = [
        ExposureRow("lost", "cust:lost", "form", "control", T0, "store", "split"),
        ExposureRow("own", "store:0", "form", "control", T0, "store", "split"),
    ]
    lake.append("shop", "exposure", to_table("exposure", rows, [T0] * 2), app="test", sequence=2)
    gathered = read(lake, make_plan(), tmp_path)
    report = score(gathered, make_plan(), AS_OF)

    assert gathered.counts.n_ungrouped == 1
    assert len(gathered.population.clusters) == 12
    assert "no_cluster" in {finding.code for finding in report.findings}


def test_a_store_that_shows_two_variants_is_told(equal: Gathered) -> None:
    """A store was drawn whole; where customers met both, something decided by another id."""
    variant = equal.population.variant.copy()
    variant[0] = 1 - variant[0]
    mixed = replace(equal, population=replace(equal.population, variant=variant))
    finding = next(each for each in score(mixed, make_plan(), AS_OF).findings if each.code == "clustered")

    assert (finding.severity, finding.evidence["mixed_clusters"]) == ("warning", 1)


@pytest.mark.parametrize(("margin", "effect"), [(0.9, 0.0), (0.05, -0.3)])
@pytest.mark.parametrize("scale", ["relative", "absolute"])
def test_a_guardrail_is_held_against_its_margin(
    tmp_path: Path, margin: float, effect: float, scale: str
) -> None:
    """A generous margin is kept, a narrow one is broken, with errors of stores."""
    plan = make_plan()
    size = margin * (1 if scale == "relative" else 10)
    guardrail = replace(plan.metrics[2], role="guardrail", margin=size, scale=scale)
    gathered = read(make_stores(tmp_path, 40, effect=effect), plan, tmp_path)
    tested = measure_metric(guardrail, gathered, plan, JUDGED).margins[0]

    assert (tested.is_shown, tested.is_breached) == (effect == 0, effect < 0)  # type: ignore[union-attr]
    assert tested.harm_upper > tested.harm  # type: ignore[operator, union-attr]


def test_a_kind_without_an_error_between_groups_says_so(equal: Gathered) -> None:
    """Times of links are those of journeys, which no group adds up."""
    plan = make_world_plan([EXTRA[3]], unit_type="store")
    made = compare_groups(plan.metrics[1], spend_times(plan.metrics[1], equal, plan), equal, plan, 0.05)

    assert made.comparisons == [NotComputable("not_clustered")]


def test_young_customers_do_not_count(equal: Gathered) -> None:
    """Only whoever was watched for the whole horizon is added up."""
    plan = make_plan()
    early = replace(equal, mature=np.zeros(len(equal.population), bool))

    assert measure_metric(plan.primary, early, plan, JUDGED).result.effects[0].reason == "no_units"
