"""Phases: what customers are divided by, one after the other.

A running experiment is never changed in place. New weights, a new salt or a greater share make a
new phase, with a reason; the configuration serves the present one.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple

import msgspec

from abplat.domain.fields import MAX_TEXT, Fields
from abplat.domain.layers import BUCKETS
from abplat.errors import ConflictError

BEGIN: Final = "start"
WIDEN: Final = "widen"
REWEIGH: Final = "reweigh"
RESET: Final = "reset"
PHASE_KINDS: Final = (BEGIN, WIDEN, REWEIGH, RESET)


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What customers are divided by in one phase."""

    phase: int
    salt: str
    weights: dict[str, int]
    """By variant, control first; shares of 10000."""
    included: int


class PhaseRequest(NamedTuple):
    """What a new phase is to change, and why."""

    reason: str
    weights: dict[str, int] | None
    included: int | None
    reset: bool


def parse_phase(document: Any, present: Traffic) -> PhaseRequest:
    """Read what a new phase is to change.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    included = fields.value("included", None)
    request = PhaseRequest(
        reason=fields.text("reason", longest=MAX_TEXT),
        weights=_read_weights(fields, present.weights),
        included=None if included is None else fields.integer("included", 0, BUCKETS),
        reset=fields.flag("reset", default=False),
    )
    if not fields.problems and not request.reset and request.weights is None and request.included is None:
        fields.fault("", "changes nothing; send weights, included or reset", "required")
    fields.finish("phase")
    return request


def _read_weights(fields: Fields, present: Mapping[str, int]) -> dict[str, int] | None:
    """Read the weights of all variants, kept in the order of the variants."""
    if fields.value("weights", None) is None:
        return None
    part = Fields(fields.value("weights"), fields.where("weights"), fields.problems)
    weights = {key: part.integer(key, 0, BUCKETS) for key in present}
    part.no_more()
    if not fields.problems and sum(weights.values()) != BUCKETS:
        fields.fault("weights", f"sum to {sum(weights.values())}, not to {BUCKETS}", "bad_weights")
    if not fields.problems and next(iter(weights.values())) == 0:
        fields.fault("weights", "give control nothing; it is the baseline", "bad_weights")
    return weights


def kind_of(request: PhaseRequest, present: Traffic) -> str:
    """Say what kind of phase a request makes.

    Raises:
        ConflictError: If nothing would change, or coverage would shrink without a new salt.
    """
    if request.reset:
        return RESET
    included = present.included if request.included is None else request.included
    if included < present.included:
        message = (
            f"included is {present.included} and only grows: customers who take part would fall out; "
            "pause the experiment, or reset it to begin smaller with a new draw"
        )
        raise ConflictError(message)
    if request.weights not in (None, present.weights):
        return REWEIGH
    if included == present.included:
        raise ConflictError("the phase changes nothing; weights and included are what they were")
    return WIDEN


def next_traffic(present: Traffic, request: PhaseRequest, salt: str) -> Traffic:
    """Return what customers are divided by after a request; a reset takes the new salt."""
    return Traffic(
        phase=present.phase + 1,
        salt=salt if request.reset else present.salt,
        weights=dict(present.weights if request.weights is None else request.weights),
        included=present.included if request.included is None else request.included,
    )


def share_moved(before: Traffic, after: Traffic) -> float:
    """Return the share of all customers whose answer changes, pins aside.

    The split bucket and the inclusion bucket are independent, and so are two salts.

    Examples:
        >>> half = Traffic(phase=1, salt="a", weights={"c": 5000, "t": 5000}, included=10_000)
        >>> less = Traffic(phase=2, salt="a", weights={"c": 6000, "t": 4000}, included=10_000)
        >>> round(share_moved(half, less), 6)
        0.1
    """
    control = next(iter(before.weights))
    both = _share_apart(before, after)
    share_before, share_after = before.included / BUCKETS, after.included / BUCKETS
    treated_before = 1 - before.weights[control] / BUCKETS
    treated_after = 1 - after.weights[control] / BUCKETS
    if before.salt != after.salt:
        leave, join = share_before * (1 - share_after), share_after * (1 - share_before)
        stay = share_before * share_after
    else:
        leave, join = max(share_before - share_after, 0.0), max(share_after - share_before, 0.0)
        stay = min(share_before, share_after)
    return stay * both + leave * treated_before + join * treated_after


def _share_apart(before: Traffic, after: Traffic) -> float:
    """Return the share of split buckets in which two phases give different variants."""
    if before.salt != after.salt:
        agree = sum(before.weights[key] * after.weights[key] for key in before.weights)
        return 1 - agree / BUCKETS**2
    old, new = list(accumulate(before.weights.values())), list(accumulate(after.weights.values()))
    shared = sum(
        max(0, min(end, new_end) - max(start, new_start))
        for start, end, new_start, new_end in zip([0, *old], old, [0, *new], new, strict=False)
    )
    return 1 - shared / BUCKETS
