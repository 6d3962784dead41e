"""Identify, tokens, merge, conflicts, server decisions and the context over HTTP."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk.tokens import token_unit
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from abplat.facts.drain import Drain
from abplat.facts.lake import Lake
from abplat.facts.moments import KEPT, prune_moments
from abplat.facts.read_models import feed_read_models
from abplat.services import catalogue, experiments
from abplat.services.experiments import Moment
from abplat.services.platform import Platform
from tests.conftest import NOW, FakeClock, make_catalogue, make_experiment

Headers = dict[str, str]
PHONE = "phone:+49301234567"


@pytest.fixture(name="platform")
def _platform(app: Flask) -> Platform:
    """Return the platform of the app, with an experiment that has words for the telephone."""
    platform: Platform = app.extensions["abplat"]
    variants = [
        {"key": key, "title": key.title(), "weight": 5000, "payloads": {"phone": {"script": f"Say {key}"}}}
        for key in ("control", "treatment")
    ]
    document = make_catalogue(experiments=[make_experiment(variants=variants)])
    document["channels"].append({"key": "phone", "title": "Telephone"})
    with platform.writers.begin() as session:
        catalogue.apply(session, document, now=NOW)
        experiments.start(session, "shop", "shorter-form", Moment(NOW))
    return platform


@pytest.fixture(name="call")
def _call(platform: Platform, client: FlaskClient, new_key: Callable[..., Headers]) -> Callable[..., Any]:
    """Return a function that posts a document with a key of a kind."""
    keys = {kind: new_key(kind) for kind in ("client", "server", "admin")}

    def call(path: str, document: Any = None, kind: str = "server") -> Any:
        """Call a route."""
        if document is None:
            return client.get(path, headers=keys[kind])
        return client.post(path, json=document, headers=keys[kind])

    return call


def other(variant: str) -> str:
    """Return the other variant."""
    return "control" if variant == "treatment" else "treatment"


def identify(call: Callable[..., Any], anonymous: str, known: str, **fields: Any) -> Any:
    """Identify by a server key."""
    answer = call("/v1/identify", {"anonymous": anonymous, "known": known, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json


def decide(call: Callable[..., Any], unit: str, kind: str = "server", **fields: Any) -> Any:
    """Decide the one experiment."""
    answer = call("/v1/decide", {"unit": unit, "channel": "phone", **fields}, kind)
    assert answer.status_code == 200, answer.text
    return answer.json["decisions"]["shorter-form"]


def test_a_batch_is_judged_one_by_one(call: Callable[..., Any]) -> None:
    """A bad one stops no good one, and the order is kept."""
    good = {"anonymous": "anon:1", "known": "cust:1", "assignments": {"shorter-form": "treatment"}}
    bad = [
        {"anonymous": "anon:null", "known": "cust:2"},
        {"anonymous": "anon:3", "known": "cust:3", "assignments": {"shorter-form": "nope"}},
        7,
        {"anonymous": "anon:4", "identity_token": "abi1.x.y"},
    ]
    answer = call("/v1/identify/batch", {"identifications": [good, *bad, {**good, "anonymous": "anon:2"}]})
    results = answer.json["results"]

    assert [each["status"] for each in results] == [200, 422, 422, 422, 422, 200]
    codes = [each["errors"][0]["code"] for each in results[1:5]]
    assert codes == ["blocked_id", "unknown_variant", "not_an_object", "bad_token"]
    assert results[5]["pins"] == {"shorter-form": "treatment"}
    assert call("/v1/identify/batch", {"identifications": []}).status_code == 422
    assert call("/v1/identify/batch", {"identifications": [good] * 101}).status_code == 422


def test_the_join_is_a_fact_too(call: Callable[..., Any], platform: Platform) -> None:
    """The same transaction keeps the alias event, once for a repeated call."""
    said = {"anonymous": "anon:1", "known": "cust:1", "ts": "2026-03-04T09:00:00Z"}
    for _ in range(2):
        assert call("/v1/identify", said).status_code == 200
    with platform.engine.connect() as connection:
        kinds = connection.execute(text("SELECT kind FROM intake")).scalars().all()

    assert kinds == ["alias"]


def test_the_server_keeps_what_it_decides(call: Callable[..., Any], platform: Platform) -> None:
    """And serves it to the customer whom the visitor turns out to be."""
    first = decide(call, "anon:1")
    held = identify(call, "anon:1", "cust:1")
    known = decide(call, "cust:1")
    again = decide(call, "anon:1")

    assert first["reason"] == "split"
    assert held["pins"] == {"shorter-form": first["variant"]}
    assert {(made["variant"], made["reason"], made["unit"]) for made in (known, again)} == {
        (first["variant"], "pinned", "cust:1")
    }
    with platform.engine.connect() as connection:
        assert (
            connection.execute(text("SELECT channel FROM assignments WHERE unit = 'anon:1'")).scalar()
            == "phone"
        )


def test_a_customer_who_is_known_is_hashed_as_one(call: Callable[..., Any]) -> None:
    """Without an assignment the customer's id decides, whichever id is presented."""
    identify(call, PHONE, "cust:1")

    assert decide(call, PHONE)["unit"] == "cust:1"
    assert decide(call, PHONE)["variant"] == decide(call, "cust:1")["variant"]


