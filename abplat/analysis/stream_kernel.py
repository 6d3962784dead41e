"""The compiled steps from scanned rows to events sorted by customer and time."""

# ruff: noqa: PLR0913, PLR0917, C901 -- compiled code is handed its arrays one by one, objects would cost the speed
from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from abplat.facts.engines.scan import WORD

_jit = nb.njit(cache=True, nogil=True)
SHIFT = 14
"""2**14 neighbouring customers make a part: what is made of one stays in the caches."""
BLOCK = 1024
"""Records of a block, all of one part."""
TS, WHO, MASK = 0, 1, 2
"""Columns of a record: time; customer and run; first word of the masks and channel. Further words of
masks follow, and the bits of the value where it is asked for."""
LOOSE = 0
"""The run of loose rows."""
_SHORT = 48


@_jit
def pack_all(
    codes: Any, times: Any, channels: Any, masks: Any, values: Any, extra: Any, customer_of: Any, out: Any
) -> None:  # pragma: no cover -- compiled
    """Write all rows as records; their runs do not matter any more."""
    for i in range(codes.size):
        out[i, TS] = times[i]
        out[i, WHO] = np.int64(customer_of[codes[i]]) << 32
        out[i, MASK] = (np.int64(masks[i]) << 16) | (np.int64(channels[i]) + 1)
        for word in range(extra.shape[0]):
            out[i, MASK + 1 + word] = extra[word, i]
        if values.size:
            out[i, out.shape[1] - 1] = values[i]


@_jit
def lay_down(
    codes: Any, times: Any, channels: Any, masks: Any, values: Any, extra: Any, first: Any, customer_of: Any,
    rule: Any, slab: Any, open_at: Any, owner: Any, filled: Any, used: Any,
) -> Any:  # pragma: no cover -- compiled  # fmt: skip
    """Write rows into blocks of their parts, from row ``first`` on, until the slab is full.

    Rows of one run stand in the order of their event ids where they are of one instant: those of
    one id in sealed files, and all loose ones.

    Args:
        codes: Actor codes.
        times: When.
        channels: Channels, -1 unknown.
        masks: First words of the masks.
        values: Bits of the values; empty where they are not asked for.
        extra: [word, row] further words of the masks.
        first: Where to begin.
        customer_of: Per code its customer, -1 for strangers, who are left out.
        rule: Whether rows are loose; whether those that match nothing are left out.
        slab: [record, column]; room for blocks.
        open_at: Per part the place of its next record; a multiple of a block where it needs a new one.
        owner: Per block its part; filled in.
        filled: Per block how many records it holds; filled in.
        used: How many blocks are used.

    Returns:
        The row to go on with in the next slab, and how many blocks are used.
    """
    is_loose, drop_empty = rule
    last = slab.shape[1] - 1
    with_value, n_extra = values.size > 0, extra.shape[0]
    i = first
    while i < codes.size:
        code = codes[i]
        customer = np.int64(customer_of[code])
        if customer >= 0 and drop_empty and masks[i] == 0:
            empty = True
            for word in range(n_extra):
                empty = empty and extra[word, i] == 0
            if empty:
                customer = np.int64(-1)
        if customer >= 0:
            part = customer >> SHIFT
            at = open_at[part]
            if at % BLOCK == 0:  # a block is full, or there is none
                if used == owner.size:
                    break
                at = used * BLOCK
                owner[used] = part
                used += 1
            slab[at, TS] = times[i]
            slab[at, WHO] = (customer << 32) | (LOOSE if is_loose else np.int64(code) + 1)
            slab[at, MASK] = (np.int64(masks[i]) << 16) | (np.int64(channels[i]) + 1)
            for word in range(n_extra):
                slab[at, MASK + 1 + word] = extra[word, i]
            if with_value:
                slab[at, last] = values[i]
            filled[at // BLOCK] += 1
            open_at[part] = at + 1
        i += 1
    return i, used


@_jit
def count_customers(
    slab: Any, blocks: Any, filled: Any, first: Any, place: Any
) -> None:  # pragma: no cover -- compiled
    """Count the records of each customer of a part, one place further on."""
    for at in range(blocks.size):
        lo = blocks[at] * BLOCK
        for row in range(lo, lo + filled[at]):
            place[(slab[row, WHO] >> 32) - first + 1] += 1


@_jit
def place_records(
    slab: Any, blocks: Any, filled: Any, first: Any, at: Any, out: Any
) -> None:  # pragma: no cover -- compiled
    """Copy the records of a part to the places of their customers."""
    for number in range(blocks.size):
        lo = blocks[number] * BLOCK
        for row in range(lo, lo + filled[number]):
            customer = (slab[row, WHO] >> 32) - first
            place = at[customer]
            at[customer] = place + 1
            for column in range(out.shape[1]):
                out[place, column] = slab[row, column]


@_jit
def sort_records(records: Any, place: Any) -> bool:  # pragma: no cover -- compiled
    """Put the records of each customer in the order of time; equal times keep their order.

    The few of each are nearly in order. Tells whether two runs of a customer meet at one instant.
    """
    width = records.shape[1]
    held = np.empty(width, np.int64)
    unclear = False
    for c in range(place.size - 1):
        lo, hi = place[c], place[c + 1]
        moved = 0
        for i in range(lo + 1, hi):
            ts = records[i, TS]
            if records[i - 1, TS] <= ts:
                continue
            for column in range(width):
                held[column] = records[i, column]
            j = i - 1
            while j >= lo and records[j, TS] > ts:
                for column in range(width):
                    records[j + 1, column] = records[j, column]
                j -= 1
                moved += 1
            for column in range(width):
                records[j + 1, column] = held[column]
            if moved > _SHORT * (hi - lo):  # far from sorted: by merging, so that nothing is quadratic
                part = records[lo:hi].copy()
                order = np.argsort(part[:, TS].copy(), kind="mergesort")
                for k in range(order.size):
                    records[lo + k] = part[order[k]]
                break
        for i in range(lo + 1, hi):
            unclear = unclear or (
                records[i, TS] == records[i - 1, TS] and records[i, WHO] != records[i - 1, WHO]
            )
    return unclear


@_jit
def find_unclear(records: Any) -> Any:  # pragma: no cover -- compiled
    """Return the records after which another of the same customer and instant stands, of another run."""
    found = np.zeros(records.shape[0], np.bool_)
    for i in range(1, records.shape[0]):
        before, who = records[i - 1, WHO], records[i, WHO]
        if records[i, TS] == records[i - 1, TS] and before != who and before >> 32 == who >> 32:
            found[i - 1] = True
    return found


@_jit
def split_records(
    records: Any, customer: Any, ts: Any, channel: Any, words: Any
) -> None:  # pragma: no cover -- compiled
    """Take the columns of records apart."""
    for i in range(records.shape[0]):
        customer[i] = records[i, WHO] >> 32
        ts[i] = records[i, TS]
        channel[i] = (records[i, MASK] & 0xFFFF) - 1
        words[0, i] = records[i, MASK] >> 16
    for word in range(1, words.shape[0]):
        for i in range(records.shape[0]):
            words[word, i] = records[i, MASK + word]


@_jit
def gather_bits(words: Any, bits: Any, out: Any) -> None:  # pragma: no cover -- compiled
    """Collect chosen bits of the masks into one integer per event: bit i is ``bits[i]`` of the masks."""
    for i in range(out.size):
        found = np.int64(0)
        for place in range(bits.size):
            found |= ((words[bits[place] // WORD, i] >> (bits[place] % WORD)) & 1) << place
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
