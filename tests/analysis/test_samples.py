"""The sample of journeys: by arm and ending, always the same, and without any id."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import pytest

from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.samples import SIZE, share_out
from abplat.analysis.scorecard import analyse
from abplat.config import Settings
from abplat.domain.report import Report, encode_report
from abplat.facts.lake import Lake

from .simulated import AS_OF, Shop, Truth, make_shop_plan

SECRET = "0123456789abcdef"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, AnalysisPlan, Path]:
    """Return facts of some hundred people and a plan that has a secret."""
    folder = tmp_path_factory.mktemp("samples")
    shop = Shop(folder)
    shop.run({"control": Truth(), "treatment": Truth(quote=0.65)}, 400)
    return shop.write(), dataclasses.replace(make_shop_plan(), mask=SECRET), folder


def run(world: tuple[Lake, AnalysisPlan, Path], **over: str) -> Report:
    """Analyse it."""
    lake, plan, folder = world
    return analyse(lake, dataclasses.replace(plan, **over), AS_OF, Settings(data_dir=folder))  # type: ignore[arg-type]


@pytest.fixture(name="report", scope="module")
def _report(world: tuple[Lake, AnalysisPlan, Path]) -> Report:
    """Analyse it once."""
    return run(world)


def test_both_arms_and_every_ending_are_in_the_sample(report: Report) -> None:
    """As many of each as can be."""
    section = report.samples
    assert section is not None
    seen = {(each.variant, each.status) for each in section.journeys}
    ended = {(each.variant, each.status) for each in report.journey_map.endings if each.n}

    assert len(section.journeys) == SIZE
    assert section.n_journeys > SIZE
    assert {variant for variant, _ in seen} == {"control", "treatment"}
    assert seen == ended


def test_no_id_is_in_the_report(report: Report) -> None:
    """Whoever reads it cannot tell who they are."""
    document = encode_report(report).decode()

    assert SECRET not in document
    assert 'cust:1"' not in document
    assert "cust:" not in document.replace("cust:..", "")


def test_codes_need_the_secret(world: tuple[Lake, AnalysisPlan, Path], report: Report) -> None:
    """Another one gives other codes to the same journeys; none gives none."""
    assert report.samples is not None
    codes = [each.code for each in report.samples.journeys]
    other, bare = run(world, mask="another").samples, run(world, mask="").samples
    assert other is not None
    assert bare is not None

    assert all(len(code) == 10 for code in codes)
    assert len({*codes}) > 1
    assert not {*codes} & {each.code for each in other.journeys}
    assert {each.code for each in bare.journeys} == {""}
    assert [each.seconds for each in bare.journeys] == [each.seconds for each in report.samples.journeys]


def test_the_sample_is_the_same_whenever_it_is_drawn(
    world: tuple[Lake, AnalysisPlan, Path], report: Report
) -> None:
    """To the byte."""
    assert encode_report(run(world)) == encode_report(report)


def test_places_are_shared_out_as_far_as_they_go() -> None:
    """None is lost, none is given twice, and no group gets more than it has."""
    chance = random.Random(5)
    for _ in range(200):
        sizes = [chance.randrange(12) for _ in range(5)]
        wanted = chance.randrange(30)
        given = share_out(sizes, wanted)

        assert sum(given) == min(wanted, sum(sizes))
        assert all(one <= size for one, size in zip(given, sizes, strict=True))