def test_a_shared_device_gets_the_default(call: Callable[..., Any], caplog: pytest.LogCaptureFixture) -> None:
    """It is not enrolled, which is answered and logged without the id."""
    identify(call, "device:till", "cust:1")
    identify(call, "device:till", "cust:2")
    with caplog.at_level(logging.INFO):
        answer = call("/v1/decide", {"unit": "device:till", "channel": "phone"}).json
    made = answer["decisions"]["shorter-form"]

    assert (made["variant"], made["in_experiment"], made["reason"]) == ("control", False, "not_targeted")
    assert made["payload"] == {"script": "Say control"}
    assert answer["not_enrolled"] == ["shorter-form"]
    assert "not_enrolled" in caplog.text
    assert "device:till" not in caplog.text


def test_a_public_key_speaks_for_anonymous_ids_only(call: Callable[..., Any]) -> None:
    """It neither reads nor writes a customer's assignments without a token."""
    hashed = decide(call, "cust:1", "client")["variant"]
    identify(call, "anon:1", "cust:1", assignments={"shorter-form": other(hashed)})
    token = call("/v1/identity-tokens", {"id": "cust:1"}).json["identity_token"]

    assert decide(call, "cust:1", "client")["variant"] == hashed
    assert decide(call, "anon:1", "client")["variant"] == other(hashed)
    assert decide(call, "anon:9", "client", identity_token=token)["variant"] == other(hashed)
    assert call("/v1/identify", {"anonymous": "anon:2", "known": "cust:1"}, "client").status_code == 403
    said = call("/v1/identify", {"anonymous": "anon:2", "identity_token": token}, "client")
    assert (said.status_code, said.json["unit"]) == (200, "cust:1")


def test_a_token_carries_an_identity(call: Callable[..., Any], clock: FakeClock) -> None:
    """It names a customer for a time, and nobody else's signature is good."""
    identify(call, PHONE, "cust:7")
    made = call("/v1/identity-tokens", {"id": PHONE, "expires_in": "10m"}).json
    token = made["identity_token"]

    assert made["id"] == token_unit(token) == "cust:7"
    assert len(token) < 60
    assert call("/v1/context", {"identity_token": token}).json["unit"] == "cust:7"
    assert call("/v1/decide", {"identity_token": token}).json["unit"] == "cust:7"
    forged = call("/v1/context", {"identity_token": token[:-1] + ("A" if token[-1] != "A" else "B")})
    assert forged.json["errors"][0]["code"] == "bad_token"
    clock.advance(minutes=10)
    assert call("/v1/decide", {"identity_token": token}).json["errors"][0]["code"] == "expired_token"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ({"id": "email:a@b.c"}, "personal_id"),
        ({"id": "cust:1", "expires_in": "2d"}, "too_long"),
        ({"id": "7"}, "bad_id"),
    ],
    ids=["a person's address", "too long a life", "no type"],
)
def test_not_every_token_is_signed(call: Callable[..., Any], document: dict[str, str], code: str) -> None:
    """No personal data stands in a URL."""
    answer = call("/v1/identity-tokens", document)

    assert (answer.status_code, answer.json["errors"][0]["code"]) == (422, code)


