"""The client against a real HTTP server that behaves well, badly, or not at all."""

from __future__ import annotations

import gzip
import json
import logging
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk import Client, __version__

QUICK: dict[str, Any] = {"poll_seconds": 0, "flush_seconds": 0.02, "backoff": (0.01, 0.05), "timeout": 10.0}
HTML = b"<html><body>Welcome to the hotel network. Please log in.</body></html>"


@pytest.fixture
def make_client(platform: Any) -> Iterator[Callable[..., Client]]:
    """Make clients that are closed at the end."""
    made: list[Client] = []

    def make(**settings: Any) -> Client:
        made.append(Client(platform.url, "abs_test", **{**QUICK, **settings}))
        return made[-1]

    yield make
    for client in made:
        client.close(0.2)


def wait_for(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_a_whole_life(platform: Any, make_client: Callable[..., Client]) -> None:
    """Decide, expose, track and close: everything arrives once, as it was said."""
    client = make_client()
    assert client.refresh()
    decision = client.decide("e", "cust:1", channel="web")
    at = datetime(2024, 3, 4, 10, tzinfo=UTC)
    exposed = client.expose(decision, channel="web", ts=at)
    bought = client.track(
        "purchase", "cust:1", value=12.5, properties={"items": [1]}, channel="web", ts="2024-03-05T00:00:00Z"
    )

    assert client.close(30) == 0
    assert platform.stored[exposed] == {
        "kind": "exposure",
        "id": exposed,
        "ts": "2024-03-04T10:00:00Z",
        "actor": "cust:1",
        "experiment": "e",
        "variant": decision.variant,
        "channel": "web",
        "reason": "split",
        "config_version": "1",
        "sdk": f"python/{__version__}",
    }
    assert platform.stored[bought] == {
        "kind": "touchpoint",
        "id": bought,
        "ts": "2024-03-05T00:00:00Z",
        "actor": "cust:1",
        "name": "purchase",
        "channel": "web",
        "value": 12.5,
        "props": {"items": [1]},
    }
    assert platform.requests[-1][2]["authorization"] == "Bearer abs_test"


def test_an_exposure_names_the_customer_and_the_group(
    platform: Any, make_client: Callable[..., Client]
) -> None:
    """A store was drawn, a customer met its variant; a customer without a name is no record."""
    client = make_client()
    assert client.refresh()
    decision = client.decide("e", "store:42")
    met = client.expose(decision, channel="store", customer="cust:7")
    lost = client.expose(decision, channel="store", customer="")

    assert client.close(30) == 0
    assert (platform.stored[met]["actor"], platform.stored[met]["cluster"]) == ("cust:7", "store:42")
    assert (lost, client.stats().invalid) == (None, 1)


def test_ids_are_in_order_of_time(make_client: Callable[..., Client]) -> None:
    """Ids are UUIDs of version 7."""
    client = make_client()
    first = client.track("a", "cust:1")
    time.sleep(0.002)
    second = client.track("a", "cust:1")

    assert first is not None
    assert second is not None
    assert first < second
    assert first[14] == "7"
    assert first[19] in "89ab"


def test_without_the_platform_it_answers_at_once(platform: Any) -> None:
    """Nothing there at start: default, counted, no exception, no waiting."""
    platform.stop()
    client = Client(platform.url, "abs_test", **QUICK)
    started = time.perf_counter()
    decision = client.decide("e", "cust:1", default="control")
    client.track("visit", "cust:1")
    elapsed = time.perf_counter() - started

    assert (decision.variant, decision.reason, decision.in_experiment) == ("control", "not_ready", False)
    assert elapsed < 5
    assert client.decide_all("cust:1") == {}
    assert client.expose(decision) is None
    assert not client.refresh(0.2)
    assert client.close(0.2) == 1


def test_events_survive_an_outage_with_their_ids(platform: Any, make_client: Callable[..., Client]) -> None:
    """The platform goes and comes back: every event arrives once."""
    client = make_client()
    ids = {client.track("visit", f"cust:{n}") for n in range(10)}
    wait_for(lambda: len(platform.stored) == 10)
    platform.stop()
    ids |= {client.track("visit", f"cust:{n}") for n in range(1_200)}
    time.sleep(0.1)
    platform.start()
    wait_for(lambda: client.stats().waiting == 0)

    assert set(platform.stored) == ids
    assert client.stats().accepted == 1_210


def test_a_flapping_platform_gets_the_same_ids_again(
    platform: Any, make_client: Callable[..., Client]
) -> None:
    """Stored, but the answer was lost: the retry carries the same ids and is a duplicate."""
    client = make_client()
    turns = iter([None, 500, None, "store and hang up", 502])

    def flap() -> Any:
        turn = next(turns, "good")
        if turn == "good":
            del platform.answers["/v1/events"]
        if turn in {"good", "store and hang up"}:
            reply = platform.store(json.loads(platform.requests[-1][3])["events"])
            return reply if turn == "good" else None
        return None if turn is None else (turn, {}, HTML)

    platform.answers["/v1/events"] = flap
    wanted = client.track("visit", "cust:1")
    wait_for(lambda: client.stats().waiting == 0)
    bodies = [json.loads(body)["events"] for _, path, _, body in platform.requests if path == "/v1/events"]

    assert len(bodies) >= 6
    assert all(events == bodies[0] for events in bodies)
    assert set(platform.stored) == {wanted}
    assert client.stats().duplicates == 1


BAD_BODIES = {
    "captive portal": (200, {}, HTML),
    "empty": (200, {}, b""),
    "truncated": (200, {"Content-Length": "9999"}, b'{"schema_version": 1, "vers'),
    "wrong type": (200, {}, b"[]"),
    "newer schema": (200, {}, b'{"schema_version": 99}'),
    "deep": (200, {}, b"[" * 100_000),
    "redirect": (302, {"Location": "http://127.0.0.1:1/"}, b""),
    "error": (500, {}, HTML),
    "broken gzip": (200, {"Content-Encoding": "gzip"}, b"\x1f\x8bnothing"),
    "gzip bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 50_000_000)),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_configuration_leaves_the_last_good_one(
    name: str, platform: Any, make_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever arrives, the last good document stays, and one line says so."""
    client = make_client()
    assert client.refresh()
    before = client.decide("e", "cust:1")
    platform.answers["/sdk/v1/config"] = lambda: BAD_BODIES[name]
    with caplog.at_level(logging.INFO, logger="abplat_sdk"):
        answers = [client.refresh() for _ in range(3)]

    assert answers == [False] * 3
    assert client.decide("e", "cust:1") == before
    assert len(caplog.records) == 1
    del platform.answers["/sdk/v1/config"]
    assert client.refresh()


UNKNOWN = {"attribute": "a", "op": "smells_like", "value": 1}


@pytest.mark.parametrize("rule", [UNKNOWN, {"not": UNKNOWN}, {"xor": []}], ids=["plain", "negated", "a word"])
def test_an_unknown_rule_is_a_rule_for_nobody(
    rule: dict[str, Any], platform: Any, make_client: Callable[..., Client]
) -> None:
    """A newer platform may know more: what is not understood lets nobody in, other fields are left alone."""
    client = make_client()
    platform.config = {**make_config(targeting=rule, key="e", colour="red"), "version": "2", "weather": [1]}
    assert client.refresh()
    found = client.decide("e", "cust:1", {"a": 1})

    assert (found.variant, found.in_experiment, found.reason) == ("control", False, "not_targeted")
    assert found.config_version == "2"


@pytest.mark.parametrize("name", sorted(set(BAD_BODIES) - {"gzip bomb"}))
def test_events_are_not_taken_for_stored_by_a_stranger(
    name: str, platform: Any, make_client: Callable[..., Client]
) -> None:
    """Only the platform's own answer lets go of events: a hotel's log-in page does not."""
    client = make_client()
    platform.answers["/v1/events"] = lambda: BAD_BODIES[name]
    client.track("visit", "cust:1")
    wait_for(lambda: platform.count("/v1/events") >= 2)

    assert client.stats().waiting == 1
    del platform.answers["/v1/events"]
    wait_for(lambda: client.stats().waiting == 0)
    assert len(platform.stored) == 1


def test_not_modified_keeps_and_refreshes(platform: Any, make_client: Callable[..., Client]) -> None:
    """The ETag is sent back; a new version is taken."""
    client = make_client()
    assert client.refresh()
    assert client.refresh()
    assert platform.requests[-1][2]["if-none-match"] == '"1"'
    platform.config = {**platform.config, "version": "2"}
    assert client.refresh()
    assert client.stats().config_version == "2"
    assert client.stats().config_source == "network"


def test_polling_notices_a_new_configuration(platform: Any, make_client: Callable[..., Client]) -> None:
    """Nobody calls refresh, and the change arrives."""
    client = make_client(poll_seconds=0.05)
    client.decide("e", "cust:1")
    wait_for(lambda: client.stats().config_version == "1")
    platform.config = {**platform.config, "version": "2"}
    wait_for(lambda: client.stats().config_version == "2")


def test_a_wrong_key_stops_everything_and_says_so(
    platform: Any, make_client: Callable[..., Client], caplog: pytest.LogCaptureFixture
) -> None:
    """401: polling and sending stop, with one line each; a later refresh may start them again."""
    for path in ("/sdk/v1/config", "/v1/events"):
        platform.answers[path] = lambda: (401, {}, b"{}")
    with caplog.at_level(logging.INFO, logger="abplat_sdk"):
        client = make_client(poll_seconds=0.02)
        client.track("visit", "cust:1")
        wait_for(lambda: platform.count("/sdk/v1/config") and platform.count("/v1/events"))
        time.sleep(0.3)

    assert platform.count("/sdk/v1/config") == 1
    assert platform.count("/v1/events") == 1
    assert len([record for record in caplog.records if "stopped" in record.message]) == 2
    platform.answers.clear()
    assert client.refresh()
    wait_for(lambda: client.stats().waiting == 0)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed(status: int, platform: Any, make_client: Callable[..., Client]) -> None:
    """The platform says when; nothing is sent before, and nothing is lost."""
    client = make_client()
    times: list[float] = []

    def answer() -> Any:
        times.append(time.monotonic())
        events = json.loads(platform.requests[-1][3])["events"]
        return platform.store(events) if times[1:] else (status, {"Retry-After": "1"}, b"{}")

    platform.answers["/v1/events"] = answer
    client.track("visit", "cust:1")
    wait_for(lambda: len(platform.stored) == 1)

    assert times[1] - times[0] > 0.9


def test_refused_events_are_counted_and_named(platform: Any, make_client: Callable[..., Client]) -> None:
    """Bad events never stop good ones."""
    client = make_client()
    client.track("bad", "cust:1")
    client.track("good", "cust:1")

    assert client.flush(30) == 0
    stats = client.stats()
    assert (stats.sent, stats.accepted, stats.refused) == (2, 1, 1)
    assert stats.refusals[0] == ("bad_name", "name: no")


def test_a_refused_batch_is_halved_until_the_culprit_is_alone(
    platform: Any, make_client: Callable[..., Client]
) -> None:
    """A body that is refused whole costs one event, not five hundred."""
    client = make_client(flush_seconds=60)

    def judge() -> Any:
        events = json.loads(platform.requests[-1][3])["events"]
        if any(event["name"] == "poison" for event in events):
            return 422, {}, b'{"code": "invalid_input", "detail": "no"}'
        return platform.store(events)

    platform.answers["/v1/events"] = judge
    for number in range(300):
        client.track("poison" if number == 123 else "visit", "cust:1")

    assert client.flush(30) == 0
    assert len(platform.stored) == 299
    assert client.stats().refused == 1


def test_batches_are_bounded(platform: Any, make_client: Callable[..., Client]) -> None:
    """At most 500 events, and less than the platform's megabyte."""
    client = make_client(flush_seconds=60)
    for _ in range(1_100):
        client.track("visit", "cust:1", properties={"text": "x" * 3_000})

    assert client.flush(30) == 0
    bodies = [body for _, path, _, body in platform.requests if path == "/v1/events"]
    assert max(len(body) for body in bodies) < 1024 * 1024
    assert max(len(json.loads(body)["events"]) for body in bodies) <= 500
    assert len(platform.stored) == 1_100


def test_a_full_buffer_counts_what_it_turns_away(platform: Any) -> None:
    """Nothing disappears without being counted."""
    platform.stop()
    client = Client(platform.url, "abs_test", buffer_size=5, **QUICK)
    kept = [client.track("visit", "cust:1") for _ in range(8)]

    assert [event_id is not None for event_id in kept] == [True] * 5 + [False] * 3
    assert client.stats().dropped == 3
    assert client.close(0.1) == 5
    assert client.track("visit", "cust:1") is None
    assert client.stats().dropped == 4


def test_the_platform_hears_of_what_was_dropped(platform: Any) -> None:
    """Once, with the next batch that arrives."""
    platform.stop()
    client = Client(platform.url, "abs_test", buffer_size=5, **QUICK)
    for _ in range(8):
        client.track("visit", "cust:1")
    platform.start()
    assert client.flush(10) == 0
    client.track("visit", "cust:1")
    client.flush(10)
    bodies = [json.loads(body) for _, path, _, body in platform.requests if path == "/v1/events"]

    assert [body.get("dropped", 0) for body in bodies] == [3, 0]


@pytest.mark.parametrize(
    "arguments",
    [
        ("", "cust:1"),
        (7, "cust:1"),
        ("visit", ""),
        ("visit", None),
        ("visit", "cust:1", float("nan")),
        ("visit", "cust:1", object()),
        ("visit", "cust:1", None, {"a": object()}),
        ("visit", "cust:1", None, {"a": "\ud800"}),
        ("visit", "cust:1", None, {"a": "x" * 300_000}),
        ("visit", "cust:1", None, None, None, datetime(2024, 1, 1)),  # noqa: DTZ001  # that is the point
        ("visit", "cust:1", None, None, None, 7),
    ],
    ids=[
        "no name",
        "number as name",
        "no unit",
        "null unit",
        "nan",
        "object",
        "object within",
        "surrogate",
        "long",
        "naive time",
        "number as time",
    ],
)
def test_what_cannot_be_recorded_is_counted(arguments: Any, make_client: Callable[..., Client]) -> None:
    """A call that makes no sense neither raises nor spoils a batch."""
    client = make_client()

    assert client.track(*arguments) is None
    assert client.stats().invalid == 1
    assert client.stats().waiting == 0


def test_odd_arguments_never_raise(make_client: Callable[..., Client]) -> None:
    """The host may pass anything to anything."""
    client = make_client()
    client.refresh()
    for odd in (None, 7, 1.5, [], {}, object(), "\ud800"):
        client.decide(odd, odd, odd, channel=odd)  # type: ignore[arg-type]
        client.decide_all(odd, odd)  # type: ignore[arg-type]
        client.expose(odd)  # type: ignore[arg-type]
        client.identify(odd, odd)  # type: ignore[arg-type]
        client.context(odd)  # type: ignore[arg-type]


def test_the_cache_outlives_the_process(
    platform: Any, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    """The next start without a platform decides as the last one did."""
    cache = tmp_path / "deep" / "config.json"
    first = make_client(cache_path=cache)
    first.refresh()
    platform.stop()
    second = make_client(cache_path=cache, bootstrap={**platform.config, "version": "old"})

    assert second.decide("e", "cust:1") == first.decide("e", "cust:1")
    assert second.stats().config_source == "cache"
    assert second.stats().config_age is not None
    assert list(cache.parent.iterdir()) == [cache]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"document": 1}', b"\xff" * 100, b"[" * 100_000])
def test_a_broken_cache_falls_back_to_the_bootstrap(
    content: bytes, platform: Any, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    """A file cut short by a crash is as good as none."""
    cache, bootstrap = tmp_path / "config.json", tmp_path / "bootstrap.json"
    cache.write_bytes(content)
    bootstrap.write_text(json.dumps(platform.config))

    assert make_client(cache_path=cache, bootstrap=bootstrap).stats().config_source == "bootstrap"
    assert make_client(bootstrap=content.decode("latin-1")).stats().config_source == "none"


def test_another_key_does_not_use_the_cache(
    platform: Any, make_client: Callable[..., Client], tmp_path: Path
) -> None:
    """A cached document belongs to one project."""
    cache = tmp_path / "config.json"
    make_client(cache_path=cache).refresh()
    other = Client(platform.url, "abs_other", cache_path=cache, **QUICK)

    assert other.stats().config_source == "none"
    other.close(0)


def test_the_queue_file_outlives_the_process(platform: Any, tmp_path: Path) -> None:
    """Offline for days: the next start sends what the last one could not, time and id kept."""
    platform.stop()
    queue = tmp_path / "queue.sqlite3"
    first = Client(platform.url, "abs_test", queue_path=queue, **QUICK)
    wanted = first.track("purchase", "cust:1", ts="2024-03-05T00:00:00Z")
    first.identify("anon:w1", "cust:1")
    assert first.close(0.1) == 2

    platform.start()
    second = Client(platform.url, "abs_test", queue_path=queue, **QUICK)
    assert second.flush(30) == 0
    assert platform.stored[wanted]["ts"] == "2024-03-05T00:00:00Z"
    assert platform.count("/v1/identify") == 1
    second.close()


def test_days_offline_keep_the_time_of_every_event(platform: Any, tmp_path: Path) -> None:
    """A kiosk without a line for five days, switched off each night, sends everything with its own time."""
    platform.stop()
    queue, told = tmp_path / "queue.sqlite3", {}
    for day in range(5):
        kiosk = Client(platform.url, "abs_test", queue_path=queue, bootstrap=platform.config, **QUICK)
        at = datetime(2024, 3, 4 + day, 10, tzinfo=UTC)
        decision = kiosk.decide("e", f"cust:{day}")
        told[kiosk.expose(decision, channel="kiosk", ts=at)] = at
        for minute in range(200):
            at = datetime(2024, 3, 4 + day, 11, minute // 60, minute % 60, tzinfo=UTC)
            told[kiosk.track("visit", f"cust:{day}", ts=at)] = at
        assert kiosk.close(0.05) == 201 * (day + 1)

    platform.start()
    kiosk = Client(platform.url, "abs_test", queue_path=queue, **QUICK)
    assert kiosk.flush(30) == 0
    assert kiosk.close() == 0
    assert {event_id: event["ts"] for event_id, event in platform.stored.items()} == {
        event_id: at.isoformat().replace("+00:00", "Z") for event_id, at in told.items()
    }
    assert kiosk.stats().accepted == 1_005


def test_a_queue_file_that_cannot_be_used_is_replaced_by_memory(
    make_client: Callable[..., Client], tmp_path: Path
) -> None:
    """A broken disk does not stop the host."""
    broken = tmp_path / "queue.sqlite3"
    broken.write_bytes(b"this is no database" * 100)
    client = make_client(queue_path=broken)

    assert client.track("visit", "cust:1") is not None
    assert client.flush(30) == 0


def other_variant(variant: str | None) -> str:
    """Return the variant that a unit did not get."""
    return "treatment" if variant == "control" else "control"


def find_units(client: Client) -> tuple[str, str]:
    """Find an anonymous and a known unit whose hashes disagree."""
    anonymous = client.decide("e", "anon:w1").variant
    known = next(f"cust:{n}" for n in range(100) if client.decide("e", f"cust:{n}").variant != anonymous)
    return "anon:w1", known


def test_identify_keeps_what_was_seen_on_this_device(
    platform: Any, make_client: Callable[..., Client]
) -> None:
    """The person keeps the variant already shown, whatever the platform says later."""
    client = make_client()
    client.refresh()
    anonymous, known = find_units(client)
    seen = client.decide("e", anonymous)
    client.expose(seen)
    platform.pins = {"e": other_variant(seen.variant)}

    client.identify(anonymous, known)
    at_once = client.decide("e", known)
    assert client.flush(30) == 0
    assert (at_once.variant, at_once.reason, at_once.in_experiment) == (seen.variant, "pinned", True)
    assert client.decide("e", known).variant == seen.variant
    assert client.decide_all(known)["e"].variant == seen.variant
    sent = json.loads(next(body for _, path, _, body in platform.requests if path == "/v1/identify"))
    assert sent["assignments"] == {"e": seen.variant}
    assert (sent["anonymous"], sent["known"]) == (anonymous, known)


def test_identify_takes_over_the_pins_of_the_platform(
    platform: Any, make_client: Callable[..., Client]
) -> None:
    """Nothing seen here: what another device saw holds."""
    client = make_client()
    client.refresh()
    platform.pins = {"e": other_variant(client.decide("e", "cust:1").variant), "gone": "x", "odd": 7}

    assert client.identify("anon:w1", "cust:1", wait=30)
    assert client.decide("e", "cust:1").variant == platform.pins["e"]
    assert client.decide("e", "cust:1").reason == "pinned"


def test_identify_is_sent_again_when_offline(platform: Any, make_client: Callable[..., Client]) -> None:
    """The link is not lost."""
    platform.stop()
    client = make_client()
    assert not client.identify("anon:w1", "cust:1", wait=0.1)
    assert client.stats().waiting == 1
    platform.start()
    wait_for(lambda: client.stats().waiting == 0)
    assert platform.count("/v1/identify") == 1


def test_pins_outlive_the_process_in_the_queue_file(platform: Any, tmp_path: Path) -> None:
    """A kiosk that restarts shows a person what it showed before."""
    queue = tmp_path / "queue.sqlite3"
    first = Client(platform.url, "abs_test", queue_path=queue, bootstrap=platform.config, **QUICK)
    anonymous, known = find_units(first)
    seen = first.decide("e", anonymous)
    first.expose(seen)
    first.identify(anonymous, known)
    first.close()
    second = Client(platform.url, "abs_test", queue_path=queue, bootstrap=platform.config, **QUICK)

    assert second.decide("e", known).variant == seen.variant
    second.close()


def test_context_asks_the_platform(platform: Any, make_client: Callable[..., Client]) -> None:
    """The one call that always waits; None when there is no answer."""
    client = make_client()
    assert client.context("phone:1 &x", channel="phone") == {"unit": "cust:1", "pins": {}}
    assert platform.requests[-1][1] == "/v1/context"
    assert json.loads(platform.requests[-1][3]) == {"id": "phone:1 &x", "channel": "phone"}
    platform.stop()
    assert client.context("cust:1", timeout=0.2) is None


def test_context_pins_what_holds_for_the_customer(platform: Any, make_client: Callable[..., Client]) -> None:
    """For the id asked for and for the customer behind it."""
    client = make_client()
    client.refresh()
    platform.pins = {"e": other_variant(client.decide("e", "cust:1").variant)}
    client.context("phone:1")

    assert client.decide("e", "cust:1").variant == platform.pins["e"]
    assert client.decide("e", "phone:1").variant == platform.pins["e"]


def test_several_identifications_go_in_one_request(platform: Any, make_client: Callable[..., Client]) -> None:
    """What waited while the platform was away is sent together."""
    platform.stop()
    client = make_client()
    for number in range(5):
        client.identify(f"anon:w{number}", f"cust:{number}")
    platform.start()
    wait_for(lambda: client.stats().waiting == 0)

    assert platform.count("/v1/identify/batch") == 1
    assert platform.count("/v1/identify") == 0


def test_an_older_platform_gets_them_one_by_one(platform: Any, make_client: Callable[..., Client]) -> None:
    """A server without the batch refuses it once."""
    platform.answers["/v1/identify/batch"] = lambda: (404, {}, b'{"code": "not_found"}')
    platform.stop()
    client = make_client()
    for number in range(3):
        client.identify(f"anon:w{number}", f"cust:{number}")
    platform.start()
    wait_for(lambda: client.stats().waiting == 0)

    assert (platform.count("/v1/identify/batch"), platform.count("/v1/identify")) == (1, 3)
    assert client.stats().refused == 0


def test_identify_does_not_wait_for_events(platform: Any, make_client: Callable[..., Client]) -> None:
    """Its answer is all it waits for, however slowly the events go."""
    gate = threading.Event()

    def store_slowly() -> tuple[int, dict[str, str], bytes]:
        gate.wait(60)
        return 202, {}, b'{"accepted": 0, "duplicates": 0, "refused": []}'

    client = make_client(flush_seconds=60)
    client.track("visit", "anon:w1")
    platform.answers["/v1/events"] = store_slowly
    began = time.monotonic()

    assert client.identify("anon:w1", "cust:1", wait=40)
    assert time.monotonic() - began < 20
    gate.set()


def test_an_identity_token_names_the_person(platform: Any, make_client: Callable[..., Client]) -> None:
    """A page hands it to an app, which needs no cookie."""
    client = make_client()
    client.refresh()
    token = client.make_identity_token("cust:7")
    platform.pins = {"e": other_variant(client.decide("e", "cust:7").variant)}

    assert client.identify("anon:app", identity_token=token, channel="app", wait=30)
    assert client.decide("e", "cust:7").variant == platform.pins["e"]
    assert not client.identify("anon:app", identity_token="forged")
    platform.stop()
    assert client.make_identity_token("cust:7", timeout=0.1) is None


def test_a_public_key_reports_a_join(platform: Any) -> None:
    """It may say who is who, but gets nobody's pins."""
    client = Client(platform.url, "abc_test", **QUICK)
    client.refresh()
    seen = client.decide("e", "anon:w1")
    client.expose(seen)
    assert client.identify("anon:w1", "cust:7", ts="2026-01-01T00:00:00Z", wait=30)
    (alias,) = [event for event in platform.stored.values() if event["kind"] == "alias"]

    assert (alias["a"], alias["b"], alias["ts"]) == ("anon:w1", "cust:7", "2026-01-01T00:00:00Z")
    assert client.decide("e", "cust:7").variant == seen.variant
    assert platform.count("/v1/identify") == 0
    assert client.close(30) == 0


def test_a_join_that_is_refused_with_a_public_key_stays_a_fact(platform: Any) -> None:
    """The token has expired on the way."""
    platform.answers["/v1/identify"] = lambda: (
        422,
        {},
        b'{"code": "invalid_input", "detail": "has expired"}',
    )
    client = Client(platform.url, "abc_test", **QUICK)
    client.identify("anon:w1", identity_token="abi1.AAFrSdIAY3VzdDo3.AAAAAAAAAAAAAAAAAAAAAA", wait=30)
    assert client.close(30) == 0

    assert [(event["a"], event["b"]) for event in platform.stored.values()] == [("anon:w1", "cust:7")]
    assert client.stats().refused == 1


def test_what_was_seen_outlives_the_process(platform: Any, tmp_path: Path) -> None:
    """A kiosk restarts between the visit and the log-in."""
    queue = tmp_path / "queue.sqlite3"
    first = Client(platform.url, "abs_test", queue_path=queue, bootstrap=platform.config, **QUICK)
    anonymous, known = find_units(first)
    seen = first.decide("e", anonymous)
    first.expose(seen)
    first.close()
    second = Client(platform.url, "abs_test", queue_path=queue, bootstrap=platform.config, **QUICK)
    platform.pins = {"e": other_variant(seen.variant)}
    second.identify(anonymous, known, wait=30)

    assert second.decide("e", known).variant == seen.variant
    second.close()


def test_a_slow_platform_slows_nobody(make_client: Callable[..., Client], platform: Any) -> None:
    """An answer that takes for ever blocks neither decisions nor events, and close keeps its time."""
    release = threading.Event()

    def stall() -> Any:
        release.wait(60)

    platform.answers = {"/sdk/v1/config": stall, "/v1/events": stall}
    client = make_client(poll_seconds=0.05, timeout=40.0, bootstrap=platform.config)
    client.track("visit", "cust:1")
    time.sleep(0.1)
    started = time.perf_counter()
    for number in range(100):
        client.decide("e", f"cust:{number}")
        client.track("visit", "cust:1")
    elapsed = time.perf_counter() - started

    assert elapsed < 20
    started = time.perf_counter()
    assert client.close(0.3) == 101
    assert time.perf_counter() - started < 20
    release.set()


def test_threads_share_a_client(platform: Any, make_client: Callable[..., Client]) -> None:
    """Eight threads record at once; everything arrives once."""
    client = make_client()

    def record(number: int) -> None:
        for turn in range(200):
            client.track("visit", f"cust:{number}", value=turn)

    threads = [threading.Thread(target=record, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert client.flush(30) == 0
    assert len(platform.stored) == 1_600
    assert client.stats().accepted == 1_600


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program that uses the SDK."""
    package = str(Path(__file__).parents[1])
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": package}
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environment, check=False)


def test_close_counts_what_is_unsent() -> None:
    """A program that ends offline is told how much it loses, in the time it gave."""
    with socket.socket() as listener:  # accepts, and never answers
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        done = run(
            "import sys, time; from abplat_sdk import Client\n"
            "client = Client(sys.argv[1], 'k')\n"
            "[client.track('visit', 'cust:1') for _ in range(7)]\n"
            "start = time.monotonic(); print(client.close(1), time.monotonic() - start < 8)\n",
            f"http://127.0.0.1:{listener.getsockname()[1]}",
        )

    assert done.stdout.split() == ["7", "True"], done.stderr


def test_an_exit_without_close_still_delivers(platform: Any) -> None:
    """Who forgets to close loses nothing while the platform is there."""
    script = "import sys; from abplat_sdk import Client; Client(sys.argv[1], 'k', flush_seconds=60).track('a', 'cust:1')"
    done = run(script, platform.url)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(platform.stored) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("is_durable", [False, True], ids=["memory", "file"])
def test_a_fork_sends_what_is_its_own(platform: Any, tmp_path: Path, *, is_durable: bool) -> None:
    """Parent and children record and decide; every event arrives once, and nobody hangs."""
    script = """
import os, sys
from abplat_sdk import Client, __version__
client = Client(sys.argv[1], "k", flush_seconds=0.05, poll_seconds=0.1, queue_path=sys.argv[2] or None)
client.refresh()
client.track("before", "cust:1")
children = []
for number in range(3):
    pid = os.fork()
    if pid == 0:
        reason = client.decide("e", "cust:1").reason
        client.track("child", "cust:1")
        unsent = client.close(30)
        os._exit(0 if (reason, unsent) == ("split", 0) else 1)
    children.append(pid)
client.track("after", "cust:1")
codes = [os.waitpid(pid, 0)[1] for pid in children]
print(client.close(30), codes)
"""
    done = run(script, platform.url, tmp_path / "queue.sqlite3" if is_durable else "")
    names = sorted(event["name"] for event in platform.stored.values())

    assert done.stdout.strip() == "0 [0, 0, 0]", done.stderr
    assert names == ["after", "before", "child", "child", "child"]


def test_the_sdk_needs_only_the_standard_library() -> None:
    """Importing everything loads nothing from elsewhere, and deciding alone loads no network code."""
    listing = "print(sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    done = run(f"import sys; before = set(sys.modules); import abplat_sdk.client; {listing}")
    assert set(json.loads(done.stdout.replace("'", '"'))) <= {
        "__main__",
        "abplat_sdk",
        "_distutils_hack",
        "sitecustomize",
    }

    done = run("import sys, abplat_sdk; print('http.client' in sys.modules, 'ssl' in sys.modules)")
    assert done.stdout.split() == ["False", "False"]


def test_the_worked_example_of_the_readme_works(platform: Any, tmp_path: Path) -> None:
    """What the README shows can be run as it stands, but for address and path."""
    text = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
    example = text.split("```python\n")[1].split("```")[0]
    script = example.replace("https://abplat.example.com", platform.url).replace(
        "/var/cache/shop", str(tmp_path)
    )
    platform.config = make_config(key="shorter-form")
    found: dict[str, Any] = {}
    exec(script, found)

    assert found["unsent"] == 0
    assert {event["kind"] for event in platform.stored.values()} == {"exposure", "touchpoint"}
    assert (tmp_path / "abplat.json").exists()


def make_config(**fields: Any) -> dict[str, Any]:
    """Describe a configuration of one experiment."""
    variants = [{"key": "control", "bound": 5_000, "payloads": {}}, {"key": "treatment", "bound": 10_000}]
    base = {
        "salt": "9f2c1a07",
        "hash_version": 1,
        "unit_type": "cust",
        "state": "running",
        "included": 10_000,
    }
    experiment = {**base, "control": "control", "variants": variants, **fields}
    return {"schema_version": 1, "version": "1", "project": "shop", "experiments": [experiment]}
