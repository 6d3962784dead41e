"""The compiled count of customers by what their journeys have."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

_jit = nb.njit(cache=True, nogil=True)


@_jit
def count_owners(owner: Any, arm: Any, labels: Any, n_labels: Any, n_arms: Any) -> Any:  # pragma: no cover -- compiled  # fmt: skip
    """Return [arm, label] how many owners have a label; rows of one owner stand together."""
    counts = np.zeros((n_arms, n_labels), np.int64)
    seen = np.full(n_labels, -1, np.int64)
    for i in range(owner.size):
        for k in range(labels.shape[1]):
            label = labels[i, k]
            if label >= 0 and seen[label] != owner[i]:
                seen[label] = owner[i]
                counts[arm[i], label] += 1
    return counts
