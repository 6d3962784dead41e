"""The compiled pass over the touchpoints of journeys: which way each went, and what was not planned.

Ways are kept in a tree of channels: a way is the node where it ends, so a journey carries one number
along, and one step more is one look into a table.
"""

# ruff: noqa: PLR0913, PLR0917 -- compiled code is handed its arrays one by one, objects would cost the speed
from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_jit = nb.njit(cache=True, nogil=True)
ROOT = 0
"""The node of journeys whose channels nobody knows."""


@_jit
def _slot(keys: Any, key: Any) -> Any:  # pragma: no cover -- compiled
    """Return where a step stands in the table, or where it belongs."""
    mask = np.uint64(keys.size - 1)
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    at = (mixed ^ (mixed >> np.uint64(32))) & mask
    while keys[np.int64(at)] != -1 and keys[np.int64(at)] != key:
        at = (at + np.uint64(1)) & mask
    return np.int64(at)


@_jit
def _grow(keys: Any, nodes: Any) -> Any:  # pragma: no cover -- compiled
    """Return the table with twice the room."""
    more_keys, more_nodes = np.full(2 * keys.size, -1, np.int64), np.empty(2 * keys.size, np.int32)
    for i in range(keys.size):
        if keys[i] != -1:
            at = _slot(more_keys, keys[i])
            more_keys[at] = keys[i]
            more_nodes[at] = nodes[i]
    return more_keys, more_nodes


@_jit
def walk_paths(
    members: Any, channels: Any, node: Any, n_channels: Any
) -> Any:  # pragma: no cover -- compiled
    """Bring every journey to the node where its way through the channels ends.

    Args:
        members: Per event its journey, -1 for none; the events of a journey in the order of time.
        channels: Per event its channel, -1 unknown.
        node: Per journey where it stands; filled in.
        n_channels: All channels have numbers below.

    Returns:
        Per node its parent, and its channel.
    """
    keys, nodes = np.full(1024, -1, np.int64), np.empty(1024, np.int32)
    parent, channel_of = np.full(512, -1, np.int32), np.full(512, -1, np.int32)
    size = 1
    for i in range(members.size):
        j, channel = members[i], np.int64(channels[i])
        if j < 0 or channel < 0 or channel_of[node[j]] == channel:
            continue
        key = np.int64(node[j]) * n_channels + channel
        at = _slot(keys, key)
        if keys[at] == -1:
            if 2 * size >= keys.size:
                keys, nodes = _grow(keys, nodes)
                at = _slot(keys, key)
                parent = np.concatenate((parent, np.full(parent.size, -1, np.int32)))
                channel_of = np.concatenate((channel_of, np.full(channel_of.size, -1, np.int32)))
            keys[at], nodes[at] = key, size
            parent[size], channel_of[size] = node[j], channel
            size += 1
        node[j] = nodes[at]
    return parent[:size], channel_of[:size]


@_jit
def count_steps(
    members: Any, masks: Any, times: Any, aborted: Any, ends: Any, ad_hoc: Any, of_stages: Any, rework: Any
) -> None:  # pragma: no cover -- compiled
    """Count the touchpoints of every journey by what they were.

    The last touchpoint of an aborted journey, where it stands at the end, broke it: it is neither
    ad hoc nor of a stage.

    Args:
        members: Per event its journey, -1 for none.
        masks: Per event the stages it matches.
        times: Per event when.
        aborted: Per journey whether it was broken off.
        ends: Per journey when it ended.
        ad_hoc: Per journey how many touchpoints match no stage; filled in.
        of_stages: Per journey how many match some; filled in.
        rework: [:, stage] how many match the stage; filled in.
    """
    last = np.full(ends.size, -1, np.int64)
    for i in range(members.size):
        j = members[i]
        if j < 0:
            continue
        mask = masks[i]
        last[j] = i
        if mask == 0:
            ad_hoc[j] += 1
            continue
        of_stages[j] += 1
        for stage in range(rework.shape[1]):
            rework[j, stage] += (mask >> stage) & 1
    for j in range(ends.size):
        if aborted[j] and last[j] >= 0 and times[last[j]] == ends[j]:
            if masks[last[j]] == 0:
                ad_hoc[j] -= 1
            else:
                of_stages[j] -= 1
