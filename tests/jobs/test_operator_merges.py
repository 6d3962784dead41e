"""What an operator merges and splits moves analyses too, as of their instant."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from abplat.analysis.identity import resolve
from abplat.analysis.snapshot import Snapshot
from abplat.clock import to_micros
from abplat.facts.drain import Drain
from abplat.facts.lake import Lake
from abplat.services import catalogue, components, events, identities
from abplat.services.platform import Platform
from tests.conftest import NOW, FakeClock, make_catalogue

HOUR = timedelta(hours=1)


@pytest.fixture(name="lake")
def _lake(platform: Platform, clock: FakeClock, tmp_path: Path) -> Lake:
    """Merge two customers in the first hour, split them in the second, and drain."""
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
    pair = {"id": "cust:1", "reason": "one person"}
    for verb, name in ((identities.merge, "into"), (identities.split, "from")):
        clock.advance(hours=1)
        with platform.writers.begin() as session:
            verb(session, "shop", {**pair, name: "cust:2"}, now=clock())
    lake = Lake(tmp_path / "lake")
    Drain(platform.engine, lake).run_waiting()
    return lake


@pytest.mark.parametrize(
    ("after", "customers"), [(0, {"cust:1", "cust:2"}), (1, {"cust:2"}), (2, {"cust:1", "cust:2"})]
)
def test_an_analysis_follows_an_operator(
    lake: Lake, platform: Platform, after: int, customers: set[str]
) -> None:
    """At each instant it knows what had been commanded by then, however often it is made."""
    as_of_us = to_micros(NOW + after * HOUR)
    for _ in range(2):
        with Snapshot(lake, "shop", as_of_us, platform.settings) as snapshot:
            found = resolve(["cust:1", "cust:2"], snapshot.aliases(), as_of_us)
        assert set(found.customers) == customers


def test_the_ledger_and_the_analysis_agree(lake: Lake, platform: Platform) -> None:
    """Both end with two customers."""
    with platform.engine.connect() as connection:
        ids = components.look_up(connection, "shop", ("cust:1",)).ids
    with Snapshot(lake, "shop", to_micros(NOW + 9 * HOUR), platform.settings) as snapshot:
        assert len(snapshot.aliases()) == 2
    assert ids == ("cust:1",)


def test_nobody_pretends_to_be_an_operator(lake: Lake, platform: Platform) -> None:
    """An alias that is sent cannot carry the source of a command."""
    assert lake.version("shop", "alias") is not None
    sent = {
        "kind": "alias",
        "id": "x",
        "a": "cust:1",
        "b": "cust:2",
        "ts": NOW.isoformat(),
        "source": "abplat:merge",
    }
    done = events.record(platform.intake, "shop", {"events": [sent]}, now=NOW)

    assert [each.code for each in done.refused] == ["reserved_source"]
