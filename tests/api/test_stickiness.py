"""Over HTTP, too, nobody sees another variant than before on the same device.

The people of the services' machine, with the platform behind its routes: every decision is asked of
``POST /v1/decide``, which keeps the ledger, and devices hold what the Python SDK holds. Resets are among
what can happen: they alone draw anew.
"""

from __future__ import annotations

import itertools
from typing import Any

import hypothesis
from abplat_sdk.document import parse_config
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule, run_state_machine_as_test

from abplat.app import create_app
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.services import catalogue, experiments, keys
from abplat.services.experiments import Moment
from abplat.services.platform import Platform
from tests.conftest import make_catalogue, make_experiment
from tests.services.test_stickiness import EXPERIMENTS, Device, People, people

BOUNDED = hypothesis.settings(
    max_examples=12, stateful_step_count=20, deadline=None, database=None, derandomize=True,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip


class PeopleOverHttp(People):
    """Everything that can happen, through the routes."""

    app: Flask
    numbers = itertools.count(1)

    @initialize()
    def open_shop(self) -> None:
        """Begin with a project of its own, whose experiments run."""
        self.project = f"shop{next(self.numbers)}"
        document = make_catalogue(experiments=[make_experiment(key=key) for key in EXPERIMENTS])
        document["project"] = {**document["project"], "key": self.project}
        platform: Platform = self.app.extensions["abplat"]
        now = self.now()
        with platform.writers.begin() as session:
            catalogue.apply(session, document, now=now)
            for key in EXPERIMENTS:
                experiments.start(session, self.project, key, Moment(now))
            tokens = {
                kind: keys.create(session, self.project, kind, now=now).token for kind in ("server", "admin")
            }
        self.headers = {kind: {"Authorization": f"Bearer {token}"} for kind, token in tokens.items()}
        self.client: FlaskClient = self.app.test_client()
        names = itertools.count(1)
        self.devices = [self.follow(Device(names)) for _ in range(2)]
        self.joins: list[tuple[str, str]] = []
        self.merges: set[tuple[str, str]] = set()
        self.records: list[tuple[int, str, str, str]] = []
        self.uncertain: set[str] = set()
        self.events = itertools.count()

    def teardown(self) -> None:
        """Leave the project behind: the next example has another."""

    def post(self, path: str, document: Any, kind: str = "server") -> Any:
        """Post a document."""
        return self.client.post(path, json=document, headers=self.headers[kind])

    def follow(self, device: Device) -> Device:
        """Let a device look at the configuration, as the SDK does before it uses one."""
        found = self.client.get("/sdk/v1/config", headers=self.headers["server"])
        device.sightings.follow(parse_config(found.json).experiments)
        return device

    def ask(self, unit: str, key: str, **fields: Any) -> Any:
        """Ask for a decision, which the ledger keeps."""
        answer = self.post("/v1/decide", {"unit": unit, "keys": [key], **fields})
        assert answer.status_code == 200, answer.text
        return answer.json["decisions"][key]

    def show(self, where: Device, key: str) -> None:
        """Show a variant, and keep the promise."""
        made = self.ask(where.unit, key, pins=dict(where.sightings.pins.get(where.unit, {})))
        _, promised = where.first.setdefault((where.unit, key), (next(self.events), made["variant"]))
        assert made["in_experiment"]
        assert made["variant"] == promised
        where.sightings.saw(where.unit, key, made["variant"], made["phase"])
        if not self.found(where.unit, key):
            self.note(to_micros(self.now()), where.unit, key, made["variant"])

    @rule(device=st.integers(0, 1), who=people)
    def log_in(self, device: int, who: str) -> None:
        """Turn out to be a customer; what the device has shown is told."""
        where = self.devices[device]
        shown, shown_at = where.sightings.link(where.anonymous, who)
        phases = {key: where.sightings.phases[key] for key in shown}
        said = {"anonymous": where.anonymous, "known": who, "assignments": shown, "assigned_at": shown_at}
        answer = self.post("/v1/identify", {**said, "phases": phases})
        assert answer.status_code == 200, answer.text
        where.sightings.inherit(who, answer.json["pins"])
        self.joins.append((where.anonymous, who))
        before, where.known = where.anonymous, who
        self.inherit(where, before)
        for key in EXPERIMENTS:
            self.check_decision(where, key)

    def check_decision(self, where: Device, key: str) -> None:
        """Hold what a customer is shown here against both promises."""
        who = where.known or ""
        earliest = self.earliest(who, key)
        if (who, key) not in where.first and earliest is not None and who not in self.uncertain:
            where.first[who, key] = (next(self.events), earliest)
        self.show(where, key)

    @rule(device=st.integers(0, 1))
    def change_device(self, device: int) -> None:
        """Throw a device away and take a new one."""
        self.devices[device] = self.follow(Device(self.devices[device].names))

    def serve(self, who: str, key: str) -> None:
        """Let a channel without an SDK decide by the ledger alone."""
        earliest = self.earliest(who, key)
        made = self.ask(who, key)
        if earliest is not None and who not in self.uncertain:
            assert made["variant"] == earliest
        assert self.ask(who, key)["variant"] == made["variant"]
        if earliest is None:
            self.note(to_micros(self.now()), who, key, made["variant"])

    @rule(one=people, other=people)
    def merge(self, one: str, other: str) -> None:
        """Let two customers be one."""
        body = {"id": one, "into": other, "reason": "same person"}
        if one != other and self.post("/v1/identities/merge", body, "admin").status_code == 200:
            self.merges.add((one, other))

    @precondition(lambda self: self.merges)
    @rule(one=people, other=people)
    def split(self, one: str, other: str) -> None:
        """Take it back; what each has inherited meanwhile is not for this model to know."""
        touched = self.person(one) | self.person(other)
        body = {"id": one, "from": other, "reason": "a mistake"}
        if one != other and self.post("/v1/identities/split", body, "admin").status_code == 200:
            self.merges -= {(one, other), (other, one)}
            self.uncertain |= touched

    @rule(key=st.sampled_from(EXPERIMENTS))
    def reset(self, key: str) -> None:
        """Draw everybody anew in one experiment; the other keeps its promises."""
        answer = self.post(f"/v1/experiments/{key}/phases", {"reset": True, "reason": "a bug"}, "admin")
        assert answer.status_code in (200, 201), answer.text
        self.records = [record for record in self.records if record[2] != key]
        for device in self.devices:
            device.first = {named: seen for named, seen in device.first.items() if named[1] != key}
            self.follow(device)


def test_nobody_sees_another_variant_over_http(settings: Settings) -> None:
    """Visits, log-ins, log-outs, new devices, calls, merges, splits and resets in any order."""
    app = create_app(settings)
    PeopleOverHttp.app = app
    try:
        run_state_machine_as_test(PeopleOverHttp, settings=BOUNDED)
    finally:
        app.extensions["abplat"].close()
