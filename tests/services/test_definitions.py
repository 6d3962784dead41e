"""Definitions: written whole, versioned, audited, and never half."""

from __future__ import annotations

import threading
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from abplat.db.models.audit import AuditEntry
from abplat.errors import (
    ConflictError,
    DuplicateKeyError,
    IllegalTransitionError,
    InvalidInputError,
    LayerFullError,
    NotFoundError,
    StaleVersionError,
)
from abplat.services import (
    audit,
    catalogue,
    channels,
    experiments,
    journeys,
    layers,
    metrics,
    plans,
    projects,
)
from abplat.services.configuration import build_configuration
from abplat.services.experiments import Moment
from abplat.services.platform import Platform
from tests.conftest import NOW, make_catalogue, make_experiment, make_journey, make_metric


@pytest.fixture(autouse=True)
def _shop(session: Session) -> None:
    """Start with a project that has everything."""
    audit.act_as(session, "key:test")
    catalogue.apply(session, make_catalogue(), now=NOW)


def test_a_key_is_used_once_per_project(session: Session) -> None:
    """The database refuses the second one."""
    with pytest.raises(DuplicateKeyError):
        channels.create(session, "shop", {"key": "web", "title": "Web"}, now=NOW)


def test_two_projects_may_use_one_key(session: Session) -> None:
    """Keys are unique per project only."""
    projects.create(session, {"key": "other", "title": "Other"}, now=NOW)

    assert channels.create(session, "other", {"key": "web", "title": "W"}, now=NOW)["revision"] == 1
    assert channels.get(session, "shop", "web")["title"] == "Web"


def test_an_old_revision_is_refused(session: Session) -> None:
    """Nobody overwrites a change that they have not seen."""
    channels.update(session, "shop", "web", {"title": "Site"}, now=NOW, revision=1)

    with pytest.raises(StaleVersionError):
        channels.update(session, "shop", "web", {"title": "Shop"}, now=NOW, revision=1)


def test_two_sessions_cannot_both_change_one_row(platform: Platform, session: Session) -> None:
    """The version is compared by the database, so a race has one winner."""
    session.commit()
    first, second = platform.sessions(), platform.sessions()
    with first, second:
        channels.get(first, "shop", "web")
        channels.get(second, "shop", "web")
        first.rollback()
        channels.update(first, "shop", "web", {"title": "A"}, now=NOW)
        first.commit()

        # SQLite refuses a late writer itself; PostgreSQL lets the version decide.
        with pytest.raises((StaleVersionError, OperationalError)):
            channels.update(second, "shop", "web", {"title": "B"}, now=NOW, revision=1)


def test_a_measured_field_makes_a_new_version_of_a_journey(session: Session) -> None:
    """A title does not change what is measured, a window does; old versions stay."""
    journeys.update(session, "shop", "buy", {"title": "Buy"}, now=NOW)
    same = journeys.get(session, "shop", "buy")["version"]
    changed = journeys.update(session, "shop", "buy", {"window": "9d"}, now=NOW)["version"]

    assert (same, changed) == (1, 2)
    assert [each["window"] for each in journeys.list_versions(session, "shop", "buy")] == ["7d", "9d"]


def test_a_running_experiment_keeps_its_journey(session: Session) -> None:
    """The plan is frozen at the start, and so is its hash."""
    started = experiments.start(session, "shop", "shorter-form", Moment(NOW))
    journeys.update(session, "shop", "buy", {"window": "9d"}, now=NOW)

    plan = experiments.get_plan(session, "shop", "shorter-form")
    assert (plan["journey"]["version"], plan["journey"]["document"]["window"]) == (1, "7d")
    assert experiments.hash_plan(plan) == started["plan_hash"]


def test_what_is_in_use_cannot_be_broken(session: Session) -> None:
    """A stage that a metric counts cannot be taken away, a journey in use not archived."""
    metrics.create(session, "shop", make_metric(key="quoted", kind="reach", stage="quote"), now=NOW)
    fewer = [stage for stage in make_journey()["stages"] if stage["key"] != "quote"]

    with pytest.raises(ConflictError, match="quote"):
        journeys.update(session, "shop", "buy", {"stages": fewer}, now=NOW)
    with pytest.raises(ConflictError, match="in use"):
        journeys.archive(session, "shop", "buy", now=NOW)


def test_an_archived_definition_is_hidden_and_frozen(session: Session) -> None:
    """It stays readable, but takes part in nothing."""
    layers.archive(session, "shop", "checkout", now=NOW)

    assert layers.list_(session, "shop").items == []
    assert layers.get(session, "shop", "checkout")["archived_at"] == NOW
    with pytest.raises(ConflictError, match="archived"):
        layers.update(session, "shop", "checkout", {"title": "x"}, now=NOW)
    with pytest.raises(InvalidInputError, match="layer"):
        experiments.create(session, "shop", make_experiment(key="e", layer="checkout"), now=NOW)


def test_the_life_of_an_experiment(session: Session) -> None:
    """Draft, running, stopped; nothing twice, nothing back."""
    assert experiments.start(session, "shop", "shorter-form", Moment(NOW))["state"] == "running"
    with pytest.raises(IllegalTransitionError):
        experiments.start(session, "shop", "shorter-form", Moment(NOW))
    other = [{"key": "control", "weight": 1}, {"key": "treatment", "weight": 9999}]
    with pytest.raises(ConflictError, match="variants"):
        experiments.update(session, "shop", "shorter-form", {"variants": other}, now=NOW)
    experiments.update(session, "shop", "shorter-form", {"title": "New title"}, now=NOW)
    with pytest.raises(ConflictError, match="running"):
        experiments.archive(session, "shop", "shorter-form", now=NOW)

    assert experiments.stop(session, "shop", "shorter-form", Moment(NOW))["stopped_at"] == NOW
    with pytest.raises(IllegalTransitionError):
        experiments.start(session, "shop", "shorter-form", Moment(NOW))


