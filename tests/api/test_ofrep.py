"""The OpenFeature Remote Evaluation Protocol, request by request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from abplat_sdk import compile_config
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from abplat.app import create_app
from abplat.config import Settings
from abplat.db.queries import assignments
from abplat.db.queries.assignments import Entry, Pin
from abplat.domain.components import Join
from abplat.errors import LimitExceededError
from abplat.services import components, keys
from tests.openfeature.definitions import KEYS, NOW, define

FLAGS = "/ofrep/v1/evaluate/flags"
Ask = Callable[..., TestResponse]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """A platform with every kind of experiment."""
    folder = tmp_path_factory.mktemp("ofrep")
    app = create_app(Settings(data_dir=folder / "data", allowed_origins="https://shop.example"), lambda: NOW)
    with app.extensions["abplat"].writers.begin() as session:
        define(session)
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
    return {kind: {"Authorization": f"Bearer {token}"} for kind, token in made.items()}


@pytest.fixture
def ask(client: FlaskClient, headers: dict[str, dict[str, str]]) -> Ask:
    """Ask for one flag, or for all when no key is named."""

    def ask(key: str | None, context: Any = None, kind: str = "client", **more: str) -> TestResponse:
        """Post a context."""
        path = FLAGS if key is None else f"{FLAGS}/{key}"
        context = {"targetingKey": "cust:1"} if context is None else context
        return client.post(path, json={"context": context}, headers={**headers[kind], **more})

    return ask


def find_exposures(app: Flask) -> list[dict[str, Any]]:
    """Return what the intake holds."""
    with app.extensions["abplat"].engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT body FROM intake WHERE kind = 'exposure'").fetchall()
    return [json.loads(body) for (body,) in rows]


def count_exposures(app: Flask) -> int:
    """Count what the intake holds."""
    return len(find_exposures(app))


def test_a_flag_is_the_decision_of_the_sdk(app: Flask, ask: Ask) -> None:
    """Variant and bucket are those of the evaluator, and everything the protocol wants is there."""
    evaluator = app.extensions["abplat"].configurations.evaluator("shop")
    for number in range(20):
        unit = f"cust:{number}"
        decision = evaluator.decide("plain", unit)
        answer = ask("plain", {"targetingKey": unit})

        assert (answer.status_code, answer.content_type) == (200, "application/json")
        assert answer.get_json() == {
            "key": "plain",
            "reason": "SPLIT",
            "variant": decision.variant,
            "value": decision.variant,
            "metadata": {
                "experimentId": "plain",
                "inExperiment": True,
                "decisionReason": "split",
                "version": evaluator.version,
                "contextId": unit,
                "flagSetId": "shop",
                "bucket": decision.bucket,
                "phase": 1,
            },
        }


@pytest.mark.parametrize(
    ("key", "context", "reason", "decided"),
    [
        ("form", {"targetingKey": "cust:qa"}, "TARGETING_MATCH", "override"),
        ("targeted", {"targetingKey": "cust:1"}, "STATIC", "not_targeted"),
        ("targeted", {"targetingKey": "cust:1", "country": "DE"}, "SPLIT", "split"),
        ("ramped", {"targetingKey": "cust:1"}, "STATIC", "not_included"),
        ("held", {"targetingKey": "cust:1"}, "STATIC", "holdout"),
        ("ended", {"targetingKey": "cust:1"}, "DISABLED", "off"),
        ("plain", {"targetingKey": "cust:1", "abplatPins": {"plain": "treatment"}}, "SPLIT", "pinned"),
    ],
)
def test_every_reason_has_its_word(key: str, context: Any, reason: str, decided: str, ask: Ask) -> None:
    """Only who is in the experiment may be counted."""
    flag = ask(key, context).get_json()
    if decided == "holdout" and flag["reason"] == "SPLIT":  # one unit in ten thousand
        flag = ask(key, {"targetingKey": "cust:2"}).get_json()

    assert (flag["reason"], flag["metadata"]["decisionReason"]) == (reason, decided)
    assert flag["metadata"]["inExperiment"] is (reason == "SPLIT")
    assert flag["variant"] == ("treatment" if decided in {"override", "pinned"} else flag["variant"])
    assert all(isinstance(value, (str, bool, int, float)) for value in flag["metadata"].values())


def test_values_keep_their_type(ask: Ask) -> None:
    """A float stays one on the wire: clients refuse 10 where they asked for 10.0."""
    context = {"targetingKey": "cust:1", "channel": "web", "abplatPins": dict.fromkeys(KEYS, "control")}
    values = {key: ask(key, context) for key in ("shown", "fields", "discount", "headline", "form", "plain")}

    assert '"value":10.0' in values["discount"].text
    assert {key: answer.get_json()["value"] for key, answer in values.items()} == {
        "shown": False,
        "fields": 9,
        "discount": 10.0,
        "headline": "Old",
        "form": {"fields": 9},
        "plain": "control",
    }


def test_a_variant_without_a_payload_leaves_the_value_to_the_code(ask: Ask) -> None:
    """Its key would be of another type than the payload beside it, and read as an error in one arm."""
    context = {"targetingKey": "cust:1", "channel": "web", "abplatPins": {"gapped": "control"}}
    flag = ask("gapped", context).get_json()
    context["abplatPins"]["gapped"] = "treatment"

    assert (flag["variant"], "value" in flag) == ("control", False)
    assert ask("gapped", context).get_json()["value"] == {"fields": 3}
    del context["channel"]
    assert ask("gapped", context).get_json()["value"] == "treatment"


def test_all_flags_come_at_once(ask: Ask) -> None:
    """Each as it would come alone; the query of newer clients is taken."""
    answer = ask(None)
    flags = {flag["key"]: flag for flag in answer.get_json()["flags"]}

    assert answer.status_code == 200
    assert sorted(flags) == KEYS
    assert "eventStreams" not in answer.get_json()
    for key in KEYS:
        assert flags[key] == ask(key).get_json()


def test_an_unchanged_answer_is_not_sent_again(
    client: FlaskClient, headers: dict[str, dict[str, str]], ask: Ask
) -> None:
    """304 on POST, compared weakly and in lists; another attribute is another answer."""
    context = {"targetingKey": "cust:1"}
    tag = ask(None, context).headers["ETag"]
    for sent in (tag, f"W/{tag}", f'"other", W/{tag}', "*"):
        again = ask(None, context, **{"If-None-Match": sent})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag), sent
    changed = ask(None, {**context, "country": "DE"}, **{"If-None-Match": tag})
    other = ask(None, {"targetingKey": "cust:2"}, **{"If-None-Match": tag})

    assert (changed.status_code, other.status_code) == (200, 200)
    assert changed.headers["ETag"] != tag
    path = f"{FLAGS}?flagConfigEtag=x&flagConfigLastModified=7"
    assert client.post(path, json={"context": context}, headers=headers["client"]).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "PARSE_ERROR"),
        (b"{", "PARSE_ERROR"),
        (b'"\\ud800"', "PARSE_ERROR"),
        (b"[" * 9_999, "PARSE_ERROR"),
        (b"[]", "INVALID_CONTEXT"),
        (b"null", "INVALID_CONTEXT"),
        (b"{}", "TARGETING_KEY_MISSING"),
        (b'{"context":{}}', "TARGETING_KEY_MISSING"),
        (b'{"context":{"targetingKey":""}}', "TARGETING_KEY_MISSING"),
        (b'{"context":{"targetingKey":null}}', "TARGETING_KEY_MISSING"),
        (b'{"context":[]}', "INVALID_CONTEXT"),
        (b'{"context":null}', "INVALID_CONTEXT"),
        (b'{"context":{"targetingKey":true}}', "INVALID_CONTEXT"),
        (b'{"context":{"targetingKey":"%s"}}' % (b"x" * 257), "INVALID_CONTEXT"),
        (b'{"context":{"targetingKey":"cust:1","abplatPins":[1]}}', "INVALID_CONTEXT"),
    ],
    ids=lambda value: str(value)[:40],
)
@pytest.mark.parametrize("key", [None, "plain"], ids=["bulk", "single"])
def test_a_bad_body_is_400(
    key: str | None, body: bytes, code: str, client: FlaskClient, headers: dict[str, dict[str, str]]
) -> None:
    """With the protocol's code and words; a single evaluation names its flag, all do not."""
    path = FLAGS if key is None else f"{FLAGS}/{key}"
    answer = client.post(path, data=body, headers=headers["client"])
    fault = answer.get_json()

    assert (answer.status_code, answer.content_type) == (400, "application/json")
    assert fault["errorCode"] == code
    assert fault["errorDetails"]
    assert fault.get("key") == key


