"""Section of the Report: what was observed beside the experiment. None of it is randomised."""

from __future__ import annotations

from abplat.domain.report_base import Frozen

CAPTION = "Observed, not randomised: it explains and never enters an estimate or a verdict."


class SeriesPoint(Frozen, frozen=True, kw_only=True):
    """One number of an external series."""

    at: str
    value: float


class ObservationFacts(Frozen, frozen=True, kw_only=True):
    """One evidence item or external series."""

    key: str
    title: str
    owner: str
    kind: str
    """survey, mystery_visit, panel, interview, review or series."""
    stage: str | None
    variant: str | None
    observed_from: str
    observed_to: str | None
    n: int | None
    finding: str
    leaning: str
    """for, against or neutral, as its owner reads it."""
    source: str
    unit: str
    points: tuple[SeriesPoint, ...]
    caption: str = CAPTION
