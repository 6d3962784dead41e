"""The catalogue of metric kinds: what each counts, over whom, how it is compared, which way is good.

The rows are those of ``docs/reference/metrics.md``. A denominator other than the exposed mature
customers is named, because a comparison over people whom the treatment itself has selected is
descriptive: it gets numbers and no verdict.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from abplat.domain.metric_kind_rows import ROWS

ASSISTED_CHANNELS: Final = ("phone", "chat", "branch", "mail")
"""Where a person of the company is at the other end, unless a metric says otherwise."""
LIFECYCLE_LEVELS: Final = ("visitor", "prospect", "client")
MEASURES: Final = ("customers", "count", "value", "share", "mean")


class MetricKind(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the catalogue.

    Attributes:
        key: Name of the kind.
        counts: What a value is, in words.
        denominator: Over whom; ``N`` stands for the exposed mature customers of an arm.
        treatment: How the arms are compared.
        unit: share, count, seconds, value, score or points.
        direction: Which way is good by default.
        needs: Fields that a definition must have.
        may: Fields that it may have besides.
        measures: Values of ``measure``, the default first; empty where there is no choice.
        margin: Default margin of a guardrail, positive.
        scale: Whether the margin is relative (a share of control) or absolute (in the unit).
        is_descriptive: Whether it never gets a verdict.
        is_quality: Whether it says how good the data are rather than how customers fare.
    """

    key: str
    counts: str
    denominator: str
    treatment: str
    unit: str
    direction: str = "up"
    needs: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    margin: float | None = None
    scale: str = "relative"
    is_descriptive: bool = False
    is_quality: bool = False

    def direction_of(self, document: Any) -> str:
        """Return which way is good where a definition does not say: more strongly negative is not."""
        is_negative = (
            self.key == "emotion" and isinstance(document, dict) and document.get("measure") == "share"
        )
        return "down" if is_negative else self.direction

    def unit_of(self, measure: str | None) -> str:
        """Return what a value is counted in, where the measure decides.

        Examples:
            >>> find_kind("touchpoint").unit_of("count")
            'count'
        """
        chosen = measure or (self.measures[0] if self.measures else "")
        return {"customers": "share", "share": "share", "count": "count", "value": "value"}.get(
            chosen, self.unit
        )


KINDS_BY_KEY: Final[dict[str, MetricKind]] = {row["key"]: msgspec.convert(row, MetricKind) for row in ROWS}
KINDS: Final = tuple(KINDS_BY_KEY)


SUMMED_KINDS: Final = (
    *(
        "completion",
        "start",
        "reach",
        "effort",
        "channel_switches",
        "link_conversion",
        "backtracking",
        "recapture",
    ),
    *("abandonment", "lifecycle_progress", "contacts", "repeat_contact", "avoidable_contacts", "complaints"),
    *("touchpoint", "value", "count", "sum", "distinct", "threshold", "retention"),
)
"""Kinds with one number for every exposed customer, so that a composite can add them up."""


def find_kind(key: str) -> MetricKind:
    """Return a row of the catalogue.

    Examples:
        >>> find_kind("completion").denominator
        'N'
    """
    return KINDS_BY_KEY[key]
