"""Many questions, one error rate: adjusted p-values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Adjustment = Literal["holm", "hochberg", "bh", "by", "bonferroni"]


def adjust_p_values(p_values: Sequence[float], method: Adjustment = "holm") -> tuple[float, ...]:
    """Adjust p-values for asking several questions of one family; order is kept."""
    raise NotImplementedError
