"""Whatever a person does, nobody sees another variant than before on the same device.

A machine of devices, visitors and customers drives the SDK's own memory and the services on a real database.
Two promises are checked after every step: on a device, a person keeps the variant that was seen there first;
on every other device, and at the server, the earliest one of the joined ids holds from the moment of joining.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from abplat_sdk.buffer import MemoryBuffer
from abplat_sdk.evaluator import compile_config
from abplat_sdk.sightings import Sightings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from sqlalchemy import Engine

from abplat.clock import parse_instant, to_micros
from abplat.db.engine import writing
from abplat.db.queries import identities as identity_queries
from abplat.db.queries.assignments import Pin
from abplat.domain.components import Join
from abplat.domain.identities import Identification
from abplat.facts.rows import ExposureRow
from abplat.facts.sightings import keep_sightings, select_sightings
from abplat.services import catalogue, components, ledger
from abplat.services.platform import Platform
from tests.conftest import NOW, make_catalogue

EXPERIMENTS = ("e1", "e2")
CUSTOMERS = [f"cust:{number}" for number in range(1, 4)]
CONFIGURATION = {
    "schema_version": 1, "version": "1", "project": "shop", "segments": {},
    "experiments": [
        {
            "key": key, "salt": f"9f2c1a0{key}", "hash_version": 1, "unit_type": "cust", "state": "running",
            "layer": None, "holdouts": [], "included": 10_000, "control": "control", "targeting": None,
            "variants": [{"key": "control", "bound": 5_000, "payloads": {}},
                         {"key": "treatment", "bound": 10_000, "payloads": {}}],
            "overrides": {},
        }
        for key in EXPERIMENTS
    ],
}  # fmt: skip
EVALUATOR = compile_config(CONFIGURATION)
devices = st.integers(0, 1)
people = st.sampled_from(CUSTOMERS)


class Device:
    """A browser, an app or a kiosk with the SDK in it."""

    def __init__(self, names: Iterator[int]) -> None:
        """Start without a past."""
        self.names = names
        self.sightings = Sightings(MemoryBuffer())
        self.first: dict[tuple[str, str], tuple[int, str]] = {}
        """What each unit has seen first here, and in which order, by unit and experiment: the promise."""
        self.log_out()

    def log_out(self) -> None:
        """Rotate the anonymous id, as the rules ask."""
        self.anonymous, self.known = f"anon:w{next(self.names)}", None

    @property
    def unit(self) -> str:
        """Who uses the device, as far as it knows."""
        return self.known or self.anonymous

    def decide(self, key: str) -> Any:
        """Decide as the client does."""
        return EVALUATOR.decide(key, self.unit, None, self.sightings.pins.get(self.unit, {}).get(key))


class People(RuleBasedStateMachine):
    """Everything that can happen between customers, devices and operators."""

    engine: Engine

    @initialize()
    def open_shop(self) -> None:
        """Begin a transaction that is never committed."""
        self.connection = writing(self.engine).connect()
        self.transaction = self.connection.begin()
        names = itertools.count(1)
        self.devices = [Device(names) for _ in range(2)]
        self.joins: list[tuple[str, str]] = []
        self.merges: set[tuple[str, str]] = set()
        self.records: list[tuple[int, str, str, str]] = []
        self.uncertain: set[str] = set()
        self.events = itertools.count()

    def teardown(self) -> None:
        """Forget everything."""
        if hasattr(self, "transaction"):
            self.transaction.rollback()
            self.connection.close()

    @rule(device=devices)
    def visit(self, device: int) -> None:
        """Show what both experiments say."""
        for key in EXPERIMENTS:
            self.show(self.devices[device], key)

    @rule(device=devices)
    def come_again(self, device: int) -> None:
        """Visits are more frequent than anything else."""
        self.visit(device)

    @rule(device=devices, who=people)
    def come_and_log_in(self, device: int, who: str) -> None:
        """See something as a stranger, then say who it was."""
        self.log_out(device)
        self.visit(device)
        self.log_in(device, who)

    def show(self, where: Device, key: str) -> None:
        """Show a variant, and keep the promise."""
        made = where.decide(key)
        _, promised = where.first.setdefault((where.unit, key), (next(self.events), made.variant))
        assert made.variant == promised
        where.sightings.saw(where.unit, key, made.variant)
        now = self.now()
        row = ExposureRow(
            f"x{next(self.events)}", where.unit, key, made.variant, to_micros(now), reason=made.reason
        )
        keep_sightings(self.connection, "shop", select_sightings([row], is_public=False))
        self.note(to_micros(now), where.unit, key, made.variant)

    @rule(device=devices, who=people)
    def log_in(self, device: int, who: str) -> None:
        """Turn out to be a customer; perhaps another one than before, without a log-out."""
        where = self.devices[device]
        shown, shown_at = where.sightings.link(where.anonymous, who)
        at = self.now()
        said = Identification(
            id="x", anonymous=where.anonymous, known=who, at=at, assignments=shown,
            assigned_at={key: parse_instant(text) for key, text in shown_at.items()},
        )  # fmt: skip
        answer = ledger.identify(self.connection, "shop", said, at)
        where.sightings.inherit(who, answer.pins)
        self.joins.append((where.anonymous, who))
        before, where.known = where.anonymous, who
        self.inherit(where, before)
        for key in EXPERIMENTS:
            self.check_decision(where, key)

    @rule(device=devices)
    def log_out(self, device: int) -> None:
        """Leave."""
        self.devices[device].log_out()

    @rule(device=devices)
    def change_device(self, device: int) -> None:
        """Throw a device away and take a new one."""
        self.devices[device] = Device(self.devices[device].names)

    @rule(who=people)
    def call(self, who: str) -> None:
        """Be served by a channel without an SDK."""
        for key in EXPERIMENTS:
            self.serve(who, key)

    def serve(self, who: str, key: str) -> None:
        """Let the server decide by its ledger, and keep the promise."""
        held = ledger.look_up(self.connection, "shop", (who,))
        unit, now = held.standing.unit, self.now()
        made = EVALUATOR.decide(key, unit, None, held.pins.get(key))
        earliest = self.earliest(who, key)
        if earliest is not None and who not in self.uncertain:
            assert made.variant == earliest
        kept = ledger.assign(self.connection, "shop", (who,), {key: Pin(made.variant, now)})
        assert kept.pins[key] == made.variant
        if key not in held.pins:
            self.note(to_micros(now), unit, key, made.variant)

    @rule(one=people, other=people)
    def merge(self, one: str, other: str) -> None:
        """Let two customers be one."""
        if one != other:
            self.lock()
            components.merge(self.connection, "shop", Join(one, other, self.now()))
            self.merges.add((one, other))

    @rule(one=people, other=people)
    def split(self, one: str, other: str) -> None:
        """Take it back; what each has inherited meanwhile is not for this model to know."""
        touched = self.person(one) | self.person(other)
        self.lock()
        if components.split(self.connection, "shop", Join(one, other, self.now())):
            self.merges -= {(one, other), (other, one)}
            self.uncertain |= touched

    def check_decision(self, where: Device, key: str) -> None:
        """Compare a decision for a customer with both promises."""
        who = where.known or ""
        made = where.decide(key)
        seen_here = where.first.get((who, key))
        if seen_here is not None:
            assert made.variant == seen_here[1]
        elif who not in self.uncertain and (earliest := self.earliest(who, key)) is not None:
            assert made.variant == earliest

    def inherit(self, where: Device, before: str) -> None:
        """Do in the model what a log-in does: here the first sighting counts, elsewhere the earliest record."""
        who = where.known or ""
        for key in EXPERIMENTS:
            seen = [where.first[unit, key] for unit in (who, before) if (unit, key) in where.first]
            if seen:
                where.first[who, key] = min(seen)
        if before in self.team(who):
            for key in EXPERIMENTS:
                found = self.found(who, key)
                if found:
                    self.records.append((found[0][0], who, key, found[0][2]))

    def person(self, who: str) -> set[str]:
        """Return the customers merged with one."""
        group = {who}
        for _ in CUSTOMERS:
            group |= {end for pair in self.merges if group & set(pair) for end in pair}
        return group

    def team(self, who: str) -> set[str]:
        """Return all ids of a person: shared ones belong to nobody."""
        group = self.person(who)
        owners: dict[str, set[str]] = {}
        for anonymous, known in self.joins:
            owners.setdefault(anonymous, set()).add(known)
        return group | {anonymous for anonymous, known in owners.items() if known <= group}

    def found(self, who: str, key: str) -> list[tuple[int, str, str]]:
        """Return what a person was assigned, the earliest first."""
        team = self.team(who)
        return sorted(
            (at, unit, variant) for at, unit, each, variant in self.records if each == key and unit in team
        )

    def earliest(self, who: str, key: str) -> str | None:
        """Return what holds for a person everywhere."""
        found = self.found(who, key)
        return found[0][2] if found else None

    def note(self, at_us: int, unit: str, key: str, variant: str) -> None:
        """Remember an assignment; nobody is assigned on a shared id."""
        owners = {known for anonymous, known in self.joins if anonymous == unit}
        if not owners or owners <= self.person(next(iter(owners))):
            self.records.append((at_us, unit, key, variant))

    def lock(self) -> None:
        """Do as the services do."""
        identity_queries.lock(self.connection, "shop")

    def now(self) -> datetime:
        """Return the present: the SDK reads the same clock."""
        return datetime.fromtimestamp(time.time(), UTC)


def test_nobody_sees_another_variant(platform: Platform) -> None:
    """Visits, log-ins, log-outs, new devices, calls, merges and splits in any order."""
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
    People.engine = platform.engine
    run_state_machine_as_test(
        People,
        settings=settings(
            max_examples=60, stateful_step_count=50, deadline=None, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
