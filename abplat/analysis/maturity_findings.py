"""The maturity section as findings: does the effect last, and is it the same in every week."""

from __future__ import annotations

from abplat.domain.report import Finding
from abplat.domain.report_maturity import MaturitySection, Novelty

WEEKS_ALARM = 0.001


def maturity_findings(section: MaturitySection | None) -> list[Finding]:
    """Return what a reader must know of time before believing an average."""
    if section is None:
        return []
    found = [_describe_novelty(row) for row in section.novelty if row.pattern in {"fading", "growing"}]
    return [*found, *_weeks(section)]


def _describe_novelty(row: Novelty) -> Finding:
    """Say that the effect changes with the time since exposure."""
    fades = row.alarm
    span = (
        f"{100 * (row.first or 0):+.1f} % at first, {100 * (row.last or 0):+.1f} % at the end of the horizon"
    )
    return Finding(
        code="novelty",
        severity="warning" if fades else "info",
        title="The effect fades" if fades else "The effect grows",
        detail=f"{row.variant}: by time since exposure {span}. "
        + (
            "Curiosity that passes, or completions that only came earlier: the average promises more than is left."
            if fades
            else "Customers learn it: the average promises less than will come."
        ),
        evidence={"variant": row.variant, "slope": row.slope, "p_value": row.p_value},
        action="Run longer, and decide on the effect of the last days." if fades else "",
    )


def _weeks(section: MaturitySection) -> list[Finding]:
    """Say that the effect differs by the week of exposure."""
    return [
        Finding(
            code="weeks",
            severity="warning",
            title="The effect is not the same in every week",
            detail=f"{test.variant}: customers first exposed in different weeks were moved differently.",
            evidence={"variant": test.variant, "p_value": test.p_value},
            action="Look for what else changed: a release, a campaign, another kind of customers.",
        )
        for test in section.weeks_p
        if test.p_value is not None and test.p_value < WEEKS_ALARM
    ]
