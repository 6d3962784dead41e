"""The ledger: the earliest assignment holds everywhere, and nobody inherits from a shared device."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.orm import Session

from abplat.db.queries.assignments import Pin
from abplat.domain.identities import Identification
from abplat.errors import InvalidInputError, NotFoundError
from abplat.facts.rows import ExposureRow
from abplat.facts.sightings import keep_sightings, select_sightings
from abplat.services import catalogue, components, identities, ledger
from abplat.services.ledger import Identified
from tests.conftest import NOW, make_catalogue

HOUR = timedelta(hours=1)


@pytest.fixture(name="connection")
def _connection(session: Session) -> Connection:
    """Start with a project that has an experiment."""
    catalogue.apply(session, make_catalogue(), now=NOW)
    return session.connection()


def say(connection: Connection, anonymous: str, known: str, at: datetime = NOW, **pins: str) -> Identified:
    """Say at a log-in what a device has shown so far."""
    shown = {key.replace("_", "-"): variant for key, variant in pins.items()}
    said = Identification(id="x", anonymous=anonymous, known=known, at=at, assignments=shown)
    return ledger.identify(connection, "shop", said, at)


def pins_of(connection: Connection, *ids: str) -> dict[str, str]:
    """Return what holds for whoever has the ids."""
    return ledger.look_up(connection, "shop", ids).pins


def test_a_customer_keeps_what_was_seen_before_the_login(connection: Connection) -> None:
    """The anonymous assignment is inherited, and the record says from whom."""
    said = say(connection, "anon:1", "cust:1", shorter_form="treatment")
    entry = ledger.look_up(connection, "shop", ("cust:1",)).entries["shorter-form"]

    assert said == ("cust:1", {"shorter-form": "treatment"}, False, [], "joined")
    assert entry.pin.variant == "treatment"
    rows = connection.execute(text("SELECT unit, source, origin FROM assignments ORDER BY unit")).all()
    assert list(map(tuple, rows)) == [("anon:1", "fresh", None), ("cust:1", "inherited", "anon:1")]


def test_the_earliest_assignment_wins_and_the_conflict_is_kept(connection: Connection) -> None:
    """Two devices had met two variants: the first one holds, both records stay."""
    say(connection, "anon:1", "cust:1", shorter_form="treatment")
    said = say(connection, "anon:2", "cust:1", NOW + HOUR, shorter_form="control")
    (conflict,) = ledger.list_conflicts(connection, "shop", experiment=None, limit=9, before=None)

    assert (said.pins, said.conflicts) == ({"shorter-form": "treatment"}, ["shorter-form"])
    assert (conflict["unit"], conflict["variant"]) == ("anon:2", "control")
    assert conflict["kept_variant"] == "treatment"
    assert pins_of(connection, "anon:2") == {"shorter-form": "treatment"}


def test_a_late_report_of_an_earlier_assignment_wins(connection: Connection) -> None:
    """What counts is when it was shown, not when it was heard of."""
    say(connection, "anon:1", "cust:1", shorter_form="treatment")
    said = say(connection, "anon:2", "cust:1", NOW - HOUR, shorter_form="control")

    assert said.pins == {"shorter-form": "control"}


def test_when_it_was_shown_counts_and_not_the_login(connection: Connection) -> None:
    """A device that saw first and logs in last wins."""
    say(connection, "anon:1", "cust:1", shorter_form="treatment")
    later = Identification(
        id="y", anonymous="anon:2", known="cust:1", at=NOW + HOUR,
        assignments={"shorter-form": "control"}, assigned_at={"shorter-form": NOW - HOUR},
    )  # fmt: skip

    assert ledger.identify(connection, "shop", later, NOW + HOUR).pins == {"shorter-form": "control"}


def test_joins_reach_through_other_ids(connection: Connection) -> None:
    """A telephone number leads to the customer, and from there to every device."""
    say(connection, "anon:1", "cust:1", shorter_form="treatment")
    say(connection, "phone:1", "loyalty:1")
    said = say(connection, "loyalty:1", "cust:1", NOW + HOUR)

    assert said.pins == {"shorter-form": "treatment"}
    assert pins_of(connection, "phone:1") == {"shorter-form": "treatment"}
    assert components.look_up(connection, "shop", ("phone:1",)).unit == "cust:1"


def test_a_shared_tablet_passes_nothing_on(connection: Connection) -> None:
    """One customer's variants are not another's; the first one keeps what was seen."""
    say(connection, "device:till", "cust:1", shorter_form="treatment")
    said = say(connection, "device:till", "cust:2")
    third = say(connection, "device:till", "cust:3", shorter_form="control")

    assert (said.pins, said.shared, said.outcome) == ({}, True, "shared")
    assert (third.pins, third.shared) == ({}, True)
    assert components.look_up(connection, "shop", ("device:till",)).shared
    assert pins_of(connection, "device:till") == {}
    assert pins_of(connection, "cust:1") == {"shorter-form": "treatment"}


def test_an_id_that_becomes_shared_takes_others_with_it(connection: Connection) -> None:
    """What hung on the tablet alone is nobody's any more."""
    say(connection, "device:till", "cust:1")
    say(connection, "anon:9", "device:till", NOW + HOUR)
    assert components.look_up(connection, "shop", ("anon:9",)).unit == "cust:1"
    say(connection, "device:till", "cust:2", NOW + 2 * HOUR)

    assert components.look_up(connection, "shop", ("anon:9",)).unit == "anon:9"
    assert components.look_up(connection, "shop", ("cust:1",)).ids == ("cust:1",)