def test_tokens_of_another_project_are_worth_nothing(
    call: Callable[..., Any], client: FlaskClient, new_key: Callable[..., Headers]
) -> None:
    """Each project has a secret of its own."""
    token = call("/v1/identity-tokens", {"id": "cust:1"}).json["identity_token"]
    stranger = new_key("server", "other")
    client.post("/v1/identity-tokens", json={"id": "cust:1"}, headers=stranger)
    answer = client.post("/v1/context", json={"identity_token": token}, headers=stranger)

    assert answer.json["errors"][0]["code"] == "bad_token"


def test_merge_split_and_conflicts(call: Callable[..., Any]) -> None:
    """An operator joins two customers, sees what they had met, and takes it back."""
    identify(call, "anon:1", "cust:1", assignments={"shorter-form": "treatment"})
    identify(call, "anon:2", "cust:2", assignments={"shorter-form": "control"}, ts="2026-03-04T09:30:00Z")
    pair = {"id": "cust:2", "into": "cust:1", "reason": "one person"}
    merged = call("/v1/identities/merge", pair, "admin").json
    conflicts = call("/v1/identities/conflicts?experiment=shorter-form&limit=1", kind="admin").json
    undone = call("/v1/identities/split", {"id": "cust:2", "from": "cust:1", "reason": "no"}, "admin")

    assert (merged["unit"], merged["conflicts"]) == ("cust:1", ["shorter-form"])
    assert conflicts["items"][0]["kept_unit"] == "anon:2"
    assert undone.json["ids"] == ["anon:2", "cust:2"]
    assert call("/v1/identities/merge", pair).status_code == 403
    assert (
        call("/v1/identities/split", {"id": "a:1", "from": "a:2", "reason": "no"}, "admin").status_code == 404
    )
    assert (
        call("/v1/identities/merge", {"id": "a:1", "into": "a:1", "reason": "no"}, "admin").status_code == 422
    )


def record(call: Callable[..., Any], *events: tuple[str, str, str, int, dict[str, Any]]) -> None:
    """Record touchpoints: actor, name, channel, minutes ago, properties."""
    sent = [
        {"kind": "touchpoint", "id": f"{actor}-{name}-{ago}", "actor": actor, "name": name, "channel": channel,
         "ts": (NOW - timedelta(minutes=ago)).isoformat(), "props": props}
        for actor, name, channel, ago, props in events
    ]  # fmt: skip
    answer = call("/v1/events", {"events": sent})
    assert answer.json["refused"] == [], answer.text


def drain(platform: Platform) -> None:
    """Do what the worker does every two seconds."""
    Drain(platform.engine, Lake(platform.settings.data_dir / "lake")).run()
    feed_read_models(platform.engine, 10_000)


