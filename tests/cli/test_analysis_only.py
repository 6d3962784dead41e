"""An experiment that was assigned elsewhere: defined, imported, judged, shown, and never served."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from abplat.app import create_app
from abplat.cli import main
from abplat.config import Settings
from abplat.services import keys
from tests.conftest import POSTGRES

DAY0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
CATALOGUE: dict[str, Any] = {
    "project": {"key": "shop", "title": "Shop"},
    "channels": [{"key": "web", "title": "Web"}, {"key": "store", "title": "Store"}],
    "journeys": [
        {
            "key": "buy", "title": "Buy", "owner": "Ada", "window": "7d",
            "stages": [{"key": key, "title": key.title(), "match": [{"event": key}]} for key in ("visit", "purchase")],
        }
    ],
    "metrics": [
        {"key": "bought", "title": "Journey completed", "owner": "Ada", "kind": "completion", "journey": "buy"},
        {"key": "calls", "title": "Calls", "owner": "Ada", "kind": "touchpoint", "match": [{"event": "call"}], "measure": "count", "direction": "down"},
    ],
    "experiments": [
        {
            "key": "elsewhere", "title": "Run elsewhere", "owner": "Ada", "journey": "buy", "kind": "analysis_only",
            "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
            "metrics": [{"metric": "bought", "role": "primary"}, {"metric": "calls", "role": "guardrail", "margin": 0.9}],
            "horizon": "7d",
        }
    ],
}  # fmt: skip
MAPS = {
    "exposures": {
        "actor": {"prefix": "cust", "column": "customer"},
        "experiment": {"constant": "elsewhere"},
        "variant": {"column": "arm", "map": {"A": "control", "B": "treatment"}},
        "ts": {"column": "at"},
        "channel": {"constant": "web"},
    },
    "events": {
        "actor": {"prefix": "cust", "column": "customer"},
        "name": "what",
        "ts": {"column": "at"},
        "channel": "where",
    },
}


def write_files(folder: Path, n: int = 600) -> None:
    """Write who was in which arm, and what everybody did: B buys twice as often."""
    assigned, done = ["customer,arm,at"], ["customer,what,at,where"]
    for number in range(n):
        arm, at = "AB"[number % 2], DAY0 + timedelta(minutes=number)
        assigned.append(f"{number},{arm},{at.isoformat()}")
        done.append(f"{number},visit,{(at + timedelta(hours=1)).isoformat()},web")
        if number % 20 < (6 if arm == "A" else 12):
            done.append(f"{number},purchase,{(at + timedelta(hours=30)).isoformat()},store")
        if number % 10 < 4:
            done.append(f"{number},call,{(at + timedelta(hours=40)).isoformat()},phone")
    (folder / "exposures.csv").write_text("\n".join(assigned) + "\n")
    (folder / "events.csv").write_text("\n".join(done) + "\n")
    (folder / "catalogue.yaml").write_text(yaml.safe_dump(CATALOGUE))
    for kind, document in MAPS.items():
        (folder / f"{kind}.yaml").write_text(yaml.safe_dump(document))


@pytest.mark.skipif(bool(POSTGRES), reason="the commands work on a file of their own")
def test_what_was_assigned_elsewhere_is_judged_here(tmp_path: Path) -> None:
    """From three files to the report, the page and the API; nobody is ever given a variant."""
    folder, data_dir = tmp_path / "files", tmp_path / "data"
    folder.mkdir()
    write_files(folder)

    def run(*words: str) -> str:
        done = CliRunner().invoke(main, [*words, "--data-dir", str(data_dir)])
        assert done.exit_code == 0, done.output
        return done.output

    run("apply", str(folder / "catalogue.yaml"))
    for kind in MAPS:
        run(
            "import",
            kind,
            str(folder / f"{kind}.csv"),
            "--map",
            str(folder / f"{kind}.yaml"),
            "--project",
            "shop",
        )
    said = run("analyse", "elsewhere", "--project", "shop", "--as-of", "2026-03-01T00:00:00Z")
    report = msgspec.json.decode(run("report", "elsewhere", "--project", "shop", "--json").encode())
    app = create_app(Settings(data_dir=data_dir, sign_in="local"))
    with app.extensions["abplat"].writers.begin() as session:
        key = keys.create(session, "shop", "server", now=DAY0).token
    head = {"Authorization": f"Bearer {key}"}
    decided = app.test_client().post("/v1/decide", json={"unit": "cust:1"}, headers=head).get_json()
    configuration = app.test_client().get("/sdk/v1/config", headers=head).get_json()
    page = app.test_client().get("/projects/shop/experiments/elsewhere").get_data(as_text=True)
    app.extensions["abplat"].close()

    [verdict] = report["verdicts"]
    arms = {arm["key"]: arm["n_mature"] for arm in report["experiment"]["variants"]}
    [goal] = [row for row in report["metrics"] if row["key"] == "bought"]
    assert (verdict["code"], verdict["may_ship"]) == ("ship", True)
    assert "treatment: Better." in said
    assert arms == {"control": 300, "treatment": 300}
    assert [value["value"] for value in goal["values"]] == pytest.approx([0.3, 0.6])
    assert report["experiment"]["kind"] == "analysis_only"
    assert decided["decisions"] == {}
    assert configuration["experiments"] == []
    assert "Run elsewhere" in page
    assert "Ship" in page