def test_a_content_type_is_not_asked_for(client: FlaskClient, headers: dict[str, dict[str, str]]) -> None:
    """Neither none nor another one is an error."""
    body = json.dumps({"context": {"targetingKey": "cust:1"}})
    for kind in (None, "text/plain", "application/json; charset=utf-8"):
        answer = client.post(f"{FLAGS}/plain", data=body, content_type=kind, headers=headers["client"])
        assert answer.status_code == 200


@pytest.mark.parametrize(
    "key",
    ["no", "a%2Fb", "a/b", "%2e%2e", "..", ".", "%00", "a%00b", "/plain", "plain/", "%F0%9F%8E%AA", "%ff", "x" * 3_000, "<b>"],
)  # fmt: skip
def test_an_unknown_flag_is_404_in_json(key: str, ask: Ask) -> None:
    """Also where the router would have spoken, in HTML."""
    answer = ask(key)

    assert (answer.status_code, answer.content_type) == (404, "application/json")
    assert answer.get_json()["errorCode"] == "FLAG_NOT_FOUND"
    assert answer.get_json()["errorDetails"]
    assert "key" in answer.get_json()


@pytest.mark.parametrize(
    "path", ["/ofrep/v1/evaluate/flags/", "/ofrep/v1/nothing", "/ofrep/v2/evaluate/flags"]
)
def test_other_paths_are_404_in_json(
    path: str, client: FlaskClient, headers: dict[str, dict[str, str]]
) -> None:
    """A client of another version gets an answer it can read."""
    answer = client.post(path, json={}, headers=headers["client"])

    assert (answer.status_code, answer.get_json()["errorCode"]) == (404, "FLAG_NOT_FOUND")