def test_an_agent_sees_what_happened_elsewhere(call: Callable[..., Any], platform: Platform) -> None:
    """By telephone number: the variant with its script, the open journey, captured fields, last touchpoints."""
    record(
        call,
        ("anon:1", "visit", "web", 30, {"page": "tents"}),
        ("anon:1", "quote", "web", 20, {"captured": ["postcode", "tent"], "postcode": "10115"}),
        ("cust:1", "call", "phone", 5, {}),
        ("cust:2", "visit", "web", 1, {}),
    )
    identify(call, "anon:1", "cust:1", assignments={"shorter-form": "treatment"})
    identify(call, PHONE, "cust:1")
    drain(platform)
    seen = call("/v1/context", {"id": PHONE, "channel": "phone"}).json

    assert (seen["unit"], seen["joined"]) == ("cust:1", ["anon:1", PHONE])
    assert seen["pins"] == {"shorter-form": "treatment"}
    (variant,) = seen["variants"]
    assert (variant["variant_title"], variant["script"], variant["in_experiment"]) == (
        "Treatment",
        "Say treatment",
        True,
    )
    (journey,) = seen["journeys"]
    assert (journey["journey"], journey["stage"], journey["next_stage"]) == ("buy", "quote", "purchase")
    assert (journey["channels"], journey["is_partial"]) == (["web", "phone"], False)
    assert [(each["field"], each["value"], each["channel"]) for each in seen["captured"]] == [
        ("postcode", "10115", "web"), ("tent", None, "web"),
    ]  # fmt: skip
    assert [each["name"] for each in seen["touchpoints"]] == ["call", "quote", "visit"]
    assert call(f"/v1/context?id={PHONE.replace('+', '%2B')}").json["variants"] == []


def test_a_look_up_is_audited_without_the_id(
    call: Callable[..., Any], platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """Who looked, at whom under a pseudonym that stays the same, and nothing in any log."""
    with caplog.at_level(logging.DEBUG):
        call("/v1/context", {"id": PHONE, "channel": "phone"})
        call(f"/v1/context?unit={PHONE.replace('+', '%2B')}", kind="admin")
    with platform.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT actor, verb, key, after FROM audit WHERE noun = 'customers'")
        ).all()

    assert [row.verb for row in rows] == ["look_up", "look_up"]
    assert len({row.key for row in rows}) == 1
    assert len({row.actor for row in rows}) == 2
    assert "301234567" not in caplog.text + str(rows)
    assert call("/v1/context", {"id": PHONE}, "client").status_code == 403
    assert call("/v1/context", {}).status_code == 422


def test_a_shared_id_tells_nothing(call: Callable[..., Any], platform: Platform) -> None:
    """A tablet in the store knows nobody's journeys."""
    record(call, ("device:till", "visit", "store", 3, {}))
    identify(call, "device:till", "cust:1", assignments={"shorter-form": "treatment"})
    identify(call, "device:till", "cust:2")
    drain(platform)
    seen = call("/v1/context", {"id": "device:till", "channel": "phone"}).json

    assert (seen["shared"], seen["joined"], seen["pins"], seen["touchpoints"]) == (True, [], {}, [])
    assert [(each["variant"], each["in_experiment"]) for each in seen["variants"]] == [("control", False)]


def test_moments_are_bounded_and_forgotten(call: Callable[..., Any], platform: Platform) -> None:
    """The last ones are kept, whatever order they arrive in; what is cut is said."""
    record(
        call, *(("cust:1", "visit" if n == KEPT + 4 else "x", "web", n, {}) for n in range(KEPT + 5, 0, -1))
    )
    drain(platform)
    record(call, ("cust:1", "late", "web", 2 * KEPT, {}), ("cust:1", "visit", "web", 1, {}))
    drain(platform)
    seen = call("/v1/context", {"id": "cust:1"}).json

    assert len(seen["touchpoints"]) == KEPT
    assert seen["touchpoints"][-1]["at"] == (NOW - timedelta(minutes=KEPT - 1)).isoformat()
    assert [each["is_partial"] for each in seen["journeys"]] == [True]
    with platform.writers.begin() as session:
        assert prune_moments(session.connection(), 2**62) == 1


def test_the_context_loads_nothing_heavy(tmp_path: Path) -> None:
    """The web process walks a few touchpoints in plain Python."""
    root = Path(__file__).parents[2]
    code = (
        "import sys\nimport abplat.services.contexts\n"
        "import abplat.analysis.journeys.events, abplat.analysis.journeys.twin\n"
        "heavy = {'numpy', 'numba', 'duckdb', 'deltalake', 'scipy', 'ibis', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={"PYTHONPATH": f"{root}:{root / 'sdk' / 'python'}", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    assert done.stdout.strip() == "[]", done.stderr
