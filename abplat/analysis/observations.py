"""What was observed beside the experiment, put into the Report as it is."""

from __future__ import annotations

from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report_observations import ObservationFacts, SeriesPoint


def list_observations(plan: AnalysisPlan) -> tuple[ObservationFacts, ...]:
    """Return the observations in the order of their keys."""
    return tuple(
        ObservationFacts(
            key=found["key"],
            title=found["title"],
            owner=found["owner"],
            kind=found["kind"],
            stage=found.get("stage"),
            variant=found.get("variant"),
            observed_from=found["observed_from"],
            observed_to=found.get("observed_to"),
            n=found.get("n"),
            finding=found.get("finding") or "",
            leaning=found.get("leaning") or "neutral",
            source=found.get("source") or "",
            unit=found.get("unit") or "",
            points=tuple(
                SeriesPoint(at=each["at"], value=each["value"]) for each in found.get("points") or ()
            ),
        )
        for found in sorted(plan.observations, key=lambda each: str(each["key"]))
    )
