"""Many units over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.app import create_app
from abplat.config import Settings
from abplat.db.queries import assignments
from abplat.db.queries.assignments import Entry, Pin
from abplat.domain.components import Join
from abplat.services import components, keys, ledger
from tests.openfeature.definitions import NOW, define


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A platform with every kind of experiment."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("assign") / "data"), lambda: NOW)
    with app.extensions["abplat"].writers.begin() as session:
        define(session)
        connection = session.connection()
        seen = {"cust:7": "treatment", "cust:8": "control", "anon:w1": "treatment"}
        entries = [Entry(unit, "plain", Pin(variant, NOW)) for unit, variant in seen.items()]
        assignments.keep(connection, "shop", entries)
        for anonymous, known in (
            ("anon:w1", "cust:10"),
            ("device:tablet", "cust:11"),
            ("device:tablet", "cust:12"),
        ):
            components.join(connection, "shop", Join(anonymous, known, NOW))
    yield app
    app.extensions["abplat"].close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A caller without a key."""
    return app.test_client()


@pytest.fixture(scope="module")
def headers(app: Flask) -> dict[str, dict[str, str]]:
    """The header of a key of each kind."""
    with app.extensions["abplat"].writers.begin() as session:
        made = {kind: keys.create(session, "shop", kind, now=NOW).token for kind in ("client", "server")}
    return {kind: {"X-API-Key": token} for kind, token in made.items()}


def test_units_are_assigned_as_alone(app: Flask, client: FlaskClient, headers: Any) -> None:
    """In their order, with the payloads of the channel once."""
    evaluator = app.extensions["abplat"].configurations.evaluator("shop")
    units = [*(f"cust:{number}" for number in range(100, 300)), "cust:qa", 12, "a\x00b"]
    body = {"experiment": "form", "units": units, "channel": "web"}
    answer = client.post("/v1/assign", json=body, headers=headers["server"]).get_json()

    assert answer["payloads"] == {"control": {"fields": 9}, "treatment": {"fields": 3}}
    assert answer["config_version"] == evaluator.version
    for unit, found in zip(units, answer["assignments"], strict=True):
        alone = evaluator.decide("form", unit)
        assert found == {name: getattr(alone, name) for name in found}


def test_the_ledger_holds_for_a_mailing_too(client: FlaskClient, headers: Any) -> None:
    """Whoever has seen a variant elsewhere gets that one."""
    body = {"experiment": "plain", "units": ["cust:7", "cust:8", "cust:9"]}
    found = client.post("/v1/assign", json=body, headers=headers["server"]).get_json()["assignments"]

    assert [(each["variant"], each["reason"]) for each in found[:2]] == [
        ("treatment", "pinned"),
        ("control", "pinned"),
    ]
    assert found[2]["reason"] == "split"


def test_ids_are_resolved_as_the_ledger_resolves_one(app: Flask, client: FlaskClient, headers: Any) -> None:
    """The customer is hashed, whatever id names them; a shared tablet takes part in nothing."""
    ids = ["cust:7", "cust:10", "anon:w1", "cust:11", "device:tablet", "cust:13", "anon:null"]
    body = {"experiment": "plain", "units": ids}
    found = client.post("/v1/assign", json=body, headers=headers["server"]).get_json()["assignments"]
    with app.extensions["abplat"].engine.connect() as connection:
        alone = [ledger.look_up(connection, "shop", (each,)) for each in ids]

    assert [each["unit"] for each in found] == [held.standing.unit for held in alone]
    for each, held in zip(found, alone, strict=True):
        if "plain" in held.pins:
            assert (each["variant"], each["reason"]) == (held.pins["plain"], "pinned")
        assert each["in_experiment"] is not held.standing.shared
    assert (found[4]["variant"], found[4]["reason"], found[4]["bucket"]) == ("control", "not_targeted", None)
    assert found[1]["variant"] == found[2]["variant"] == "treatment"


def test_every_unit_may_have_its_attributes(client: FlaskClient, headers: Any) -> None:
    """Or all the same."""
    body: dict[str, Any] = {"experiment": "targeted", "units": ["cust:1", "cust:2"]}
    reasons = []
    for attributes in ({"country": "DE"}, [{"country": "DE"}, {}], None):
        answer = client.post("/v1/assign", json={**body, "attributes": attributes}, headers=headers["server"])
        reasons.append([each["reason"] for each in answer.get_json()["assignments"]])

    assert reasons == [["split", "split"], ["split", "not_targeted"], ["not_targeted", "not_targeted"]]


@pytest.mark.parametrize(
    ("body", "status", "path"),
    [
        ([], 422, ""),
        ({}, 422, "experiment"),
        ({"experiment": "plain"}, 422, "units"),
        ({"experiment": "plain", "units": []}, 422, "units"),
        ({"experiment": "plain", "units": ["x"] * 10_001}, 422, "units"),
        ({"experiment": "plain", "units": ["x", ""]}, 422, "units[1]"),
        ({"experiment": "plain", "units": [True]}, 422, "units[0]"),
        ({"experiment": "plain", "units": ["x"], "attributes": []}, 422, "attributes"),
        ({"experiment": "plain", "units": ["x"], "attributes": 7}, 422, "attributes"),
        ({"experiment": "plain", "units": ["x"], "channel": 7}, 422, "channel"),
        ({"experiment": "plain", "units": ["x"], "odd": 7}, 422, "odd"),
        ({"experiment": "no", "units": ["x"]}, 404, None),
    ],
)
def test_bad_questions_are_refused(
    body: Any, status: int, path: str | None, client: FlaskClient, headers: Any
) -> None:
    """With the place of the fault."""
    answer = client.post("/v1/assign", json=body, headers=headers["server"])

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    if path is not None:
        assert answer.get_json()["errors"][0]["path"] == path


def test_a_page_may_not_ask(client: FlaskClient, headers: Any) -> None:
    """A client key is public; nobody enumerates customers with it."""
    body = {"experiment": "plain", "units": ["cust:7"]}

    assert client.post("/v1/assign", json=body, headers=headers["client"]).status_code == 403
    assert client.post("/v1/assign", json=body).status_code == 401
