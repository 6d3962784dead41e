"""Routes of the metric catalogue, the ledger of KPIs, and observations."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.domain.metric_kinds import KINDS
from abplat.domain.report import Report
from abplat.services import catalogue, reports
from tests.conftest import NOW, make_catalogue
from tests.web.report_factory import make_report, make_trap

OBSERVATION = {
    "key": "panel-1", "title": "Panel", "owner": "Ada", "kind": "panel", "journey": "buy",
    "observed_from": "2026-03-01T00:00:00Z", "n": 8, "finding": "They ask for a phone number.",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _shop(app: Flask, admin: dict[str, str]) -> None:
    """Start with a project that has everything."""
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)


def keep(app: Flask, report: Report, experiment: str) -> None:
    """Store a report under the key of an experiment."""
    facts = msgspec.structs.replace(report.experiment, key=experiment)
    with app.extensions["abplat"].writers.begin() as session:
        reports.store(session, msgspec.structs.replace(report, project="shop", experiment=facts), now=NOW)


def read_ledger(client: FlaskClient, admin: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Return the ledger by KPI."""
    answer = client.get("/v1/journeys/buy/kpi-ledger", headers=admin)

    assert answer.status_code == 200, answer.json
    return {row["kpi"]: row for row in answer.json["items"]}


def test_the_ledger_counts_agreement_and_contradiction(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    """Two wins with the journey, one trap."""
    for key, made in (("one", make_report()), ("two", make_report()), ("three", make_trap())):
        keep(app, made, key)
    rows = read_ledger(client, admin)
    [kpi] = [row for row in rows.values() if row["contradicted"]]

    assert kpi["n"] == 3
    assert (kpi["same_sign"], kpi["agreed"], kpi["contradicted"]) == (2, 2, 1)
    assert kpi["record"] == "poor"
    assert [each["experiment"] for each in kpi["comparisons"]] == ["one", "three", "two"]
    assert kpi["ci_lower"] < kpi["share"] < kpi["ci_upper"]


def test_only_the_youngest_report_of_an_experiment_counts(
    app: Flask, client: FlaskClient, admin: dict[str, str]
) -> None:
    """An older look is no further experiment."""
    first = make_report()
    later = msgspec.structs.replace(first.inputs, as_of="2027-01-01T00:00:00Z")
    keep(app, first, "one")
    keep(app, msgspec.structs.replace(first, inputs=later), "one")

    assert {row["n"] for row in read_ledger(client, admin).values()} == {1}
    assert {row["record"] for row in read_ledger(client, admin).values()} == {"unknown"}


def test_the_ledger_of_another_journey_is_not_there(client: FlaskClient, admin: dict[str, str]) -> None:
    """404, as for any definition."""
    assert client.get("/v1/journeys/none/kpi-ledger", headers=admin).status_code == 404
    assert read_ledger(client, admin) == {}


def test_kinds_are_answered_as_a_table(client: FlaskClient, admin: dict[str, str]) -> None:
    """Every kind, with its default margin."""
    items = client.get("/v1/metrics/kinds", headers=admin).json["items"]
    by_key = {item["key"]: item for item in items}

    assert tuple(by_key) == KINDS
    assert (by_key["nps"]["margin"], by_key["nps"]["scale"]) == (2.0, "absolute")


def test_a_change_of_what_is_measured_makes_a_version(client: FlaskClient, admin: dict[str, str]) -> None:
    """Words do not."""
    for changes in ({"title": "Clicks of the button"}, {"window": "2d"}):
        answer = client.patch("/v1/metrics/clicks", json=changes, headers={**admin, "If-Match": "*"})
        assert answer.status_code == 200, answer.json
    versions = client.get("/v1/metrics/clicks/versions", headers=admin).json["items"]

    assert answer.json["version"] == 2
    assert [version["version"] for version in versions] == [1, 2]
    assert [version.get("window") for version in versions] == [None, "2d"]


def test_uses_name_experiments_and_composites(client: FlaskClient, admin: dict[str, str]) -> None:
    """With the role."""
    net = {
        "key": "net", "title": "Net", "owner": "Ada", "kind": "composite",
        "parts": [{"metric": "completed", "weight": 2}],
    }  # fmt: skip
    assert client.post("/v1/metrics", json=net, headers=admin).status_code == 201
    uses = client.get("/v1/metrics/completed/uses", headers=admin).json["items"]

    assert {(use["noun"], use["role"]) for use in uses} >= {("experiments", "primary"), ("metrics", None)}


def test_observations_are_created_read_and_archived(client: FlaskClient, admin: dict[str, str]) -> None:
    """As every noun."""
    made = client.post("/v1/observations", json=OBSERVATION, headers=admin)
    refused = client.post(
        "/v1/observations", json={**OBSERVATION, "key": "x", "journey": "none"}, headers=admin
    )

    assert made.status_code == 201, made.json
    assert refused.status_code == 422
    assert client.get("/v1/observations/panel-1", headers=admin).json["n"] == 8
    assert client.post(
        "/v1/observations/panel-1/archive", headers={**admin, "If-Match": "*"}
    ).status_code == 200  # fmt: skip
