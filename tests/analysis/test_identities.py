"""Customers found by number are those found by name."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from abplat.analysis.identities import IdColumns, LinkColumns, identify
from abplat.analysis.identity import Alias, resolve
from abplat.domain.identity import DAY_US, IdentityPolicy, Limit, id_type

LATER = 10**15
POLICY = IdentityPolicy(limits={"loyalty": Limit(1), "anon": Limit(2, 10 * DAY_US), "phone": Limit(2)})
NAMES = [f"{kind}:{n}" for kind in ("cust", "anon", "loyalty", "phone", "card") for n in range(1, 6)] + [
    "anon:null"
]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.integers(0, 30)), max_size=40),
    st.lists(st.sampled_from(NAMES), max_size=8, unique=True),
)
def test_numbers_and_names_give_the_same_customers(
    links: list[tuple[str, str, int]], actors: list[str]
) -> None:
    """Customers, shared ids, and every link that did not join with why."""
    aliases = [Alias(a, b, day * DAY_US, day * DAY_US) for a, b, day in links]
    expected = resolve(actors, aliases, LATER, POLICY)
    ids = sorted(expected.ids)
    place = {name: i for i, name in enumerate(ids)}
    order = sorted(range(len(aliases)), key=lambda i: (aliases[i].ts_us, i))
    taken = [aliases[i] for i in order]
    found = identify(
        IdColumns(
            is_customer=np.array([id_type(name) == "cust" for name in ids], bool),
            kind=np.array([list(POLICY.limits).index(id_type(n)) if id_type(n) in POLICY.limits else -1 for n in ids], np.int8),
            is_blocked=np.array([POLICY.is_blocked(name) for name in ids], bool),
        ),
        LinkColumns(
            np.array([place[alias.a] for alias in taken], np.int64),
            np.array([place[alias.b] for alias in taken], np.int64),
            np.array([alias.ts_us for alias in taken], np.int64),
        ),
        POLICY,
    )  # fmt: skip
    names = [ids[at] for at in found.named_by.tolist()]

    assert {
        name: names[code] for name, code in zip(ids, found.customer_of.tolist(), strict=True)
    } == expected.names()
    assert tuple(names) == expected.customers
    assert tuple(ids[code] for code in found.shared) == expected.shared_ids
    assert tuple(ids[code] for code in found.flagged) == expected.flagged_ids
    for mine, theirs in (
        (found.refused_links, expected.refused_links),
        (found.blocked_links, expected.blocked_links),
        (found.limited_links, expected.limited_links),
    ):
        assert sorted(order[at] for at in mine.tolist()) == list(theirs)
