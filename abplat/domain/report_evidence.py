"""The evidence behind a Report: the sums that its numbers follow from, and the queries that made them.

With it a reader needs neither the facts nor the service to make every interval again.
"""

from __future__ import annotations

from abplat.domain.report_base import Frozen


class MomentRecord(Frozen, frozen=True, kw_only=True):
    """Sums of one metric over the units of one arm; the fields are those of ``stats.Moments``."""

    variant: str
    columns: tuple[str, ...]
    n: int
    shift: tuple[float, ...]
    sum: tuple[float, ...]
    cross: tuple[float, ...]
    cube_y: float | None = None


class RiskRecord(Frozen, frozen=True, kw_only=True):
    """Counts per time bin of one arm, bins in which nothing happened left out; as ``stats.RiskTable``."""

    variant: str
    edges: tuple[float, ...]
    events: tuple[int, ...]
    censored: tuple[int, ...]


class MetricEvidence(Frozen, frozen=True, kw_only=True):
    """What the row of one metric follows from: moment records or risk tables, control first."""

    metric: str
    alpha: float
    kind: str = "mean"
    tau: float | None = None
    """Horizon of the restricted mean, in seconds."""
    moments: tuple[MomentRecord, ...] = ()
    tables: tuple[RiskRecord, ...] = ()


class Query(Frozen, frozen=True, kw_only=True):
    """One query over the facts, word for word."""

    name: str
    sql: str


class EvidenceSection(Frozen, frozen=True, kw_only=True):
    """Everything that the numbers can be made from again."""

    metrics: tuple[MetricEvidence, ...]
    queries: tuple[Query, ...] = ()
