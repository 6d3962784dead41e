"""``abplat refresh``: what the worker does after every sealing, by hand."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from sqlalchemy.orm import Session

from abplat.cli import main
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.facts.engines.duckdb import connect
from abplat.facts.lake import Lake
from abplat.facts.rows import TouchpointRow
from abplat.facts.sealing import seal_project
from abplat.facts.tables import to_table
from abplat.services import catalogue, experiments
from abplat.services.experiments import Moment
from abplat.services.platform import open_database
from tests.conftest import NOW, make_catalogue


def make_installation(folder: Path) -> None:
    """Start an experiment and seal a few touchpoints."""
    settings = Settings(data_dir=folder)
    engine = open_database(settings)
    with Session(engine) as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
        experiments.start(session, "shop", "shorter-form", Moment(NOW))
        session.commit()
    engine.dispose()
    ts = to_micros(NOW)
    rows = [TouchpointRow(f"e{n}", f"cust:{n % 3}", "visit", ts + n, "web", None) for n in range(9)]
    lake = Lake(settings.lake_dir)
    lake.append("shop", "touchpoint", to_table("touchpoint", rows, [ts] * 9), app="test", sequence=1)
    with connect(settings) as connection:
        seal_project(connection, lake, "shop", ts, everything=True)


def test_it_derives_once_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    """Unless it is told to derive everything anew."""
    make_installation(tmp_path)
    ask = ["refresh", "--project", "shop", "--data-dir", str(tmp_path)]
    said = [
        CliRunner().invoke(main, each, catch_exceptions=False).stdout
        for each in (ask, ask, [*ask, "--rebuild"])
    ]

    assert "tables refreshed" in said[0]
    assert said[1] == "shop: nothing is new\n"
    assert "(anew)" in said[2]
    assert (tmp_path / "lake" / "shop" / "derived" / "note.json").exists()
