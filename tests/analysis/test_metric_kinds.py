"""Every kind of the catalogue, on four customers whose numbers can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from abplat.domain.metric_kinds import KINDS
from abplat.domain.report import Report

from .small_world import make_metric, row_of, run_world

J: dict[str, Any] = {"journey": "buy"}
CALL: dict[str, Any] = {"match": [{"event": "call"}]}
VISIT: dict[str, Any] = {"match": [{"event": "visit"}]}
BOUGHT: dict[str, Any] = {"match": [{"event": "purchase"}]}
LINK: dict[str, Any] = {**J, "source": "quote", "target": "purchase"}
TABLE: list[tuple[str, str, dict[str, Any], float | None, float | None]] = [
    ("completion", "completion", J, 0.5, 0.5),
    ("start", "start", J, 1.0, 0.5),
    ("reach", "reach", {**J, "stage": "quote"}, 1.0, 0.5),
    ("per-journey", "completion_per_journey", J, 0.5, 1.0),
    ("time", "time_to_complete", J, (26 + 168) / 2 * 3600, (3 + 168) / 2 * 3600),
    ("latency", "stage_latency", J, None, None),
    ("effort", "effort", J, 4.0, 2.0),
    ("effort-done", "effort_per_completion", J, 5.0, 4.0),
    ("switches", "channel_switches", J, 1.0, 0.5),
    ("forced", "channel_switches", {**J, "match": [{"event": "call", "props": {"reason": "quote"}}]}, 0.5, 0.0),
    ("link", "link_conversion", LINK, 0.5, 0.5),
    ("link-phone", "link_conversion", {**LINK, "to_channel": "phone"}, 0.0, 0.5),
    ("link-nowhere", "link_conversion", {**LINK, "from_channel": "fax"}, 0.0, 0.0),
    ("rate", "link_rate", {**J, "source": "quote", "target": "purchase"}, 0.5, 1.0),
    ("link-time", "link_latency", LINK, None, None),
    ("back", "backtracking", J, 0.5, 0.0),
    ("back-count", "backtracking", {**J, "measure": "count"}, 0.5, 0.0),
    ("again", "recapture", J, 0.5, 0.0),
    ("left", "abandonment", J, 0.5, 0.0),
    ("left-purchase", "abandonment", {**J, "stage": "purchase"}, 0.5, 0.0),
    ("left-quote", "abandonment", {**J, "stage": "quote"}, 0.0, 0.0),
    ("level", "lifecycle_progress", J, 1.5, 1.0),
    ("contacts", "contacts", {}, 1.0, 1.5),
    ("contacts-web", "contacts", {"channels": ["web"]}, 2.5, 0.5),
    ("first", "first_contact_resolution", {**J, **CALL, "property": "topic"}, 0.0, 1.0),
    ("repeat", "repeat_contact", {**CALL, "property": "topic"}, 0.5, 0.0),
    ("repeat-soon", "repeat_contact", {**CALL, "property": "topic", "within": "30m"}, 0.0, 0.0),
    ("avoidable", "avoidable_contacts", J, 0.5, 0.0),
    ("complaints", "complaints", {"match": [{"event": "complaint"}]}, 0.0, 0.0),
    ("complaints-late", "complaints", {"match": [{"event": "complaint"}], "follow_up": "7d"}, 0.5, 0.0),
    ("touch", "touchpoint", CALL, 0.5, 0.5),
    ("touch-count", "touchpoint", {**CALL, "measure": "count"}, 1.0, 0.5),
    ("revenue", "value", BOUGHT, 25.0, 15.0),
    ("revenue-capped", "value", {**BOUGHT, "cap": {"at": 40}}, 20.0, 15.0),
    ("revenue-journey", "value_per_journey", {**J, **BOUGHT}, 25.0, 30.0),
    ("renewed", "renewal", {"match": [{"event": "renew"}], "over": [{"event": "contract"}], "property": "due"}, 1.0, 0.0),
    ("churned", "churn", {"match": [{"event": "complaint"}]}, None, None),
    ("csat", "csat", {"score": "csat"}, 1.0, 0.0),
    ("csat-mean", "csat", {"score": "csat", "measure": "mean"}, 5.0, 2.0),
    ("nps", "nps", {"score": "nps"}, 100.0, -100.0),
    ("ces", "ces", {"score": "ces"}, 6.0, 3.0),
    ("mood", "emotion", {"score": "mood"}, 0.5, -0.8),
    ("mood-share", "emotion", {"score": "mood", "measure": "share"}, 0.0, 1.0),
    ("answered", "response_rate", {"score": "csat", "over": [{"event": "invited"}]}, 0.5, 1.0),
    ("coherent", "coherence", {}, None, 1.0),
    ("covered", "coverage", {"channels": ["web"]}, 0.4, 3.0),
    ("crossed", "crossover", {}, 0.0, 0.0),
    ("count", "count", VISIT, 1.5, 0.5),
    ("sum", "sum", {**BOUGHT, "property": "items"}, 1.5, 0.5),
    ("distinct", "distinct", {**CALL, "property": "reason"}, 1.0, 0.0),
    ("mean", "mean", BOUGHT, 50.0, 30.0),
    ("mean-items", "mean", {**BOUGHT, "property": "items"}, 3.0, 1.0),
    ("ratio", "ratio", {**VISIT, "over": [{"event": "purchase"}]}, 3.0, 1.0),
    ("median", "quantile", {**BOUGHT, "quantile": 0.5}, None, None),
    ("often", "threshold", {**VISIT, "at_least": 2}, 0.5, 0.0),
    ("worth", "threshold", {**BOUGHT, "at_least": 40, "measure": "value"}, 0.5, 0.0),
    ("back-later", "retention", {"match": [{"event": "login"}], "delay": "7d", "window": "14d"}, 0.0, 0.5),
    ("delayed", "count", {**VISIT, "delay": "90m"}, 0.5, 0.0),
    ("short", "count", {**VISIT, "window": "2h"}, 1.0, 0.5),
    ("net", "composite", {"parts": [{"metric": "revenue", "weight": 1}, {"metric": "contacts", "weight": -5}]}, 20.0, 7.5),
]  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """All kinds in one analysis."""
    metrics = [make_metric(key, kind, **over) for key, kind, over, _, _ in TABLE]
    return run_world(tmp_path_factory.mktemp("world"), metrics)


@pytest.mark.parametrize(("key", "control", "treatment"), [(row[0], *row[3:]) for row in TABLE], ids=str)
def test_each_kind_counts_what_it_says(
    report: Report, key: str, control: float | None, treatment: float | None
) -> None:
    """The value of both arms; where nobody can be counted there is a reason and no number."""
    first, second = row_of(report, key).values
    if key not in {"latency", "link-time", "churned", "median"}:
        assert first.value == (None if control is None else pytest.approx(control, rel=1e-3))
        assert second.value == pytest.approx(treatment, rel=1e-3)
    assert (first.value is None) == (first.reason is not None)


def test_the_table_knows_every_kind() -> None:
    """A new kind needs a line here."""
    assert {row[1] for row in TABLE} == set(KINDS)


def test_what_compares_selected_people_gets_no_verdict(report: Report) -> None:
    """Their denominators are outcomes of the treatment."""
    found = {metric.kind for metric in report.metrics if metric.is_descriptive}

    assert found == {"stage_latency", "effort_per_completion", "link_rate", "link_latency", "coherence",
                     "coverage", "crossover"}  # fmt: skip
    assert {
        effect.verdict for metric in report.metrics if metric.is_descriptive for effect in metric.effects
    } <= {"descriptive", "not_computable"}


def test_a_window_that_is_still_open_counts_nobody(tmp_path: Path) -> None:
    """Retention from day 7 to 70 of customers watched for 60 days."""
    late = make_metric("late", "retention", match=[{"event": "login"}], delay="7d", window="63d")
    found = row_of(run_world(tmp_path, [late]), "late")

    assert [value.reason for value in found.values] == ["no_units", "no_units"]