def test_overlapping_slots_do_not_run_together(session: Session) -> None:
    """A slot is free again when its experiment has stopped."""
    for key, slot in (("a", [0, 6000]), ("b", [5000, 10_000])):
        experiments.create(session, "shop", make_experiment(key=key, layer="checkout", slot=slot), now=NOW)
    experiments.start(session, "shop", "a", Moment(NOW))
    with pytest.raises(LayerFullError, match="a"):
        experiments.start(session, "shop", "b", Moment(NOW))
    experiments.stop(session, "shop", "a", Moment(NOW))

    assert experiments.start(session, "shop", "b", Moment(NOW))["state"] == "running"


def test_of_two_starts_at_once_one_finds_the_slot_taken(platform: Platform, session: Session) -> None:
    """The layer is locked while a slot is looked for."""
    for key in ("a", "b"):
        experiments.create(session, "shop", make_experiment(key=key, layer="checkout"), now=NOW)
    session.commit()
    outcomes: list[str] = []

    def start(key: str) -> None:
        """Start one experiment."""
        try:
            with platform.writers.begin() as own:
                experiments.start(own, "shop", key, Moment(NOW))
            outcomes.append("started")
        except LayerFullError:
            outcomes.append("full")

    threads = [threading.Thread(target=start, args=(key,)) for key in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["full", "started"]


def test_every_write_is_audited(session: Session) -> None:
    """Who, what, before and after."""
    channels.update(session, "shop", "web", {"title": "Site"}, now=NOW)
    entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()

    assert entry is not None
    assert (entry.actor, entry.verb, entry.noun, entry.key) == ("key:test", "update", "channels", "web")
    assert (entry.before["title"], entry.after["title"]) == ("Web", "Site")


def test_null_takes_a_field_back_to_its_default(session: Session) -> None:
    """PATCH with null is how a field is emptied."""
    experiments.update(session, "shop", "shorter-form", {"included": 10, "alpha": 0.1}, now=NOW)
    changed = experiments.update(session, "shop", "shorter-form", {"included": None}, now=NOW)

    assert (changed["included"], changed["alpha"]) == (10_000, 0.1)


def test_pages_follow_the_order_of_keys(session: Session) -> None:
    """The key after which a page ends starts the next one."""
    for number in range(5):
        channels.create(session, "shop", {"key": f"c{number}", "title": "C"}, now=NOW)
    first = channels.list_(session, "shop", limit=4)
    second = channels.list_(session, "shop", after=first.next_key or "", limit=4)

    assert [each["key"] for each in first.items + second.items] == ["c0", "c1", "c2", "c3", "c4", "web"]
    assert second.next_key is None


def test_an_export_applies_as_unchanged(session: Session) -> None:
    """What export writes is what apply reads, also with a running experiment."""
    experiments.start(session, "shop", "shorter-form", Moment(NOW))
    planned = catalogue.plan(session, catalogue.export(session, "shop"))

    assert {change.action for change in planned.changes} == {"unchanged"}


def test_a_plan_shows_the_fields_that_differ(session: Session) -> None:
    """And writes nothing."""
    document = make_catalogue(layers=[{"key": "checkout", "title": "Till"}, {"key": "new", "title": "New"}])
    planned = catalogue.plan(session, document)

    changes = {(each.action, each.key): each.fields for each in planned.changes if each.action != "unchanged"}
    assert changes == {("update", "checkout"): {"title": ("Checkout", "Till")}, ("create", "new"): {}}
    assert layers.get(session, "shop", "checkout")["title"] == "Checkout"


@pytest.mark.parametrize(
    "broken",
    [
        {"experiments": [make_experiment(metrics=[{"metric": "gone", "role": "primary"}])]},
        {"metrics": [make_metric(kind="nonsense")]},
    ],
)
def test_a_faulty_document_writes_nothing(
    platform: Platform, session: Session, broken: dict[str, Any]
) -> None:
    """All or nothing."""
    session.rollback()
    document = make_catalogue("fresh", **broken)
    with pytest.raises(InvalidInputError), platform.writers.begin() as own:
        catalogue.apply(own, document, now=NOW)

    with platform.sessions() as own, pytest.raises(NotFoundError):
        projects.get(own, "fresh")


def test_the_configuration_holds_started_experiments_only(session: Session) -> None:
    """Drafts are nobody's business; the version changes with the state."""
    before = build_configuration(session, "shop")
    experiments.start(session, "shop", "shorter-form", Moment(NOW))
    running = build_configuration(session, "shop")
    experiments.stop(session, "shop", "shorter-form", Moment(NOW))
    stopped = build_configuration(session, "shop")

    assert before["experiments"] == []
    assert [variant["bound"] for variant in running["experiments"][0]["variants"]] == [5000, 10_000]
    assert (running["experiments"][0]["state"], stopped["experiments"][0]["state"]) == ("running", "stopped")
    assert len({before["version"], running["version"], stopped["version"]}) == 3


def test_the_secret_of_a_plan_is_served_to_nobody(session: Session) -> None:
    """It makes codes of ids in reports, is frozen with the plan, and stands in no hash."""
    experiments.start(session, "shop", "shorter-form", Moment(NOW))
    plan = experiments.get_plan(session, "shop", "shorter-form")
    served = [document for _, document in plans.list_plans(session, "shop")]
    told = msgspec.json.encode([experiments.get(session, "shop", "shorter-form"), served], enc_hook=str)

    assert len(plan["mask"]) == 32
    assert plan["mask"].encode() not in told