def test_a_key_is_needed(client: FlaskClient) -> None:
    """401 in JSON; the key may come in either header."""
    for sent in ({}, {"X-API-Key": "abc_no"}, {"Authorization": "Basic x"}):
        answer = client.post(f"{FLAGS}/plain", json={"context": {"targetingKey": "cust:1"}}, headers=sent)
        assert (answer.status_code, answer.get_json()["errorCode"]) == (401, "GENERAL")
        assert answer.get_json()["key"] == "plain"


def test_either_header_carries_the_key(client: FlaskClient, headers: dict[str, dict[str, str]]) -> None:
    """X-API-Key is as good as a bearer token."""
    token = headers["client"]["Authorization"].removeprefix("Bearer ")
    body = {"context": {"targetingKey": "cust:1"}}

    assert client.post(FLAGS, json=body, headers={"X-API-Key": token}).status_code == 200


def test_another_project_has_other_flags(app: Flask, client: FlaskClient) -> None:
    """A key sees nothing of the flags of others."""
    with app.extensions["abplat"].writers.begin() as session:
        from abplat.services import projects

        projects.create(session, {"key": "other", "title": "Other"}, now=NOW)
        token = keys.create(session, "other", "server", now=NOW).token
    body, sent = {"context": {"targetingKey": "cust:1"}}, {"X-API-Key": token}

    assert client.post(f"{FLAGS}/plain", json=body, headers=sent).status_code == 404
    assert client.post(FLAGS, json=body, headers=sent).get_json()["flags"] == []


