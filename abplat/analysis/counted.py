"""The journeys that count: those of mature customers, begun after the exposure and within the horizon."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.counted_kernel import count_owners
from abplat.analysis.gathered import Flags, Gathered, IntArray, WalkedJourney


class Counted(NamedTuple):
    """The journeys that count, one customer after the other, those of each in the order of their start.

    Attributes:
        rows: Positions among all journeys.
        unit: The customer of each.
        arm: The variant of each.
    """

    rows: IntArray
    unit: IntArray
    arm: IntArray


def list_counted(gathered: Gathered, walked: WalkedJourney) -> Counted:
    """Return the journeys of a definition that count."""
    return gathered.once(("counted", id(walked)), lambda: _list(gathered, walked))


def _list(gathered: Gathered, walked: WalkedJourney) -> Counted:
    """Find the journeys that count."""
    rows = np.flatnonzero(walked.counted)
    arm = gathered.arms[walked.unit[rows]]
    rows, arm = rows[arm >= 0], arm[arm >= 0]
    return Counted(rows, walked.unit[rows], arm)


def count_customers(
    counted: Counted, labels: NDArray[np.integer[Any]], n_labels: int, n_arms: int
) -> NDArray[np.int64]:
    """Count the customers per arm and label; one with several journeys of a label counts once.

    Args:
        counted: The journeys.
        labels: [journey, any number] labels of each, -1 for none.
        n_labels: How many labels there are.
        n_arms: How many arms there are.

    Returns:
        [arm, label] customers.
    """
    return np.asarray(count_owners(counted.unit, counted.arm, labels, n_labels, n_arms), np.int64)


def count_having(counted: Counted, hit: Flags, n_arms: int) -> list[int]:
    """Count the customers of each arm with a journey that was hit."""
    labels = np.where(hit, 0, -1)[:, None]
    return [int(n) for n in count_customers(counted, labels, 1, n_arms)[:, 0]]