def test_two_customers_are_never_joined(connection: Connection) -> None:
    """Neither directly nor through a chain; the refusal is told and nothing is inherited."""
    assert say(connection, "cust:1", "cust:2").outcome == "refused"
    say(connection, "phone:1", "cust:1", shorter_form="treatment")
    say(connection, "email:1", "cust:2")
    said = say(connection, "phone:1", "email:1", NOW + HOUR)

    assert (said.outcome, said.unit, said.pins) == ("refused", "cust:2", {})


def test_limits_per_type_hold(connection: Connection) -> None:
    """A third loyalty card is flagged and not merged."""
    outcomes = [say(connection, f"loyalty:{n}", "cust:1", NOW + n * HOUR).outcome for n in range(1, 4)]

    assert outcomes == ["joined", "joined", "limited"]
    assert components.look_up(connection, "shop", ("loyalty:3",)).unit == "loyalty:3"


def test_fifty_anonymous_ids_in_thirty_days(connection: Connection) -> None:
    """Beyond that a device is flagged; a month later there is room again."""
    outcomes = {say(connection, f"anon:a{n}", "cust:1", NOW + n * HOUR).outcome for n in range(50)}
    beyond = say(connection, "anon:z1", "cust:1", NOW + 51 * HOUR).outcome
    next_month = say(connection, "anon:z2", "cust:1", NOW + timedelta(days=40)).outcome

    assert (outcomes, beyond, next_month) == ({"joined"}, "limited", "joined")


def test_a_join_said_again_changes_nothing(connection: Connection) -> None:
    """The first time counts."""
    first = say(connection, "anon:1", "cust:1", shorter_form="treatment")

    assert say(connection, "anon:1", "cust:1", NOW + HOUR) == first


def merge(session: Session, one: str, into: str) -> Any:
    """Merge as an operator."""
    return identities.merge(session, "shop", {"id": one, "into": into, "reason": "same person"}, now=NOW)


def split(session: Session, one: str, other: str) -> Any:
    """Split as an operator."""
    document = {"id": one, "from": other, "reason": "a mistake"}
    return identities.split(session, "shop", document, now=NOW)


def test_a_merge_can_be_taken_back(session: Session, connection: Connection) -> None:
    """The earlier of two customers is served while they are one, and each its own after the split."""
    say(connection, "anon:1", "cust:1", shorter_form="treatment")
    say(connection, "anon:2", "cust:2", NOW + HOUR, shorter_form="control")
    merged = merge(session, "cust:2", "cust:1")
    as_one = pins_of(connection, "anon:2")
    undone = split(session, "cust:2", "cust:1")

    assert (merged.changed, merged.unit, merged.conflicts) == (True, "cust:1", ["shorter-form"])
    assert merged.ids == ["anon:1", "anon:2", "cust:1", "cust:2"]
    assert as_one == {"shorter-form": "treatment"}
    assert undone.ids == ["anon:2", "cust:2"]
    assert pins_of(connection, "anon:2") == {"shorter-form": "control"}
    assert merge(session, "cust:2", "cust:1").ids == merged.ids


def test_merged_customers_share_a_device_as_one(session: Session, connection: Connection) -> None:
    """A device of both accounts of one person is not a shared one."""
    merge(session, "cust:2", "cust:1")
    say(connection, "anon:1", "cust:1")
    said = say(connection, "anon:1", "cust:2", NOW + HOUR)

    assert (said.shared, said.unit) == (False, "cust:1")


