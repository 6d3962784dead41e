"""Section of the Report: a few journeys as they went, so that a reader sees what the numbers are made of."""

from __future__ import annotations

from abplat.domain.report_base import Frozen

NOTE = (
    "Chosen by chance among the journeys that count, alike in every arm and of every ending. No id of a customer "
    "is in the report: a code stands for it, made with a secret of the experiment."
)


class SampledStage(Frozen, frozen=True, kw_only=True):
    """One stage of a journey as it was reached."""

    stage: str
    channel: str | None
    seconds: float
    """Since the journey began."""


class SampledJourney(Frozen, frozen=True, kw_only=True):
    """One journey."""

    variant: str
    code: str
    """Stands for the customer: the same within the experiment, and no way back to the id. Empty for plans that were
    frozen before the codes."""
    status: str
    """completed, open, abandoned, aborted or superseded."""
    next_stage: str | None
    """The first required stage that is missing."""
    after_exposure: float
    """Seconds from the exposure to the start."""
    seconds: float
    """From its start to its end; one that was left ends when its time was up, an open one has lasted so far."""
    touchpoints: int
    switches: int
    """Changes of channel."""
    path: tuple[str, ...]
    """Channels without consecutive repeats."""
    stages: tuple[SampledStage, ...]
    """In the order in which they were reached."""


class SampleSection(Frozen, frozen=True, kw_only=True):
    """The sample."""

    note: str = NOTE
    n_journeys: int
    """Journeys that it was drawn from."""
    journeys: tuple[SampledJourney, ...] = ()
