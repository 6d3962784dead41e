"""The compiled steps from scanned rows to events sorted by customer and time."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_jit = nb.njit(cache=True, nogil=True)
SHIFT = 16
"""2**16 neighbouring customers make a part."""
_SHORT = 48


@_jit
def count_parts(codes: Any, customer_of: Any, n_parts: Any) -> Any:  # pragma: no cover -- compiled
    """Return where each part of customers begins among the rows of a chunk; strangers are left out."""
    starts = np.zeros(n_parts + 1, np.int64)
    for i in range(codes.size):
        customer = customer_of[codes[i]]
        if customer >= 0:
            starts[(customer >> SHIFT) + 1] += 1
    for part in range(n_parts):
        starts[part + 1] += starts[part]
    return starts


@_jit
def place_rows(
    codes: Any, customer_of: Any, starts: Any, is_loose: Any, customers: Any, runs: Any
) -> Any:  # pragma: no cover -- compiled
    """Return the rows of a chunk part by part; their customers and runs are filled in.

    Rows of one run stand in the order of their event ids where they are of one instant: those of
    one id in sealed files, and all loose ones.
    """
    at = starts.copy()
    rows = np.empty(starts[-1], np.int64)
    for i in range(codes.size):
        customer = customer_of[codes[i]]
        if customer >= 0:
            place = at[customer >> SHIFT]
            at[customer >> SHIFT] += 1
            rows[place] = i
            customers[place] = customer
            runs[place] = -1 if is_loose else codes[i]
    return rows


@_jit
def sort_events(customers: Any, first: Any, n_customers: Any, times: Any, ties: Any) -> Any:  # pragma: no cover -- compiled  # fmt: skip
    """Return the order by customer, time and tie; equal rows keep their order.

    Customers are counted; the few events of each are then put in order, which they nearly are.
    """
    place = np.zeros(n_customers + 1, np.int64)
    for i in range(customers.size):
        place[customers[i] - first + 1] += 1
    for c in range(n_customers):
        place[c + 1] += place[c]
    order = np.empty(customers.size, np.int64)
    at = place[:-1].copy()
    for i in range(customers.size):
        c = customers[i] - first
        order[at[c]] = i
        at[c] += 1
    tied = ties.size > 0
    for c in range(n_customers):
        lo, hi = place[c], place[c + 1]
        moved = 0
        for i in range(lo + 1, hi):
            row = order[i]
            ts = times[row]
            j = i - 1
            while j >= lo:
                other = order[j]
                if not (times[other] > ts or (tied and times[other] == ts and ties[other] > ties[row])):
                    break
                order[j + 1] = other
                j -= 1
                moved += 1
            order[j + 1] = row
            if moved > _SHORT * (hi - lo):  # far from sorted: by merging, so that nothing is quadratic
                part = np.sort(order[lo:hi])
                if tied:
                    part = part[np.argsort(ties[part], kind="mergesort")]
                order[lo:hi] = part[np.argsort(times[part], kind="mergesort")]
                break
    return order


@_jit
def find_unclear(customers: Any, times: Any, runs: Any) -> Any:  # pragma: no cover -- compiled
    """Return the rows after which another of the same customer and instant stands, of another run."""
    found = np.zeros(customers.size, np.bool_)
    for i in range(1, customers.size):
        if customers[i] == customers[i - 1] and times[i] == times[i - 1]:
            found[i - 1] = runs[i] != runs[i - 1]
    return found


@_jit
def gather_bits(words: Any, bits: Any, out: Any) -> None:  # pragma: no cover -- compiled
    """Collect chosen bits of the masks into one integer per event: bit i is ``bits[i]`` of the masks."""
    for i in range(out.size):
        found = np.int64(0)
        for place in range(bits.size):
            found |= ((words[bits[place] // 62, i] >> (bits[place] % 62)) & 1) << place
        out[i] = found


@_jit
def settle_ties(
    customers: Any, times: Any, stage_mask: Any, order: Any
) -> bool:  # pragma: no cover -- compiled
    """Put events of one customer and instant in the order of their lowest stages; tell whether any moved."""
    moved = False
    i = 0
    n = customers.size
    while i < n:
        j = i + 1
        while j < n and customers[j] == customers[i] and times[j] == times[i]:
            j += 1
        if j - i > 1:
            low = stage_mask[i:j] & -stage_mask[i:j]
            low = np.where(low > 0, low, np.int64(2**62))
            if not np.all(low[1:] >= low[:-1]):
                moved = True
                order[i:j] = i + np.argsort(low, kind="mergesort")
        i = j
    return moved