def test_a_merge_frees_the_device_that_both_shared(session: Session, connection: Connection) -> None:
    """Two accounts of one person on one device: once merged, it is one person's device."""
    say(connection, "anon:1", "cust:1")
    say(connection, "anon:1", "cust:2", NOW + HOUR)
    assert components.look_up(connection, "shop", ("anon:1",)).shared

    assert merge(session, "cust:2", "cust:1").ids == ["anon:1", "cust:1", "cust:2"]
    assert components.look_up(connection, "shop", ("anon:1",)).unit == "cust:1"


def test_a_split_join_stays_split(session: Session, connection: Connection) -> None:
    """A device that repeats what an operator has taken back does not win; the operator may."""
    say(connection, "anon:1", "cust:1")
    split(session, "cust:1", "anon:1")

    assert say(connection, "anon:1", "cust:1", NOW + HOUR).outcome == "retracted"
    assert components.look_up(connection, "shop", ("anon:1",)).unit == "anon:1"
    with pytest.raises(NotFoundError):
        split(session, "cust:1", "anon:9")
    assert merge(session, "anon:1", "cust:1").unit == "cust:1"


def test_a_split_gives_a_shared_device_back(session: Session, connection: Connection) -> None:
    """A mistaken log-in at a friend's is undone."""
    say(connection, "anon:1", "cust:1")
    say(connection, "anon:1", "cust:2")
    split(session, "anon:1", "cust:2")

    assert components.look_up(connection, "shop", ("anon:1",)).unit == "cust:1"


def test_operator_changes_are_audited_without_ids(session: Session, connection: Connection) -> None:
    """Who did it and why, under names that nobody can undo."""
    merge(session, "phone:+4930", "cust:1")
    session.flush()
    verb, key, after = session.execute(
        text("SELECT verb, key, after FROM audit WHERE noun = 'identities'")
    ).one()

    assert verb == "merge"
    assert len(key) == 32
    assert "+4930" not in key + after
    assert "same person" in after


def test_exposures_reach_the_ledger(connection: Connection) -> None:
    """A visitor seen by one process logs in at another, which has seen nothing."""
    shown = ExposureRow("e1", "anon:1", "shorter-form", "treatment", 1_000, reason="split")
    keep_sightings(connection, "shop", select_sightings([shown], is_public=True))

    assert say(connection, "anon:1", "cust:1").pins == {"shorter-form": "treatment"}


def test_an_exposure_of_a_group_is_the_assignment_of_the_group(connection: Connection) -> None:
    """A store was drawn: nothing was drawn for the customer who met it there."""
    shown = ExposureRow("e1", "cust:1", "shorter-form", "treatment", 1_000, reason="split", cluster="store:4")
    keep_sightings(connection, "shop", select_sightings([shown], is_public=False))

    assert ledger.look_up(connection, "shop", ("store:4",)).pins == {"shorter-form": "treatment"}
    assert ledger.look_up(connection, "shop", ("cust:1",)).pins == {}
    assert select_sightings([shown], is_public=True) == []


@pytest.mark.parametrize(
    ("row", "is_public"),
    [
        (ExposureRow("e", "cust:1", "shorter-form", "treatment", 1, reason="split"), True),
        (ExposureRow("e", "anon:1", "shorter-form", "treatment", 1, reason="override"), False),
        (ExposureRow("e", "anon:1", "x" * 65, "treatment", 1), False),
        (ExposureRow("e", "anon:null", "shorter-form", "treatment", 1), False),
    ],
    ids=["a customer by a public key", "an override", "no key", "nobody"],
)
def test_not_every_exposure_is_an_assignment(row: ExposureRow, is_public: bool) -> None:  # noqa: FBT001
    """Nobody chooses another's variant with a public key, and odd ones are passed over."""
    assert select_sightings([row], is_public=is_public) == []


def test_a_rival_assignment_holds(connection: Connection) -> None:
    """Of two servers that decide at once the first one is kept."""
    ledger.assign(connection, "shop", ("anon:1",), {"shorter-form": Pin("treatment", NOW)})
    held = ledger.assign(connection, "shop", ("anon:1",), {"shorter-form": Pin("control", NOW)})

    assert held.pins == {"shorter-form": "treatment"}


def test_an_unknown_variant_is_refused() -> None:
    """The ledger holds only what exists."""
    variants = [{"key": "control"}, {"key": "treatment"}]
    configuration = {"experiments": [{"key": "shorter-form", "variants": variants}]}
    said = Identification(
        id="x", anonymous="anon:1", known="cust:1", at=NOW, assignments={"shorter-form": "nope", "gone": "a"}
    )

    with pytest.raises(InvalidInputError, match="control, treatment") as caught:
        identities.check_assignments(configuration, said)
    assert [problem.path for problem in caught.value.problems] == [
        "assignments.shorter-form",
        "assignments.gone",
    ]
