"""The life of an experiment over HTTP, as an operator and an SDK see it."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.conftest import make_catalogue, make_experiment

Headers = dict[str, str]
URL = "/v1/experiments/shorter-form"
PAYLOADS: dict[str, Any] = {"payloads": {"web": {"fields": 4}}}


@pytest.fixture(name="shop")
def _shop(client: FlaskClient, admin: Headers) -> Headers:
    """Create what an experiment stands on, and the experiment."""
    for noun, documents in make_catalogue().items():
        for document in documents if noun != "project" else ():
            assert client.post(f"/v1/{noun}", json=document, headers=admin).status_code == 201
    return admin


def decide(client: FlaskClient, headers: Headers, unit: str = "cust:1") -> dict[str, Any]:
    """Ask for the decision of one unit."""
    asked = {"unit": unit, "keys": ["shorter-form"]}
    answer: dict[str, Any] = client.post("/v1/decide", json=asked, headers=headers).json
    return answer["decisions"]["shorter-form"]


def test_a_kill_reaches_decisions_at_once(client: FlaskClient, shop: Headers, new_key: Any) -> None:
    """The next decision and the next configuration are off; a revive puts both back."""
    server = new_key("server")
    client.post(f"{URL}/start", headers=shop)
    before = decide(client, server)
    tag = client.get("/sdk/v1/config", headers=server).headers["ETag"]
    killed = client.post(f"{URL}/kill", json={"reason": "wrong price"}, headers=shop)

    assert (killed.status_code, before["reason"], decide(client, server)["reason"]) == (200, "split", "off")
    changed = client.get("/sdk/v1/config", headers={**server, "If-None-Match": tag})
    assert (changed.status_code, changed.json["experiments"][0]["state"]) == (200, "stopped")
    assert client.post(f"{URL}/revive", headers=shop).json["killed_at"] is None
    assert decide(client, server)["variant"] == before["variant"]


def test_the_whole_life(client: FlaskClient, shop: Headers) -> None:
    """Each action answers the experiment with its new tag."""
    tags = set()
    for verb, body, state in (
        ("check", None, "checked"),
        ("start", None, "running"),
        ("pause", {"reason": "holiday"}, "paused"),
        ("resume", None, "running"),
        ("phases", {"weights": {"control": 9000, "treatment": 1000}, "reason": "calls"}, "running"),
        ("stop", {"reason": "enough"}, "stopped"),
        ("conclude", {"outcome": "inconclusive", "note": "Nothing to see."}, "concluded"),
        ("archive", None, "archived"),
    ):
        answer = client.post(f"{URL}/{verb}", json=body, headers=shop)
        assert (answer.status_code, answer.json["state"]) == (200, state), (verb, answer.text)
        tags.add(answer.headers["ETag"])

    assert len(tags) == 8
    assert [each["number"] for each in client.get(f"{URL}/phases", headers=shop).json["items"]] == [1, 2]
    codes = [each["code"] for each in client.get(f"{URL}/deviations", headers=shop).json["items"]]
    assert codes == ["paused", "resumed", "reweighed"]
    assert client.get("/v1/experiments", headers=shop).json["items"] == []


def test_actions_compare_the_tag_if_one_is_sent(client: FlaskClient, shop: Headers) -> None:
    """A second operator who has not seen the first one's change is refused."""
    old = client.get(URL, headers=shop).headers["ETag"]
    client.post(f"{URL}/start", headers=shop)

    for verb in ("stop", "kill", "pause", "phases", "approve"):
        answer = client.post(f"{URL}/{verb}", json={}, headers={**shop, "If-Match": old})
        assert answer.status_code == 412, (verb, answer.text)


def test_a_change_of_one_field_leaves_the_others(client: FlaskClient, shop: Headers) -> None:
    """What was not sent was not meant: a partial change empties nothing (incident 14)."""
    rule = {"attribute": "country", "op": "equals", "value": "SE"}
    made = client.patch(URL, json={"targeting": rule}, headers={**shop, "If-Match": "*"})
    again = client.patch(URL, json={"title": "X"}, headers={**shop, "If-Match": made.headers["ETag"]})

    assert {**again.json, "title": 0, "revision": 0} == {**made.json, "title": 0, "revision": 0}


