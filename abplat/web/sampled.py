"""The sample of journeys as a table: what the numbers are made of, one customer a line and no id."""

from __future__ import annotations

from dataclasses import dataclass

from abplat.domain.report import Report
from abplat.domain.report_samples import SampledJourney
from abplat.web import wording
from abplat.web.link_rows import stage_title, variant_title


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One journey."""

    code: str
    variant: str
    ending: str
    began: str
    lasted: str
    touchpoints: str
    path: str
    stages: str


@dataclass(frozen=True, slots=True)
class SampleTable:
    """All of them."""

    rows: tuple[SampleRow, ...]
    n_journeys: str
    note: str


def make_samples(report: Report) -> SampleTable | None:
    """Write the sample; None where the report holds none."""
    section = report.samples
    if section is None or not section.journeys:
        return None
    rows = tuple(_row(report, number, each) for number, each in enumerate(section.journeys, start=1))
    return SampleTable(rows, wording.count(section.n_journeys), section.note)


def _row(report: Report, number: int, journey: SampledJourney) -> SampleRow:
    """Write one journey."""
    ending = wording.ENDINGS.get(journey.status) or wording.humanise(journey.status)
    if journey.next_stage and journey.status != "completed":
        ending += f" before \u201c{stage_title(report, journey.next_stage)}\u201d"
    stages = [
        f"{stage_title(report, each.stage)}{f' ({wording.humanise(each.channel)})' if each.channel else ''}"
        + (f" after {wording.duration(each.seconds)}" if each.seconds else "")
        for each in journey.stages
    ]
    return SampleRow(
        code=journey.code or f"journey {number}",
        variant=variant_title(report, journey.variant),
        ending=ending,
        began=f"{wording.duration(journey.after_exposure)} after it" if journey.after_exposure else "with it",
        lasted=wording.duration(journey.seconds) if journey.seconds else "a moment",
        touchpoints=wording.count(journey.touchpoints),
        path=" \u2192 ".join(wording.humanise(channel) for channel in journey.path) or wording.DASH,
        stages="; ".join(stages) or wording.DASH,
    )
