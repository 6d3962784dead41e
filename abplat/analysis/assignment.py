"""Decisions for whole columns of units: the same as one by one, a million in a fraction of a second."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from abplat_sdk.bulk import Attributes, decide_many
from abplat_sdk.document import Experiment
from abplat_sdk.evaluator import MAX_UNIT_LENGTH, Decision, Evaluator
from abplat_sdk.hashing import N_BUCKETS
from abplat_sdk.shortcuts import needs_only_hashes

from abplat.analysis.hashing import Texts, hash_many

REASONS: Final = ("split", "not_included", "not_in_layer", "holdout")
"""Reasons that follow from hashes alone, by the code that the columns hold."""

Flags = npt.NDArray[np.bool_]
Codes = npt.NDArray[np.int16]


@dataclass(frozen=True)
class Assignments:
    """One decision per unit, column by column, in the order of the units.

    Attributes:
        variant: Key of the variant; None where there is no such experiment.
        reason: Why.
        bucket: Split bucket; -1 where the decision did not come as far as hashing it.
        in_experiment: Whether the unit is part of the experiment: only then may an exposure be recorded.
    """

    variant: list[str | None]
    reason: list[str]
    bucket: npt.NDArray[np.int32]
    in_experiment: npt.NDArray[np.bool_]

    def keep_out(self, index: int, control: str) -> None:
        """Give control to a unit that no experiment takes in, whatever its hash says."""
        self.variant[index], self.reason[index] = control, "not_targeted"
        self.bucket[index], self.in_experiment[index] = -1, False


def assign_columns(
    evaluator: Evaluator,
    key: str,
    units: Sequence[str],
    attributes: Attributes = None,
    *,
    pins: Mapping[str, str] | None = None,
) -> Assignments:
    """Decide one experiment for many units.

    What hashes alone decide is decided in compiled code; units with an override or a pin, and experiments
    with targeting or whatever else needs a look at each unit, go through the evaluator itself.

    Args:
        evaluator: The compiled configuration.
        key: Key of the experiment.
        units: Identifiers of the units.
        attributes: What targeting may look at: one mapping for all, or one per unit.
        pins: Variant per unit for those that are bound already.
    """
    experiment = evaluator.find(key)
    if experiment is None or not needs_only_hashes(experiment) or experiment.overrides.hashed:
        return _from_decisions(decide_many(evaluator, key, units, attributes, pins=pins))
    try:
        texts = Texts(units)
    except (TypeError, UnicodeEncodeError):  # a number or half a character is among them
        return _from_decisions(decide_many(evaluator, key, units, attributes, pins=pins))
    columns = _from_hashes(experiment, texts)
    for index in _find_others(experiment, texts, pins or {}):
        _put(columns, index, evaluator.decide(key, units[index], None, (pins or {}).get(units[index])))
    return columns


def _from_decisions(decisions: Iterable[Decision]) -> Assignments:
    """Turn decisions into columns."""
    made = list(decisions)
    buckets = [-1 if decision.bucket is None else decision.bucket for decision in made]
    return Assignments(
        [decision.variant for decision in made],
        [decision.reason for decision in made],
        np.array(buckets, np.int32),
        np.array([decision.in_experiment for decision in made], np.bool_),
    )


def _from_hashes(experiment: Experiment, texts: Texts) -> Assignments:
    """Decide by hashes alone; what comes first in the order of a decision is written last."""
    first, second = hash_many(experiment.salt, texts)
    bucket = (first % N_BUCKETS).astype(np.int32)
    reasons = np.zeros(len(bucket), np.int16)
    reasons[second % N_BUCKETS >= experiment.included] = REASONS.index("not_included")
    if experiment.layer is not None:
        place = hash_many(experiment.layer.salt, texts)[0] % N_BUCKETS
        outside = (place < experiment.layer.first) | (place >= experiment.layer.end)
        _keep_out(reasons, bucket, outside, "not_in_layer")
    for holdout in experiment.holdouts:
        held = hash_many(holdout.salt, texts)[0] % N_BUCKETS < holdout.share
        _keep_out(reasons, bucket, held, "holdout")
    variants = _name_variants(experiment, bucket, reasons)
    return Assignments(variants, _names(REASONS, reasons), bucket, reasons == 0)


def _keep_out(reasons: Codes, bucket: npt.NDArray[np.int32], which: Flags, reason: str) -> None:
    """Note that some units were kept out before they were hashed for the split."""
    reasons[which] = REASONS.index(reason)
    bucket[which] = -1


def _name_variants(experiment: Experiment, bucket: npt.NDArray[np.int32], reasons: Codes) -> list[str | None]:
    """Return the variant of each unit: by bucket where it takes part, control where not."""
    keys = [variant.key for variant in experiment.variants]
    bounds = np.array([variant.bound for variant in experiment.variants])
    of_bucket = np.searchsorted(bounds, np.arange(N_BUCKETS), side="right")
    codes = np.where(reasons == 0, of_bucket[bucket], keys.index(experiment.control))
    return _names(keys, codes)


def _names(names: Sequence[str], codes: npt.NDArray[Any]) -> list[Any]:
    """Return the names that codes stand for."""
    found: list[Any] = np.array(names, object)[codes].tolist()
    return found


def _find_others(experiment: Experiment, texts: Texts, pins: Mapping[str, str]) -> list[int]:
    """Return the places of units that a look at hashes does not decide."""
    odd = np.flatnonzero((texts.lengths == 0) | (texts.lengths > MAX_UNIT_LENGTH)).tolist()
    named = experiment.overrides.entries.keys() | pins.keys()
    if named:
        odd.extend(index for index, unit in enumerate(texts.texts) if unit in named)
    return list(dict.fromkeys(odd))


def _put(columns: Assignments, index: int, decision: Decision) -> None:
    """Write a decision over what hashes said."""
    columns.variant[index], columns.reason[index] = decision.variant, decision.reason
    columns.bucket[index] = -1 if decision.bucket is None else decision.bucket
    columns.in_experiment[index] = decision.in_experiment
