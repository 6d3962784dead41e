"""The paths section as findings."""

from __future__ import annotations

from abplat.domain.report import Finding
from abplat.domain.report_identity import IdentitySection
from abplat.domain.report_paths import PathsSection, PathTest

PATHS_ALARM = 0.01


def path_findings(section: PathsSection | None, identity: IdentitySection | None) -> list[Finding]:
    """Say where an arm walks other paths than control.

    Where one arm is recognised otherwise than another nothing is said: joined ids have longer paths.
    """
    tests = section.tests if section and not (identity and identity.fallback) else ()
    return [_describe(test) for test in tests if test.p_value is not None and test.p_value < PATHS_ALARM]


def _describe(test: PathTest) -> Finding:
    """Write the finding of one variant; other paths are no fault, but they have to be read."""
    return Finding(
        code="paths",
        severity="info",
        title=f"Customers of {test.variant} walk other paths than those of control",
        detail=f"A permutation test over {test.n_paths} paths of first journeys. An equal share of completions may hide "
        "that customers were moved to another channel.",
        evidence={"variant": test.variant, "p_value": test.p_value, "paths": test.n_paths},
        action="Read the table of paths, and what the channels cost.",
    )
