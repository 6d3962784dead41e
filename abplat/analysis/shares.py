"""Shares of the mature customers of two arms, compared as a family."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from abplat import stats
from abplat.analysis.slices import contrast
from abplat.domain.report_base import Contrast


class Counted(NamedTuple):
    """How many customers of each arm did something."""

    control: int
    n_control: int
    treatment: int
    n_treatment: int


class SharedContrast(Contrast, frozen=True, kw_only=True):
    """A difference of shares with the p-value that answers for its family."""

    p_adjusted: float | None = None


def compare_counted(variant: str, counted: Sequence[Counted], alpha: float) -> list[SharedContrast]:
    """Compare shares between the arms, with Benjamini-Hochberg over the family."""
    how = stats.ComparisonPlan(alpha=alpha, kind="proportion")
    found = [stats.compare(_record(c.treatment, c.n_treatment), _record(c.control, c.n_control), how)
             if c.n_control and c.n_treatment else stats.NotComputable("no_units")
             for c in counted]  # fmt: skip
    rows = [contrast(variant, each) for each in found]
    tested = [row.p_value for row in rows if row.p_value is not None]
    adjusted = iter(stats.adjust_p_values(tested, method="bh") if tested else ())
    return [
        SharedContrast(
            **msgspec.structs.asdict(row), p_adjusted=None if row.p_value is None else float(next(adjusted))
        )
        for row in rows
    ]


def _record(n: int, of: int) -> stats.Moments:
    """Return the record of a count."""
    return stats.Moments.from_sums(of, {"y": float(n)}, {"y*y": float(n)})


def fields_of(row: SharedContrast) -> dict[str, Any]:
    """Return the fields of a contrast, to be written into a row of its own kind."""
    return msgspec.structs.asdict(row)
