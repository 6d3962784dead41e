"""A reset of an experiment draws everybody anew: a device forgets what it has shown before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from abplat_sdk import Client
from abplat_sdk.buffer import DiskBuffer, MemoryBuffer
from abplat_sdk.document import Experiment, parse_config
from abplat_sdk.sightings import Sightings


def make_config(version: str = "1", **fields: Any) -> dict[str, Any]:
    """Describe a configuration of one experiment."""
    variants = [{"key": "control", "bound": 5_000}, {"key": "treatment", "bound": 10_000}]
    experiment = {
        "key": "e", "salt": "a1", "hash_version": 1, "unit_type": "cust", "state": "running", "included": 10_000,
        "control": "control", "variants": variants, **fields,
    }  # fmt: skip
    return {"schema_version": 1, "version": version, "project": "shop", "experiments": [experiment]}


def draw(salt: str, phase: int | None) -> tuple[Experiment, ...]:
    """Return the experiments of a configuration."""
    return parse_config(make_config(salt=salt, **({} if phase is None else {"phase": phase}))).experiments


def test_a_new_salt_ends_what_was_seen_and_pinned() -> None:
    """The same salt in a later phase ends nothing."""
    sightings = Sightings(MemoryBuffer())
    sightings.follow(draw("a1", 1))
    sightings.saw("anon:1", "e", "treatment", 1)
    sightings.inherit("cust:1", {"e": "treatment", "other": "control"})
    sightings.follow(draw("a1", 2))
    assert sightings.pins == {"cust:1": {"e": "treatment", "other": "control"}}
    sightings.follow(draw("b2", 3))

    assert sightings.pins == {"cust:1": {"other": "control"}}
    assert sightings.link("anon:1", "cust:1") == ({}, {})
    assert sightings.phases == {"e": 3}


def test_what_the_old_configuration_decided_is_not_remembered() -> None:
    """Another thread may have decided just before the swap."""
    sightings = Sightings(MemoryBuffer())
    sightings.follow(draw("a1", 1))
    sightings.follow(draw("b2", 2))
    sightings.saw("anon:1", "e", "treatment", 1)
    sightings.saw("anon:2", "e", "control", 2)

    assert sightings.link("anon:1", "cust:1")[0] == {}
    assert sightings.link("anon:2", "cust:1")[0] == {"e": "control"}


def test_an_older_document_forgets_nothing(tmp_path: Path) -> None:
    """A kiosk starts with the bootstrap it was shipped with, from before the reset."""
    path = tmp_path / "queue.sqlite3"
    first = Sightings(DiskBuffer(path))
    first.follow(draw("b2", 2))
    first.saw("anon:1", "e", "control", 2)
    second = Sightings(DiskBuffer(path))
    second.follow(draw("a1", 1))
    second.follow(draw("b2", 2))

    assert second.link("anon:1", "cust:1")[0] == {"e": "control"}


def test_a_reset_during_a_stop_is_noticed(tmp_path: Path) -> None:
    """What a file remembers of the draw before is let go of there, too."""
    path = tmp_path / "queue.sqlite3"
    first = Sightings(DiskBuffer(path))
    first.follow(draw("a1", 1))
    first.saw("anon:1", "e", "treatment", 1)
    first.link("anon:1", "cust:1")
    Sightings(DiskBuffer(path)).follow(draw("b2", 2))
    third = Sightings(DiskBuffer(path))

    assert third.pins.get("cust:1", {}) == {}
    assert third.link("anon:1", "cust:2")[0] == {}


def test_a_client_follows_a_reset(platform: Any) -> None:
    """The device is drawn anew, and says of which phase each exposure is."""
    platform.config = make_config("1", salt="a1", phase=1)
    client = Client(platform.url, "abs_test", poll_seconds=0, flush_seconds=0.02, timeout=5.0)
    assert client.refresh()
    client.expose(client.decide("e", "anon:1"))
    client.identify("anon:1", "cust:1", wait=10)
    assert client.decide("e", "cust:1").reason == "pinned"
    platform.config = make_config("2", salt="b2", phase=2)
    assert client.refresh()
    decision = client.decide("e", "cust:1")
    client.expose(decision)
    assert client.close(10) == 0

    assert (decision.reason, decision.phase) == ("split", 2)
    exposures = [event["phase"] for event in platform.stored.values() if event["kind"] == "exposure"]
    assert sorted(exposures) == [1, 2]
    said = next(json.loads(body) for _, path, _, body in platform.requests if path == "/v1/identify")
    assert said["phases"] == {"e": 1}
