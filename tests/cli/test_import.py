"""``abplat import`` and ``abplat analyse`` from a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy.orm import Session

from abplat.cli import main
from abplat.config import Settings
from abplat.db.engine import make_engine
from abplat.db.upgrade import upgrade
from abplat.services import experiments, journeys, metrics, projects, reports
from abplat.services.experiments import Moment

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STAGES = [{"key": key, "title": key, "match": [{"event": key}]} for key in ("visit", "purchase")]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """Define a project with an experiment that runs."""
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    engine = make_engine(settings.sql_url)
    upgrade(engine)
    with Session(engine) as session, session.begin():
        projects.create(session, {"key": "shop", "title": "Shop"}, now=NOW)
        journeys.create(
            session,
            "shop",
            {"key": "buy", "title": "Buy", "owner": "Ada", "window": "7d", "stages": STAGES},
            now=NOW,
        )
        bought = {"key": "bought", "title": "Bought", "owner": "Ada", "kind": "completion", "journey": "buy"}
        metrics.create(session, "shop", bought, now=NOW)
        experiments.create(session, "shop", make_experiment(), now=NOW)
        experiments.start(session, "shop", "mail", Moment(NOW))
    engine.dispose()
    return settings.data_dir


def make_experiment() -> dict[str, Any]:
    """Return a definition."""
    return {
        "key": "mail",
        "title": "Mail",
        "owner": "Ada",
        "hypothesis": "A mail helps.",
        "journey": "buy",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": "bought", "role": "primary"}],
        "horizon": "7d",
    }


def invoke(data_dir: Path, *arguments: str) -> Result:
    """Run a command."""
    return CliRunner().invoke(main, [*arguments, "--data-dir", str(data_dir)])


def write_outcomes(folder: Path, n: int = 400) -> tuple[str, str]:
    """Write results of an experiment that was run elsewhere, and their map."""
    rows = [f"{'AB'[i % 2]},{int(i % 4 < 2)},{int(i % 8 == 1)}" for i in range(n)]
    (folder / "results.csv").write_text("\n".join(["arm,visited,bought", *rows]) + "\n")
    document = {
        "exposure": {
            "experiment": {"constant": "mail"},
            "variant": {"column": "arm", "map": {"A": "control", "B": "treatment"}},
            "ts": {"constant": "2025-03-01T00:00:00Z"},
        },
        "outcomes": [
            {"name": "visit", "when": "visited", "after": "1h"},
            {"name": "purchase", "when": "bought", "after": "2h"},
        ],
    }
    (folder / "map.yaml").write_text(yaml.safe_dump(document))
    return str(folder / "results.csv"), str(folder / "map.yaml")


def test_results_from_elsewhere_become_a_report(installation: Path, tmp_path: Path) -> None:
    """Import, analyse, read the stored report."""
    file, mapping = write_outcomes(tmp_path)
    imported = invoke(installation, "import", "outcomes", file, "--map", mapping, "--project", "shop")
    analysed = invoke(installation, "analyse", "mail", "--project", "shop")

    assert imported.stdout.strip().endswith("imported 650, refused 0, duplicates 0")
    assert imported.exit_code == 0, imported.output
    assert analysed.exit_code == 0, analysed.output
    assert analysed.stdout.startswith("treatment: ")
    engine = make_engine(Settings(data_dir=installation).sql_url)
    with Session(engine) as session:
        assert b'"n_mature":200' in reports.get(session, "shop", "mail").document
    engine.dispose()


def test_importing_twice_adds_nothing(installation: Path, tmp_path: Path) -> None:
    """And says so."""
    file, mapping = write_outcomes(tmp_path)
    arguments = ("import", "outcomes", file, "--map", mapping, "--project", "shop")
    invoke(installation, *arguments)
    again = invoke(installation, *arguments)

    assert again.stdout.strip() == "imported 0, refused 0, duplicates 650"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--project", "nothing"), "nothing"),
        (("--map", "missing.yaml"), "missing.yaml: cannot be read"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(
    installation: Path, tmp_path: Path, change: tuple[str, str], message: str
) -> None:
    """Exit code 2, no traceback, no lake."""
    file, mapping = write_outcomes(tmp_path)
    found = invoke(installation, "import", "outcomes", file, "--map", mapping, "--project", "shop", *change)

    assert found.exit_code == 2
    assert found.stderr.startswith("error: ")
    assert message in found.stderr
    assert "Traceback" not in found.output
    assert not (installation / "lake").exists()


def test_an_events_map_does_not_pass_for_outcomes(installation: Path, tmp_path: Path) -> None:
    """The missing field is named."""
    file, mapping = write_outcomes(tmp_path)
    found = invoke(installation, "import", "events", file, "--map", mapping, "--project", "shop")

    assert found.exit_code == 2
    assert "is not a field here" in found.stderr or "is missing" in found.stderr


def test_an_unknown_experiment_is_one_line(installation: Path) -> None:
    """Nothing is analysed."""
    found = invoke(installation, "analyse", "nothing", "--project", "shop")

    assert found.exit_code == 2
    assert "nothing" in found.stderr
