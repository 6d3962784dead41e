"""Traffic over HTTP: segments, personas, slots, why and simulate."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.api.errors import CONTENT_TYPE
from abplat.services import standings
from tests.conftest import make_catalogue, make_experiment

Headers = dict[str, str]


@pytest.fixture(name="shop")
def _shop(client: FlaskClient, admin: Headers) -> Headers:
    """Create one of every noun and start an experiment in a layer."""
    planner = {"attribute": "unit", "op": "in_persona", "value": "planner"}
    experiment = make_experiment(
        layer="checkout", slot=[0, 6000], targeting=planner, overrides={"cust:qa": "treatment"}
    )
    for noun, documents in make_catalogue(experiments=[experiment]).items():
        for document in documents if noun != "project" else ():
            assert client.post(f"/v1/{noun}", json=document, headers=admin).status_code == 201
    assert client.post("/v1/experiments/shorter-form/start", headers=admin).status_code == 200
    return admin


def test_versions_of_a_segment_are_answered(client: FlaskClient, shop: Headers) -> None:
    """Each with its members."""
    changed = client.patch(
        "/v1/segments/vip", json={"members": ["cust:3"]}, headers={**shop, "If-Match": "*"}
    )
    versions = client.get("/v1/segments/vip/versions", headers=shop)

    assert (changed.status_code, changed.json["version"]) == (200, 2)
    assert [each["members"] for each in versions.json["items"]] == [["cust:1", "cust:2"], ["cust:3"]]
    assert client.get("/v1/personas/planner/versions", headers=shop).json["items"][0]["origin"] == "data"


def test_a_changed_persona_decides_at_once(client: FlaskClient, shop: Headers) -> None:
    """The experiment follows; the configuration has a new version."""
    asked: dict[str, Any] = {"unit": "cust:1", "attributes": {"visits": 2}, "keys": ["shorter-form"]}
    before = client.post("/v1/decide", json=asked, headers=shop).json
    rule = {"attribute": "visits", "op": "gte", "value": 2}
    client.patch("/v1/personas/planner", json={"rule": rule}, headers={**shop, "If-Match": "*"})
    after = client.post("/v1/decide", json=asked, headers=shop).json

    assert before["decisions"]["shorter-form"]["reason"] == "not_targeted"
    assert after["decisions"]["shorter-form"]["reason"] in {"split", "not_in_layer"}
    assert before["config_version"] != after["config_version"]
    config = client.get("/sdk/v1/config", headers=shop).json
    assert config["personas"]["planner"]["version"] == 2


def test_what_an_experiment_goes_by_cannot_be_archived(client: FlaskClient, shop: Headers) -> None:
    """It would make nobody eligible without a word."""
    refused = client.post("/v1/personas/planner/archive", headers=shop)

    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert client.post("/v1/segments/vip/archive", headers=shop).status_code == 200


def test_slots_are_answered(client: FlaskClient, shop: Headers) -> None:
    """With a free one of the size asked for."""
    found = client.get("/v1/layers/checkout/slots?size=3000", headers=shop).json

    assert found["occupied"] == [{"experiment": "shorter-form", "slot": [0, 6000], "state": "running"}]
    assert (found["free"], found["suggested"]) == ([[6000, 10000]], [6000, 9000])
    assert client.get("/v1/layers/checkout/slots", headers=shop).json["suggested"] == [6000, 10000]
    assert client.get("/v1/layers/gone/slots", headers=shop).status_code == 404


def test_why_agrees_with_decide(client: FlaskClient, shop: Headers) -> None:
    """For units that pass and that do not."""
    for unit, attributes in [(f"cust:{n}", {"visits": n}) for n in range(4, 12)] + [("cust:qa", {})]:
        # Asked first: a decision of the server goes into the ledger, and the unit is pinned from then on.
        query = {"unit": unit, "attributes": json.dumps(attributes)}
        answer = client.get("/v1/experiments/shorter-form/why", query_string=query, headers=shop)
        decided = client.post("/v1/decide", json={"unit": unit, "attributes": attributes}, headers=shop)

        assert answer.status_code == 200, answer.text
        assert answer.json["decision"] == decided.json["decisions"]["shorter-form"]
        assert answer.json["config_version"] == decided.json["config_version"]
        assert answer.json["personas"] == {"planner": 1}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"unit": ""}, 422),
        ({"unit": "x" * 257}, 422),
        ({"unit": "cust:1", "attributes": "{"}, 422),
        ({"unit": "cust:1", "attributes": "[]"}, 422),
        ({"unit": "cust:1", "pins": "some"}, 422),
        ({"unit": "cust:1", "salt": "x"}, 422),
    ],
)
def test_a_bad_question_is_refused(
    client: FlaskClient, shop: Headers, query: dict[str, str], status: int
) -> None:
    """With a problem, never a 500."""
    answer = client.get("/v1/experiments/shorter-form/why", query_string=query, headers=shop)

    assert (answer.status_code, answer.mimetype) == (status, CONTENT_TYPE)


def test_a_change_is_tried_before_it_is_saved(client: FlaskClient, shop: Headers) -> None:
    """The answer names shares and what saving would refuse; nothing is written."""
    body = {"changes": {"included": 5000}, "attributes": {"visits": 9}}
    answer = client.post("/v1/experiments/shorter-form/simulate", json=body, headers=shop)

    assert answer.status_code == 200, answer.text
    assert answer.json["leaving_share"] == pytest.approx(0.3, abs=0.02)
    assert {each["from"] for each in answer.json["moves"]} == {None, "control", "treatment"}
    assert answer.json["refused"] == ["included"]
    assert answer.json["sentence"].startswith("this change moves ")
    assert client.get("/v1/experiments/shorter-form", headers=shop).json["included"] == 10_000


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"changes": 7},
        {"changes": {"included": -1}},
        {"changes": {"key": "other"}},
        {"changes": {"targeting": {"attribute": "unit", "op": "in_segment", "value": "gone"}}},
        {"changes": {}, "units": [{"unit": ""}]},
        {"changes": {}, "units": [{"unit": "cust:1", "x": 1}]},
        {"changes": {}, "surprise": 1},
    ],
)
def test_a_bad_trial_is_refused(client: FlaskClient, shop: Headers, body: dict[str, Any]) -> None:
    """With a problem."""
    answer = client.post("/v1/experiments/shorter-form/simulate", json=body, headers=shop)

    assert (answer.status_code, answer.mimetype) == (422, CONTENT_TYPE)


def test_standing_is_filled_in_when_the_project_asks(app: Flask, client: FlaskClient, shop: Headers) -> None:
    """Only then, and never over what the caller says (R11)."""
    platform = app.extensions["abplat"]
    standing = standings.attributes_of([{"journey": "buy", "stage": "quote", "lifecycle": None}])
    known = {"cust:1": standing, "cust:3": standing}
    app.extensions["abplat"] = dataclasses.replace(
        platform, find_standing=lambda _project, unit: known.get(unit, {})
    )
    rule = {"attribute": "journey_stage:buy", "op": "equals", "value": "quote"}
    client.post("/v1/experiments", json=make_experiment(key="stage", targeting=rule), headers=shop)
    client.post("/v1/experiments/stage/start", headers=shop)

    def reason(unit: str, **attributes: Any) -> str:
        """Decide and return why."""
        body = {"unit": unit, "attributes": attributes}
        decided = client.post("/v1/decide", json=body, headers=shop).json["decisions"]
        return str(decided["stage"]["reason"])

    assert reason("cust:1") == "not_targeted"
    asked = client.patch("/v1/projects/shop", json={"fill_standing": True}, headers={**shop, "If-Match": "*"})
    assert asked.json["fill_standing"] is True
    assert [reason("cust:1"), reason("cust:2")] == ["split", "not_targeted"]
    assert reason("cust:3", **{"journey_stage:buy": "visit"}) == "not_targeted"
    assert reason("cust:2", **{"journey_stage:buy": "quote"}) == "split"


def test_another_key_is_not_enough(client: FlaskClient, shop: Headers, new_key: Any) -> None:
    """Salts and the ledger are for admins."""
    server = new_key("server")
    url = "/v1/experiments/shorter-form"

    assert client.get(f"{url}/why?unit=cust:1", headers=server).status_code == 403
    assert client.post(f"{url}/simulate", json={"changes": {}}, headers=server).status_code == 403
    assert client.get("/v1/segments/vip", headers=server).status_code == 403
