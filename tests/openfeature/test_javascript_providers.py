"""The npm providers, run by node against a running server, and what they leave behind."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.openfeature.conftest import ROOT, Service, read_events

HERE = Path(__file__).parent
NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="node is not there")


@pytest.fixture(name="workshop")
def _workshop(tmp_path: Path) -> Path:
    """Lay the subclasses beside the packages they import, as an installation would."""
    assert (HERE / "node_modules").is_dir(), "run scripts/prepare test: it installs the npm packages"
    for path in (*(ROOT / "sdk" / "js" / "openfeature").glob("*.mjs"), *HERE.glob("*.test.mjs")):
        shutil.copy(path, tmp_path)
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")
    return tmp_path


def run(workshop: Path, name: str, service: Service, key: str) -> None:
    """Run one file of tests; its own words say what failed."""
    assert NODE is not None
    environment = {**os.environ, "ABPLAT_URL": service.url, "ABPLAT_KEY": key}
    done = subprocess.run(
        [NODE, "--test", name],
        cwd=workshop,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def find(service: Service, unit: str) -> list[dict[str, object]]:
    """Return what the server has taken of a unit, by name or experiment."""
    rows = [json.loads(body) for _, body in read_events(service) if f'"{unit}"' in body]
    return sorted(rows, key=lambda row: str(row.get("name") or row.get("experiment")))


@pytest.mark.parametrize(("name", "unit"), [("server", "cust:node"), ("web", "cust:page")])
def test_the_providers_of_npm_work(name: str, unit: str, workshop: Path, service: Service) -> None:
    """Types, reasons, faults, 304; and one exposure and one event have arrived."""
    run(workshop, f"{name}.test.mjs", service, service.client_key)
    bought, met = find(service, unit)

    assert (bought["name"], bought["value"], bought["channel"]) == ("purchase", 12.5, "web")
    assert json.loads(str(bought["props"])) == {"tent": "tunnel"}
    assert (met["experiment"], met["reason"], met["channel"]) == ("shown", "split", "web")
    if name == "web":
        assert len(find(service, "cust:left")) == 40


def test_the_example_of_the_reference_runs(workshop: Path, service: Service) -> None:
    """What a reader copies works as it stands, but for address, key and place."""
    page = (ROOT / "docs" / "reference" / "openfeature.md").read_text("utf-8")
    example = page.split("```js\n")[1].split("```")[0]
    for shown, real in (
        ("https://abplat.example.com", service.url),
        ("abs_...", service.server_key),
        ("abplat-openfeature/server", "./server.mjs"),
        ('"shorter-form"', '"fields"'),
        ("cust:7", "cust:903"),
    ):
        assert shown in example
        example = example.replace(shown, real)
    (workshop / "example.test.mjs").write_text(f"{example}\nawait OpenFeature.clearProviders();\n")
    run(workshop, "example.test.mjs", service, service.server_key)

    assert [row.get("name") or row.get("experiment") for row in find(service, "cust:903")] == [
        "fields",
        "purchase",
    ]