def test_nobody_can_change_what_customers_are_drawn_by(client: FlaskClient, shop: Headers) -> None:
    """Salt, state and phase are the server's; what is frozen is refused whoever asks (incident 13)."""
    client.post(f"{URL}/start", headers=shop)
    before = client.get(URL, headers=shop).json
    for name in ("salt", "hash_version", "state", "phase", "weights", "coverage", "killed_at", "plan_hash"):
        answer = client.patch(URL, json={name: before[name]}, headers={**shop, "If-Match": "*"})
        assert answer.status_code == 422, name
    for change in (
        {"variants": []},
        {"included": 1},
        {"layer": "checkout"},
        {"unit_type": "anon"},
        {"kind": "aa"},
    ):
        answer = client.patch(URL, json=change, headers={**shop, "If-Match": "*"})
        assert answer.status_code in {409, 422}, change

    assert client.get(URL, headers=shop).json == before


def test_the_checklist_and_the_reason_to_pass_it_over(client: FlaskClient, shop: Headers) -> None:
    """A start names what has failed, and takes a reason instead."""
    arms = make_experiment()["variants"]
    change = {"variants": [arms[0] | PAYLOADS, arms[1]]}
    tried = client.post(f"{URL}/simulate", json={"changes": change}, headers=shop).json
    assert tried["payloads"] == [
        {"variant": "control", "channel": "web", "before": None, "after": {"fields": 4}}
    ]
    client.patch(URL, json=change, headers={**shop, "If-Match": "*"})
    items = {item["key"]: item for item in client.get(f"{URL}/checklist", headers=shop).json["items"]}
    assert (items["payloads"]["state"], items["sdk"]["state"]) == ("failed", "unknown")
    assert items["payloads"]["fix"]
    refused = client.post(f"{URL}/start", headers=shop)
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (409, "check_failed")

    assert client.post(f"{URL}/start", json={"anyway": "rehearsal"}, headers=shop).status_code == 200


def test_the_table_of_what_happens(client: FlaskClient, shop: Headers) -> None:
    """Pages and people read it from here."""
    table = client.get("/v1/lifecycle", headers=shop).json

    assert table["states"][0]["state"] == "draft"
    assert {"pause", "stop", "reset", "archive", "kill"} <= {row["action"] for row in table["actions"]}
    assert {row["outcome"] for row in table["outcomes"] if row["kind"] == "aa"} == {"inconclusive", "invalid"}


def test_a_template_and_a_schedule_over_http(client: FlaskClient, shop: Headers) -> None:
    """A template gives the rest; a schedule comes back as it was said, in UTC."""
    said = {"key": "new", "title": "New", "owner": "Ada", "template": "usual", "included": 5000}
    said |= {"variants": make_experiment()["variants"]}
    ramp = [{"included": 100, "approval": True}]
    said |= {"schedule": {"start_at": "2026-05-01T02:00:00+02:00", "ramp": ramp}}
    made = client.post("/v1/experiments", json=said, headers=shop)

    assert (made.status_code, made.json["template"], made.json["horizon"]) == (201, "usual", "14d")
    assert made.json["schedule"]["start_at"] == "2026-05-01T00:00:00Z"
    client.post("/v1/experiments/new/start", headers=shop)
    approved = client.post("/v1/experiments/new/approve", json={"step": 0}, headers=shop).json
    assert (approved["ramp_approved"], approved["coverage"]) == (True, 100)


@pytest.mark.parametrize(
    "verb", ["start", "stop", "pause", "resume", "kill", "revive", "conclude", "phases", "approve"]
)
@pytest.mark.parametrize(
    "body", [{"x": 1}, {"reason": 7}, {"reason": "x" * 5_000}, {"at": "soon", "step": []}], ids=str
)
def test_hostile_actions_are_refused(client: FlaskClient, shop: Headers, verb: str, body: Any) -> None:
    """A clean problem in any state, never a 500."""
    for prepare in ("start", "stop"):
        answer = client.post(f"{URL}/{verb}", json=body, headers=shop)
        assert answer.status_code in {409, 422}, answer.text
        client.post(f"{URL}/{prepare}", headers=shop)
