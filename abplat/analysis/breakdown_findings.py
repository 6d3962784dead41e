"""The breakdowns section as findings."""

from __future__ import annotations

from abplat.domain.report import Finding
from abplat.domain.report_breakdowns import Breakdown, BreakdownsSection

INTERACTION_ALARM = 0.01


def breakdown_findings(section: BreakdownsSection | None) -> list[Finding]:
    """Say by what the effect differs, after correction for the number of questions."""
    found = section.breakdowns if section else ()
    return [
        _describe(row)
        for row in found
        if row.interaction_p_adjusted is not None and row.interaction_p_adjusted < INTERACTION_ALARM
    ]


def _describe(row: Breakdown) -> Finding:
    """Write the finding of one breakdown."""
    named = " and ".join(name.replace("_", " ") for name in row.dimensions)
    return Finding(
        code="interaction",
        severity="info",
        title=f"The effect of {row.variant} differs by {named}",
        detail=row.reading,
        evidence={
            "variant": row.variant,
            "p_value": row.interaction_p_adjusted,
            "i_squared": row.i_squared,
            "p_opposite": row.opposite_p,
        },
        action="Test it again among those who gain before treating kinds of customers differently.",
    )
