"""Flags of comparisons become findings."""

from __future__ import annotations

from abplat.analysis.flag_findings import flag_findings
from abplat.domain.notes import FLAGS
from abplat.domain.report import Effect, MetricResult


def make_metric(key: str, reason: str | None, effect: float | None = 0.1) -> MetricResult:
    """Make a metric whose one effect has flags, or a reason."""
    found = Effect(
        variant="treatment", effect=effect, se=0.1, ci_lower=-0.1, ci_upper=0.3, rel_effect=None,
        rel_ci_lower=None, rel_ci_upper=None, p_value=0.3, verdict="inconclusive", method="welch", reason=reason,
    )  # fmt: skip
    return MetricResult(
        key=key, title=key.title(), kind="value", role="secondary", direction="up", unit="value", margin=None,
        values=(), effects=(found,),
    )  # fmt: skip


def test_a_flag_is_one_finding_over_all_metrics() -> None:
    """It names the metrics, says what it means and what to do."""
    [finding] = flag_findings(
        [
            make_metric("spend", "normal_interval_unreliable"),
            make_metric("value", "normal_interval_unreliable"),
        ]
    )

    assert finding.code == "normal_interval_unreliable"
    assert finding.severity == "warning"
    assert finding.title == "A few large values may decide: Spend, Value"
    assert finding.evidence == {"metrics": "spend, value"}
    assert finding.action == FLAGS["normal_interval_unreliable"].action


def test_several_flags_are_told_apart_and_arms_that_differed_block() -> None:
    """An imbalance from before the test withholds every verdict."""
    found = flag_findings([make_metric("spend", "covariate_imbalance, strata_merged")])

    assert [(each.code, each.severity) for each in found] == [
        ("covariate_imbalance", "block"),
        ("strata_merged", "info"),
    ]


def test_a_reason_without_a_number_is_no_flag() -> None:
    """It stands in the place of the number already."""
    assert flag_findings([make_metric("spend", "no_units", None), make_metric("value", None)]) == []
