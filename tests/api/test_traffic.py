"""Traffic over HTTP: segments, personas, slots, why and simulate."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.api.errors import CONTENT_TYPE
from abplat.clock import to_micros
from abplat.facts.moments import keep_moments
from abplat.facts.rows import TouchpointRow
from tests.conftest import make_catalogue, make_experiment, make_journey

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


@pytest.fixture(name="staged")
def _staged(app: Flask, client: FlaskClient, shop: Headers, new_key: Any) -> Headers:
    """Start an experiment for those who asked for a quote, and let two customers go that far."""
    platform = app.extensions["abplat"]
    stages = [{"key": key, "match": [{"event": key}]} for key in ("visit", "quote", "purchase")]
    stages[1]["lifecycle"] = "research"
    journey = make_journey(key="camp", stages=stages)
    assert client.post("/v1/journeys", json=journey, headers=shop).status_code == 201
    rule = {"attribute": "journey_stage:camp", "op": "equals", "value": "quote"}
    researching = {"attribute": "lifecycle_state", "op": "equals", "value": "research"}
    for key, targeting in (("stage", rule), ("life", researching)):
        client.post("/v1/experiments", json=make_experiment(key=key, targeting=targeting), headers=shop)
        assert client.post(f"/v1/experiments/{key}/start", headers=shop).status_code == 200
    at_us = to_micros(platform.clock())
    rows = [
        TouchpointRow("t1", "cust:1", "visit", at_us - 3),
        TouchpointRow("t2", "cust:1", "quote", at_us - 2),
        TouchpointRow("t3", "anon:3", "visit", at_us - 3),
        TouchpointRow("t4", "anon:3", "quote", at_us - 2),
        TouchpointRow("t5", "cust:4", "visit", at_us - 3),
    ]
    with platform.writers.begin() as session:
        keep_moments(session.connection(), "shop", rows)
    said = {"anonymous": "anon:3", "known": "cust:3"}
    assert client.post("/v1/identify", json=said, headers=new_key("server")).status_code == 200
    return shop


def reason_of(client: FlaskClient, headers: Headers, unit: str, **attributes: Any) -> str:
    """Decide and return why."""
    body = {"unit": unit, "attributes": attributes}
    return str(client.post("/v1/decide", json=body, headers=headers).json["decisions"]["stage"]["reason"])


def test_targeting_knows_the_stage_that_a_customer_has_reached(client: FlaskClient, staged: Headers) -> None:
    """By whichever id of the customer, from the touchpoints themselves (R11); what the caller says wins."""
    reasons = {unit: reason_of(client, staged, unit) for unit in ("cust:1", "cust:3", "cust:4", "cust:5")}

    assert reasons == {
        "cust:1": "split", "cust:3": "split", "cust:4": "not_targeted", "cust:5": "not_targeted"
    }  # fmt: skip
    assert reason_of(client, staged, "cust:6", **{"journey_stage:camp": "quote"}) == "split"
    assert reason_of(client, staged, "cust:4", **{"journey_stage:camp": "quote"}) == "split"


def test_every_way_of_deciding_knows_the_stage(client: FlaskClient, staged: Headers, new_key: Any) -> None:
    """One unit, many units, flags, the call centre, and the question why."""
    server = new_key("server")
    body = {"experiment": "stage", "units": ["cust:1", "anon:3", "cust:4"]}
    many = client.post("/v1/assign", json=body, headers=server).json["assignments"]
    flag = client.post(
        "/ofrep/v1/evaluate/flags/life", json={"context": {"targetingKey": "cust:1"}}, headers=server
    ).json
    context = client.post("/v1/context", json={"id": "cust:3", "channel": "phone"}, headers=server).json
    why = client.get("/v1/experiments/life/why?unit=anon:3", headers=staged).json

    assert [each["reason"] for each in many] == ["split", "split", "not_targeted"]
    assert flag["metadata"]["inExperiment"] is True
    assert {each["experiment"]: each["reason"] for each in context["variants"]}["stage"] == "split"
    (journey,) = [each for each in context["journeys"] if each["journey"] == "camp"]
    assert (journey["stage"], journey["lifecycle"]) == ("quote", "research")
    assert (why["unit"], why["presented"], why["decided_by"]) == ("cust:3", "anon:3", "pin")
    assert why["attributes"]["lifecycle_state"] == "research"


def test_a_project_may_keep_standings_to_itself(client: FlaskClient, staged: Headers) -> None:
    """Then only the caller says where somebody stands."""
    change = {"fill_standing": False}
    client.patch("/v1/projects/shop", json=change, headers={**staged, "If-Match": "*"})

    assert reason_of(client, staged, "cust:1") == "not_targeted"


def test_a_public_key_does_not_learn_where_a_customer_stands(
    client: FlaskClient, staged: Headers, new_key: Any
) -> None:
    """It may speak for random ids alone."""
    assert reason_of(client, new_key("client"), "cust:1") == "not_targeted"
    assert reason_of(client, staged, "cust:1") == "split"


def test_another_key_is_not_enough(client: FlaskClient, shop: Headers, new_key: Any) -> None:
    """Salts and the ledger are for admins."""
    server = new_key("server")
    url = "/v1/experiments/shorter-form"

    assert client.get(f"{url}/why?unit=cust:1", headers=server).status_code == 403
    assert client.post(f"{url}/simulate", json={"changes": {}}, headers=server).status_code == 403
    assert client.get("/v1/segments/vip", headers=server).status_code == 403
