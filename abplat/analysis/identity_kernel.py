"""The compiled union-find of the analysis: the rules of ``domain/identity_graph``, on integers.

The tests hold the two equal. An id is a number; of the ids that joined a component, those of a type
with a limit hang in a list per root, the youngest first.
"""

# ruff: noqa: PLR0912, C901 -- compiled code is one long loop
from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_jit = nb.njit(cache=True, nogil=True)

JOINED, SAME, REFUSED, LIMITED = 0, 1, 2, 3


@_jit
def find_root(parent: Any, code: Any) -> Any:  # pragma: no cover -- compiled
    """Return the root of a component, halving the way to it."""
    while parent[code] != code:
        parent[code] = parent[parent[code]]
        code = parent[code]
    return code


@_jit
def _count_recent(
    lists: Any, kind: Any, root: Any, since: Any, most: Any
) -> int:  # pragma: no cover -- compiled
    """Count the ids of a limited type that joined after an instant; more than ``most`` are not counted."""
    head, following, joined = lists
    found, item = 0, head[root, kind]
    while item >= 0 and found <= most and joined[item] > since:
        found += 1
        item = following[item]
    return found


@_jit
def _merge(
    head: Any, following: Any, joined: Any, kind: Any, a: Any, b: Any
) -> None:  # pragma: no cover -- compiled
    """Merge the list of root b into that of root a, the youngest first."""
    left, right = head[a, kind], head[b, kind]
    last = np.int32(-1)
    while left >= 0 or right >= 0:
        if right < 0 or (left >= 0 and joined[left] >= joined[right]):
            item = left
            left = following[left]
        else:
            item = right
            right = following[right]
        if last < 0:
            head[a, kind] = item
        else:
            following[last] = item
        last = item
        if left < 0 and right < 0:
            following[last] = -1


@_jit
def join_all(
    links: Any, kinds: Any, is_customer: Any, limit: Any, parent: Any, customer: Any
) -> Any:  # pragma: no cover -- compiled
    """Join link by link; ``parent`` and ``customer`` are filled, and what became of each link is returned.

    Args:
        links: First ids, second ids and times, in the order in which links are taken.
        kinds: Per id the place of its limited type, or -1.
        is_customer: Per id whether it names a customer.
        limit: Per limited type how many ids a customer may have, and within which time or -1.
        parent: Room for one root per id.
        customer: Room for the customer id of each root, -1 where there is none.
    """
    a_codes, b_codes, times = links
    limits, spans = limit
    n = parent.size
    size = np.ones(n, np.int32)
    lone = np.ones(n, np.bool_)
    joined = np.zeros(n, np.int64)
    following = np.full(n, -1, np.int32)
    head = np.full((n, limits.size), -1, np.int32)
    for code in range(n):
        parent[code] = code
        customer[code] = code if is_customer[code] else -1
    fate = np.zeros(a_codes.size, np.int8)
    for i in range(a_codes.size):
        a, b, ts = find_root(parent, a_codes[i]), find_root(parent, b_codes[i]), times[i]
        if a == b:
            fate[i] = SAME
            continue
        if customer[a] >= 0 and customer[b] >= 0:
            fate[i] = REFUSED
            continue
        beyond = False
        for kind in range(limits.size):
            since = ts - spans[kind] if spans[kind] >= 0 else np.int64(-(2**62))
            found = 0
            for root in (a, b):
                if lone[root]:  # a lone id joins now
                    found += kinds[root] == kind
                else:
                    found += _count_recent((head, following, joined), kind, root, since, limits[kind])
            beyond = beyond or found > limits[kind]
        if beyond:
            # the smaller side stays outside; of a customer and a stranger, the stranger
            is_first = customer[a] < 0 and (customer[b] >= 0 or size[a] <= size[b])
            fate[i] = LIMITED if is_first else LIMITED + 1
            continue
        for root in (a, b):
            if lone[root]:
                lone[root] = False
                joined[root] = ts
                if kinds[root] >= 0:
                    head[root, kinds[root]] = root
        if size[a] < size[b]:
            a, b = b, a
        parent[b] = a
        size[a] += size[b]
        customer[a] = max(customer[a], customer[b])
        for kind in range(limits.size):
            if head[b, kind] >= 0:
                _merge(head, following, joined, kind, a, b)
    return fate


@_jit
def find_roots(parent: Any) -> Any:  # pragma: no cover -- compiled
    """Return the root of every id."""
    roots = np.empty(parent.size, np.int64)
    for code in range(parent.size):
        roots[code] = find_root(parent, code)
    return roots


@_jit
def number_customers(roots: Any, customer: Any) -> Any:  # pragma: no cover -- compiled
    """Return the customer of each id, and the id that names each customer.

    That is its ``cust:`` id, or else its first id; customers are numbered in the order of these.
    """
    n = roots.size
    name = np.full(n, -1, np.int32)
    for i in range(n):
        root = roots[i]
        if name[root] < 0:
            name[root] = customer[root] if customer[root] >= 0 else i
    place = np.zeros(n, np.int32)
    for root in range(n):
        if roots[root] == root:
            place[name[root]] = 1
    named_by = np.empty(np.sum(place), np.int32)
    count = np.int32(0)
    for i in range(n):
        if place[i]:
            named_by[count] = i
            place[i] = count
            count += 1
    customer_of = np.empty(n, np.int32)
    for i in range(n):
        customer_of[i] = place[name[roots[i]]]
    return customer_of, named_by
