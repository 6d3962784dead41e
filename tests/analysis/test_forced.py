"""Changes of channel that customers were forced to, with their reasons."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from abplat.analysis.plan import AnalysisPlan, PlannedMetric
from abplat.analysis.scorecard import analyse
from abplat.clock import to_micros
from abplat.config import Settings
from abplat.domain.report import Report, decode_report, encode_report
from abplat.domain.report_links import ForcedSwitches
from abplat.facts.rows import ExposureRow, TouchpointRow
from abplat.web.terminal_links import render_links

from .simulated import AS_OF, HOUR, START, Shop, make_shop_plan

T0 = to_micros(START)
SENT = PlannedMetric(
    key="sent", title="Sent away", kind="channel_switches", role="secondary", direction="down", journey="buy",
    match=({"event": "redirected"},),
)  # fmt: skip


def make_plan() -> AnalysisPlan:
    """Return the shop's plan with a metric of forced changes."""
    plan = make_shop_plan()
    return replace(plan, metrics=(*plan.metrics, SENT))


def run(folder: Path, plan: AnalysisPlan) -> Report:
    """Let a form fail more often for the treatment; who is sent away twice for one reason is one customer."""
    shop = Shop(folder)
    for n in range(400):
        actor, variant = f"cust:{n}", ("control", "treatment")[n % 2]
        shop.exposures.append(ExposureRow(f"x{n}", actor, "form", variant, T0 + n * HOUR // 10, "web"))

        def tell(key: str, name: str, hours: float, channel: str, props: str | None = None) -> None:
            ts_us = T0 + n * HOUR // 10 + int(hours * HOUR)  # noqa: B023  # called at once
            shop.touchpoints.append(TouchpointRow(f"{key}{n}", actor, name, ts_us, channel, None, props))  # noqa: B023

        tell("v", "visit", 1, "web")
        tell("f", "page", 2, "app")
        if n % 20 in {1, 3, 5, 7, 8}:
            tell("a", "redirected", 3, "phone", '{"reason": "form failed"}')
            tell("b", "redirected", 4, "phone", '{"reason": "form failed"}')
        if n % 40 in {0, 1}:
            tell("c", "redirected", 5, "store", None)
        if n in {10, 11}:
            tell("d", "redirected", 6, "store", f'{{"reason": "rare {n}"}}')
        tell("early", "redirected", -50, "phone", '{"reason": "before"}')
    return analyse(shop.write(), plan, AS_OF, Settings(data_dir=folder))


def forced_of(report: Report) -> ForcedSwitches:
    """Return what is said of forced changes."""
    assert report.link_detail is not None
    [found] = report.link_detail.forced
    return found


def test_forced_changes_stand_beside_all_with_their_reasons(tmp_path: Path) -> None:
    """Customers are counted once per reason; what was before the exposure does not count."""
    report = run(tmp_path, make_plan())
    found = forced_of(report)

    assert (found.variant, found.metric) == ("treatment", "sent")
    assert (found.control_forced, found.treatment_forced) == (20 * 2 + 10 + 1, 80 * 2 + 10 + 1)
    assert found.control_switches >= 200
    assert [(row.reason, row.control_n, row.treatment_n) for row in found.reasons] == [
        ("form failed", 20, 80), ("not recorded", 10, 10), ("other", 1, 1),
    ]  # fmt: skip
    failed, unknown, _ = found.reasons
    assert failed.effect == pytest.approx(0.3)
    assert failed.p_holm is not None
    assert failed.p_holm < 0.001
    assert unknown.p_holm == 1.0
    assert decode_report(encode_report(report)) == report


def test_the_terminal_names_the_reasons(tmp_path: Path) -> None:
    """In words, with counts."""
    console = Console(width=160, record=True, file=io.StringIO())
    for part in render_links(run(tmp_path, make_plan())):
        console.print(part)

    assert "form failed: 20 and 80 customers" in console.export_text()


def test_nothing_is_said_where_no_metric_asks(tmp_path: Path) -> None:
    """Older plans, and metrics that count all changes."""
    everything = replace(SENT, match=None)
    plan = make_shop_plan()

    for each in (plan, replace(plan, metrics=(*plan.metrics, everything))):
        report = run(tmp_path / str(len(each.metrics)), each)
        assert report.link_detail is not None
        assert report.link_detail.forced == ()
