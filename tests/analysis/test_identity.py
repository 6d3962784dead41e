"""The identity map: who is joined, who is not, and why."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.analysis.identity import Alias, IdentityMap, resolve
from abplat.domain.identity import DAY_US, IdentityPolicy, Limit, id_type

LATER = 10**15


def joined(*pairs: tuple[str, str], at: int = 0, policy: IdentityPolicy | None = None) -> IdentityMap:
    """Resolve links that follow each other by a microsecond."""
    return resolve([], [Alias(a, b, at + i, at + i) for i, (a, b) in enumerate(pairs)], LATER, policy)


def test_actors_keep_their_places() -> None:
    """``customer_of[i]`` answers for ``actors[i]``; names are sorted."""
    identity = resolve(["cust:2", "anon:z", "cust:1"], [Alias("anon:z", "cust:1", 1, 1)], LATER)

    assert [identity.customers[code] for code in identity.customer_of] == ["cust:2", "cust:1", "cust:1"]
    assert identity.customers == ("cust:1", "cust:2")
    assert identity.name("anon:unmet") == "anon:unmet"


def test_two_customers_are_never_joined() -> None:
    """Neither directly nor through a chain."""
    identity = joined(("cust:1", "cust:2"), ("anon:a", "cust:1"), ("anon:b", "cust:2"), ("anon:a", "anon:b"))

    assert identity.refused_links == (0, 3)
    assert identity.name("anon:b") == "cust:2"


def test_a_link_received_later_does_not_exist() -> None:
    """Time and arrival both count."""
    identity = resolve(["anon:a"], [Alias("anon:a", "cust:1", 1, 50)], 10)

    assert identity.customers == ("anon:a",)


def test_limits_hold_over_a_span_of_time() -> None:
    """Fifty anonymous ids in thirty days; the fifty-first a month later is welcome."""
    links = [Alias(f"anon:i{i}", "cust:1", i, i) for i in range(50)]
    crowd = Alias("anon:crowd", "cust:1", 60, 60)
    later = Alias("anon:later", "cust:1", 31 * DAY_US, 31 * DAY_US)
    identity = resolve([], [*links, crowd, later], LATER)

    assert identity.limited_links == (50,)
    assert identity.flagged_ids == ("anon:crowd",)
    assert identity.name("anon:crowd") == "anon:crowd"
    assert identity.name("anon:later") == "cust:1"


def test_limits_are_the_operators_choice() -> None:
    """A policy can be stricter."""
    policy = IdentityPolicy(limits={"device": Limit(1)})
    identity = joined(("device:a", "cust:1"), ("device:b", "cust:1"), policy=policy)

    assert identity.flagged_ids == ("device:b",)


def test_a_link_of_an_id_to_itself_changes_nothing() -> None:
    """It is neither refused nor shared."""
    identity = joined(("anon:a", "anon:a"))

    assert (identity.customers, identity.refused_links, identity.shared_ids) == (("anon:a",), (), ())


def commanded(*links: tuple[str, str, str | None], as_of: int = LATER) -> dict[str, str]:
    """Return who is who after links and commands in that order."""
    made = [Alias(a, b, at, at, command) for at, (a, b, command) in enumerate(links)]
    return resolve([], made, as_of).names()


DEVICES = (("anon:1", "cust:1", None), ("anon:2", "cust:2", None))


def test_a_merge_makes_two_customers_one() -> None:
    """The second one names them, and the id that both have is not shared."""
    both = (("anon:x", "cust:1", None), ("anon:x", "cust:2", None))
    merge = ("cust:1", "cust:2", "merge")

    assert set(commanded(*DEVICES, *both, merge).values()) == {"cust:2"}
    assert commanded(*both)["anon:x"] == "anon:x"


def test_a_split_takes_a_join_back_for_good() -> None:
    """Whichever way round it is said, also when a device says it again; until an operator merges them."""
    split, again = ("cust:1", "anon:1", "split"), ("anon:1", "cust:1", None)

    assert commanded(*DEVICES, split, again)["anon:1"] == "anon:1"
    assert commanded(*DEVICES, split, ("anon:1", "cust:1", "merge"))["anon:1"] == "cust:1"


def test_an_earlier_analysis_can_be_made_again() -> None:
    """What was commanded later does not exist for it."""
    links = (*DEVICES, ("cust:1", "cust:2", "merge"), ("cust:2", "cust:1", "split"))

    assert [commanded(*links, as_of=at)["anon:1"] for at in (1, 2, 3)] == ["cust:1", "cust:2", "cust:1"]


ids = st.sampled_from(
    ["cust:1", "cust:2", "cust:3", *(f"anon:i{i}" for i in range(5)), "loyalty:1", "device:d"]
)
links = st.lists(st.builds(Alias, ids, ids, st.integers(0, 9), st.integers(0, 12)), max_size=25)


@settings(max_examples=200, deadline=None)
@given(links)
def test_components_obey_the_policy(aliases: list[Alias]) -> None:
    """At most one customer each; a shared id alone; every refusal has its reason."""
    identity = resolve([], aliases, 9)
    members: dict[str, list[str]] = {}
    for key, name in identity.names().items():
        members.setdefault(name, []).append(key)

    for name, keys in members.items():
        customers = [key for key in keys if id_type(key) == "cust"]
        assert len(customers) <= 1
        assert name == (customers[0] if customers else min(keys))
    for shared in identity.shared_ids:
        assert members[shared] == [shared]
    for position in identity.refused_links:
        a, b = identity.name(aliases[position].a), identity.name(aliases[position].b)
        assert a != b
        assert id_type(a) == id_type(b) == "cust"


@settings(max_examples=100, deadline=None)
@given(links)
def test_the_order_of_arrival_matters_only_between_links_of_one_instant(aliases: list[Alias]) -> None:
    """Links at different times give the same map in any order."""
    apart = [alias._replace(ts_us=i, received_us=i) for i, alias in enumerate(aliases)]

    assert resolve([], apart, LATER).names() == resolve([], apart[::-1], LATER).names()