def test_too_large_a_body_is_413(client: FlaskClient, headers: dict[str, dict[str, str]]) -> None:
    """In JSON."""
    answer = client.post(f"{FLAGS}/plain", data=b"x" * 1_100_000, headers=headers["client"])

    assert (answer.status_code, answer.get_json()["errorCode"]) == (413, "GENERAL")


def test_waiting_is_told_in_whole_seconds(app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A date would stop Python's client for good and Node's for half an hour."""

    def refuse(_project: str) -> None:
        raise LimitExceededError("too many")

    monkeypatch.setattr(app.extensions["abplat"].configurations, "evaluator", refuse)
    answer = ask("plain")

    assert answer.status_code == 429
    assert answer.headers["Retry-After"].isdigit()
    assert answer.get_json()["errorCode"] == "GENERAL"


def test_a_fault_of_ours_tells_nothing(app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """500 with a number to look up."""

    def fail(_project: str) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(app.extensions["abplat"].configurations, "evaluator", fail)
    answer = ask("plain")

    assert (answer.status_code, answer.get_json()["key"]) == (500, "plain")
    assert "secret" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.get_json()["errorDetails"]


@pytest.mark.parametrize("path", [FLAGS, f"{FLAGS}/plain"])
def test_a_browser_may_ask_first(path: str, client: FlaskClient) -> None:
    """The preflight carries no key and allows what the web provider sends."""
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,if-none-match",
    }
    answer = client.options(path, headers=asked)
    allowed = answer.headers["Access-Control-Allow-Headers"]

    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"].split(", ")
    assert {"authorization", "content-type", "if-none-match", "x-api-key"} <= set(allowed.split(", "))
    assert int(answer.headers["Access-Control-Max-Age"]) > 0
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_a_page_may_read_every_answer(ask: Ask, client: FlaskClient) -> None:
    """Tag and waiting time too, errors too; a page that hides its origin may not."""
    shop = {"Origin": "https://shop.example"}
    failed = client.post(FLAGS, json={}, headers=shop)
    for answer in (ask(None, **shop), ask("plain", **shop), ask("no", **shop), failed):
        assert answer.headers["Access-Control-Allow-Origin"] == "https://shop.example"
        assert "ETag" in answer.headers["Access-Control-Expose-Headers"]
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]
        assert "Origin" in answer.headers["Vary"]

    for other in ("null", "https://other.example"):
        assert "Access-Control-Allow-Origin" not in ask(None, Origin=other).headers
    assert "Access-Control-Allow-Origin" not in ask(None).headers


def test_other_methods_are_refused(client: FlaskClient) -> None:
    """With the one that is taken."""
    answer = client.get(f"{FLAGS}/plain")

    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]


def test_an_exposure_is_recorded_when_it_is_asked_for(app: Flask, ask: Ask) -> None:
    """By header or by context, with a server key, once a day; never in bulk, never outside."""
    before = count_exposures(app)
    first = ask("plain", {"targetingKey": "cust:1", "channel": "web", "abplatExpose": True}, "server")
    again = ask(
        "plain", {"targetingKey": "cust:1", "channel": "web"}, "server", **{"X-Abplat-Expose": "true"}
    )
    assert first.get_json()["metadata"]["exposed"] is again.get_json()["metadata"]["exposed"] is True
    assert count_exposures(app) == before + 1

    wanted = {"targetingKey": "cust:2", "abplatExpose": True}
    assert ask("plain", wanted, "client").get_json()["metadata"]["exposed"] is False
    assert ask("ended", wanted, "server").get_json()["metadata"]["exposed"] is False
    assert (
        ask("plain", {**wanted, "targetingKey": "untyped"}, "server").get_json()["metadata"]["exposed"]
        is False
    )
    assert ask(None, wanted, "server").status_code == 200
    assert "exposed" not in ask("plain", {"targetingKey": "cust:2"}, "server").get_json()["metadata"]
    assert count_exposures(app) == before + 1


def test_a_recorded_exposure_says_what_was_met(app: Flask, ask: Ask) -> None:
    """Variant, channel and configuration are those of the answer."""
    flag = ask(
        "form", {"targetingKey": "cust:77", "channel": "web", "abplatExpose": True}, "server"
    ).get_json()
    (row,) = [row for row in find_exposures(app) if row["actor"] == "cust:77"]

    assert (row["experiment"], row["variant"], row["channel"]) == ("form", flag["variant"], "web")
    assert (row["reason"], row["config_version"]) == ("split", flag["metadata"]["version"])


def test_a_full_disk_costs_the_exposure_alone(app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag is answered all the same."""
    from abplat.errors import StorageFullError

    def refuse(*_: Any, **__: Any) -> None:
        raise StorageFullError("no room")

    monkeypatch.setattr(app.extensions["abplat"].intake, "submit", refuse)
    answer = ask("plain", {"targetingKey": "cust:88", "abplatExpose": True}, "server")

    assert (answer.status_code, answer.get_json()["metadata"]["exposed"]) == (200, False)


def test_the_configuration_gives_the_same_flags(app: Flask, ask: Ask) -> None:
    """What a client decides from the document is what the service answers."""
    document = app.extensions["abplat"].configurations.document("shop")
    evaluator = compile_config(document)
    for key, decision in evaluator.decide_all("cust:5", {"channel": "web"}, None, "web").items():
        flag = ask(key, {"targetingKey": "cust:5", "channel": "web"}).get_json()
        assert (flag["variant"], flag["metadata"]["decisionReason"]) == (decision.variant, decision.reason)


def test_the_short_way_and_the_long_way_answer_alike(app: Flask, ask: Ask) -> None:
    """A header that asks for nothing sends a request the long way: same status, words and headers."""
    assert ask("plain").status_code == 200  # now the key is known
    own = {"X-Request-Id", "Date", "Server"}
    for key in (*KEYS, "no", "a/b"):
        for context in (
            {"targetingKey": "cust:1"},
            {"targetingKey": "cust:qa", "channel": "web", "country": "DE"},
            {"targetingKey": 7, "channel": 7},
            {"targetingKey": "cust:1", "abplatPins": {key: "treatment"}, "channel": "web"},
            {},
            {"targetingKey": "a\x00b"},
        ):
            short, long = ask(key, context), ask(key, context, **{"X-Abplat-Expose": "no"})
            assert (short.status_code, short.data) == (long.status_code, long.data)
            alike = [
                {name: value for name, value in each.headers if name not in own} for each in (short, long)
            ]
            assert alike[0] == alike[1]


def test_the_short_way_is_taken(app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that was checked a moment ago, and nothing odd: Flask is not asked."""
    assert ask("plain").status_code == 200

    def refuse(*_: Any) -> None:
        raise AssertionError("the long way")

    monkeypatch.setattr(app.wsgi_app, "_behind", refuse)
    assert ask("plain").status_code == 200
    with pytest.raises(AssertionError, match="the long way"):
        ask("plain", Origin="https://shop.example")


def test_a_revoked_key_ends_on_the_short_way_too(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later than everywhere else."""
    import abplat.api.auth

    with app.extensions["abplat"].writers.begin() as session:
        new = keys.create(session, "shop", "client", now=NOW)
    body, sent = {"context": {"targetingKey": "cust:1"}}, {"X-API-Key": new.token}
    assert client.post(f"{FLAGS}/plain", json=body, headers=sent).status_code == 200
    with app.extensions["abplat"].writers.begin() as session:
        keys.revoke(session, new.selector, now=NOW)
    monkeypatch.setattr(abplat.api.auth, "REMEMBERED_S", 0.0)

    assert client.post(f"{FLAGS}/plain", json=body, headers=sent).status_code == 401


def test_two_keys_at_once_are_refused(client: FlaskClient, headers: dict[str, dict[str, str]]) -> None:
    """Also when both are known."""
    both = {**headers["client"], "X-API-Key": headers["server"]["Authorization"].removeprefix("Bearer ")}
    body = {"context": {"targetingKey": "cust:1"}}
    for sent in headers.values():
        client.post(f"{FLAGS}/plain", json=body, headers=sent)

    assert client.post(f"{FLAGS}/plain", json=body, headers=both).status_code == 401


def test_a_flag_is_what_the_customer_has_met_elsewhere(app: Flask, ask: Ask) -> None:
    """Without being told: a flag is what ``POST /v1/decide`` answers, one or all, and it is kept."""
    platform = app.extensions["abplat"]
    hashed = ask("plain", {"targetingKey": "cust:l1", "abplatLedger": False}).get_json()["variant"]
    other = {"control": "treatment", "treatment": "control"}[hashed]
    with platform.engine.begin() as connection:
        components.join(connection, "shop", Join("anon:l1", "cust:l1", NOW))
        assignments.keep(connection, "shop", [Entry("anon:l1", "plain", Pin(other, NOW))])
    for context in ({"targetingKey": "cust:l1"}, {"targetingKey": "cust:l1", "abplatExpose": True}):
        flag = ask("plain", context, "server").get_json()
        assert (flag["variant"], flag["metadata"]["decisionReason"]) == (other, "pinned")
    flags = {
        flag["key"]: flag for flag in ask(None, {"targetingKey": "cust:l1"}, "server").get_json()["flags"]
    }
    assert flags["plain"]["variant"] == other
    new = {"targetingKey": "cust:l2"}
    assert ask("plain", new, "server").get_json()["metadata"]["decisionReason"] == "split"
    assert ask("plain", new, "server").get_json()["metadata"]["decisionReason"] == "pinned"


def test_a_page_sees_what_its_visitor_met_before_the_login(
    app: Flask, client: FlaskClient, ask: Ask, headers: dict[str, dict[str, str]]
) -> None:
    """At once after the log-in, and without learning who the visitor is."""
    variants = {
        f"anon:p{n}": ask("plain", {"targetingKey": f"anon:p{n}"}).get_json()["variant"] for n in range(9)
    }
    first = next(unit for unit in variants if variants[unit] == "control")
    second = next(unit for unit in variants if variants[unit] == "treatment")
    for unit in (first, second):
        said = {"anonymous": unit, "known": "cust:p"}
        assert client.post("/v1/identify", json=said, headers=headers["server"]).status_code == 200
    earliest = min((first, second), key=lambda unit: int(unit[6:]))
    found = [ask("plain", {"targetingKey": unit}).get_json() for unit in (first, second)]

    assert {flag["variant"] for flag in found} == {variants[earliest]}
    assert [flag["metadata"]["contextId"] for flag in found] == [first, second]
    token = client.post("/v1/identity-tokens", json={"id": "cust:p"}, headers=headers["server"]).get_json()
    known = {"targetingKey": "anon:p99", "abplatIdentityToken": token["identity_token"]}
    assert ask("plain", known).get_json()["variant"] == variants[earliest]


def test_a_flag_without_the_ledger_asks_no_database(
    app: Flask, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one flag nor all, where the caller wants what is sent to decide alone."""
    platform, seen = app.extensions["abplat"], []
    monkeypatch.setattr(platform.configurations, "_max_age_s", 60.0)
    assert ask(None, kind="server").status_code == 200
    event.listen(platform.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    for pins in ({}, {"plain": "control"}):
        context = {"targetingKey": "cust:1", "abplatPins": pins, "abplatLedger": False}
        assert ask(None, context, "server").status_code == 200
        assert ask("plain", context, "server", Origin="https://shop.example").status_code == 200
        assert ask("plain", context, "server").status_code == 200

    assert seen == []
