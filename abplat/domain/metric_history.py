"""What the past says of a metric: its trend, its noise, and what a test of it could show."""

from __future__ import annotations

from typing import Any

import msgspec

from abplat.domain.fields import Fields

DEFAULT_HORIZON = "7d"
SPLITS = 1_000
WEEKS = (2, 4, 8)
HISTORY_DAYS = 90


class HistoryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """How the past is to be read."""

    horizon: str
    journey: str | None


def parse_history_request(document: Any) -> HistoryRequest:
    """Read a request.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_history_request({}).horizon
        '7d'
    """
    fields = Fields(document)
    request = HistoryRequest(
        horizon=fields.duration("horizon", DEFAULT_HORIZON) or DEFAULT_HORIZON,
        journey=fields.key("journey", None),
    )
    fields.finish("request")
    return request


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Base of the parts."""


class DayRow(Part, frozen=True, kw_only=True):
    """The customers who came in on one day."""

    day: str
    n: int
    value: float | None
    variance: float | None


class CapEffect(Part, frozen=True, kw_only=True):
    """What a cap at a high quantile would change."""

    quantile: float
    cap: float
    share_capped: float
    value: float
    variance: float


class Detectable(Part, frozen=True, kw_only=True):
    """The smallest relative effect that a test of some weeks shows."""

    weeks: int
    n_units: int
    mde: float | None
    reason: str | None = None


class SplitCheck(Part, frozen=True, kw_only=True):
    """How often random halves of the same customers differ."""

    splits: int
    alpha: float
    n_rejected: int
    rate: float
    ci_lower: float
    ci_upper: float
    is_suspicious: bool
    """Whether alpha lies outside the interval of the rate."""


class Drift(Part, frozen=True, kw_only=True):
    """Something of a metric that has left its history in the last fourteen days."""

    measure: str
    """value or variance."""
    before: float
    recent: float


class DayMark(Part, frozen=True, kw_only=True):
    """A day whose data were not as they should be."""

    day: str
    note: str


class MetricHistory(Part, frozen=True, kw_only=True):
    """What the past says of a metric."""

    metric: str
    as_of: str
    horizon: str
    source: str
    """exposures or first_touchpoints: what stands for the moment a customer comes in."""
    window_from: str | None
    window_to: str | None
    n: int
    value: float | None
    variance: float | None
    skewness: float | None
    covariate_gain: float | None
    """Share of the variance that what was known before the exposure takes away."""
    days: tuple[DayRow, ...] = ()
    capping: CapEffect | None = None
    mde: tuple[Detectable, ...] = ()
    false_positives: SplitCheck | None = None
    drift: tuple[Drift, ...] = ()
    marks: tuple[DayMark, ...] = ()
    """Days of the history whose data were not as they should be."""
    definition_version: int | None = None
    """Of which version of the metric the past was read."""
    reason: str | None = None
