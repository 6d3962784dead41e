"""Reports with every part filled, whose numbers follow from a few counts.

``make_report`` is a journey win; ``make_trap`` a touchpoint that won while the journey lost;
``make_blocked`` the same win under a broken split; ``make_empty`` an experiment nobody met yet.
"""

from __future__ import annotations

from typing import Any

import msgspec

from abplat.domain import report as shape
from tests.web.report_arms import CHANNELS, CONTROL, STAGES, TRAP, WINNER, Arm
from tests.web.report_journeys import make_curve, make_links, make_map
from tests.web.report_metrics import make_metrics
from tests.web.report_words import (
    make_conflict,
    make_conflict_finding,
    make_findings,
    make_no_exposures,
    make_wait,
    make_win,
)


def make_report(control: Arm = CONTROL, treatment: Arm = WINNER, **over: Any) -> shape.Report:
    """Make the report of a journey win, any field replaced by name."""
    report = shape.Report(
        project="shop",
        experiment=_experiment(control, treatment),
        journey=_journey(),
        inputs=_inputs(),
        verdicts=(make_win(),),
        findings=make_findings(),
        metrics=make_metrics(control, treatment),
        links=(make_links(control, treatment),),
        conflicts=(
            make_conflict("form_sent", "journey_win", "The journey improved, and so did the quote form."),
            make_conflict("advice_used", "nothing_shown", "Nothing is shown for advice used."),
        ),
        survival=(make_curve(control, 0.30), make_curve(treatment, 0.36)),
        journey_map=make_map(control, treatment),
    )
    return msgspec.structs.replace(report, **over)


def make_trap(**over: Any) -> shape.Report:
    """Make the report of a form that is sent more often while fewer tents are bought."""
    verdict = shape.Verdict(
        variant="treatment",
        code="conflict",
        word="Worse",
        sentence="Do not ship: the touchpoint won, the journey lost.",
        why="The quote form is sent 26.4 % more often, but completed journeys changed by "
        "\u221215.6 % (\u221223.6 % to \u22127.6 %) and calls rise 18.7 %, past the guardrail of 5 %.",
        reasons=(
            "Journey completed: \u221215.6 %, plausible \u221223.6 % to \u22127.6 %.",
            "Quote form sent: +26.4 %, a touchpoint metric, which explains and never decides.",
            "Calls per customer: +18.7 %, worse than the margin of 5 %.",
        ),
        rule="conflict: a touchpoint is shown better while the journey is shown worse",
        may_ship=False,
    )
    conflicts = (
        make_conflict(
            "form_sent",
            "conflict",
            "The quote form is sent more often and fewer journeys are completed: "
            "customers who skip the size question ask again by phone and give up.",
            p=0.0004,
        ),
        make_conflict(
            "advice_used", "journey_harm", "The journey got worse; advice used shows no change.", p=0.41
        ),
    )
    base = make_report(
        treatment=TRAP,
        verdicts=(verdict,),
        conflicts=conflicts,
        findings=(*make_findings(), make_conflict_finding()),
        survival=(make_curve(CONTROL, 0.30), make_curve(TRAP, 0.245)),
    )
    facts = msgspec.structs.replace(base.experiment, key="trap", title="Quote form without the size question")
    return msgspec.structs.replace(base, experiment=facts, **over)


def make_blocked(**over: Any) -> shape.Report:
    """Make a report whose split is not as planned; its verdict words must not be shown."""
    finding = shape.Finding(
        code="sample_ratio",
        severity="block",
        title="Split not as planned: 54.3 / 45.7 against 50 / 50",
        detail="Customers did not reach the variants in the planned proportions (p < 0.001). Most common causes: "
        "a redirect before the exposure is sent; a bot filter; identity changes at log-in; weights changed.",
        evidence={"control": 6_412, "treatment": 5_388, "p_value": 1.2e-21, "statistic": 88.9},
        action="Compare the exposure counts per channel and day, and find where one variant loses customers.",
    )
    verdict = shape.Verdict(
        variant="treatment",
        code="not_trusted",
        word="Not trusted",
        sentence="Do not act on these numbers: the split is not as planned.",
        why="6,412 customers met control and 5,388 met treatment, against a plan of 50 to 50.",
        reasons=("The sample-ratio check failed with p < 0.001.",),
        rule="not_trusted: a check that every result rests on has failed",
        may_ship=False,
    )
    broken = Arm("treatment", "Shorter form", (5_388, 4_051, 2_598, 1_492, 793), 0.409, 1_611, 47.6)
    base = make_report(treatment=broken, verdicts=(verdict,), findings=(finding, *make_findings()[1:]))
    facts = msgspec.structs.replace(base.experiment, key="blocked", title="Reminder one day after the quote")
    return msgspec.structs.replace(base, experiment=facts, **over)


def make_empty(**over: Any) -> shape.Report:
    """Make the report of an experiment that runs and that nobody has met."""
    nobody = Arm("control", "Form as it is", (0, 0, 0, 0, 0), 0.0, 0, 0.0)
    report = make_report(
        control=nobody,
        treatment=Arm("treatment", "Shorter form", (0, 0, 0, 0, 0), 0.0, 0, 0.0),
        verdicts=(make_wait(),),
        findings=(make_no_exposures(),),
        conflicts=(),
        survival=(),
        journey_map=shape.JourneyMap(stages=(), hand_offs=(), endings=()),
    )
    facts = msgspec.structs.replace(report.experiment, key="empty", title="Store pick-up in two hours")
    return msgspec.structs.replace(report, experiment=facts, **over)


def _experiment(control: Arm, treatment: Arm) -> shape.ExperimentFacts:
    return shape.ExperimentFacts(
        key="shorter-form",
        title="Shorter quote form",
        owner="Ada Martin",
        hypothesis="We believe that a quote form of three fields, for customers who configured a tent, will make "
        "more of them finish the purchase, because half of those who leave do so at the size question.",
        state="running",
        started_at="2026-03-02T09:00:00Z",
        stopped_at=None,
        unit_type="cust",
        channels=CHANNELS,
        horizon="7d",
        alpha=0.05,
        variants=(_variant(control, is_control=True), _variant(treatment, is_control=False)),
    )


def _variant(arm: Arm, *, is_control: bool) -> shape.VariantFacts:
    n = arm.chain[0]
    return shape.VariantFacts(
        key=arm.key,
        title=arm.title,
        weight=5_000,
        is_control=is_control,
        n_exposed=round(n * 1.04),
        n_mature=n,
        n_crossover=round(n * 0.004),
    )


def _journey() -> shape.JourneyFacts:
    stages = tuple(
        shape.StageFacts(
            key=key,
            title=title,
            optional=key == "advice",
            moment_of_truth=key == "quote",
            department={"advice": "Service", "quote": "Sales"}.get(key, "Shop"),
        )
        for key, title in STAGES
    )
    return shape.JourneyFacts(
        key="buy", version=3, title="Buy a tent", owner="Ada Martin", window="14d", stages=stages
    )


def _inputs() -> shape.Inputs:
    return shape.Inputs(
        as_of="2026-03-23T06:00:00Z",
        data_through="2026-03-23T05:58:41Z",
        definitions_hash="9b74c9897bac770ffc029102a200c5de3c9f6f9a1c3d8d3b2f8e7a0b5d6c4e21",
        fact_versions={"touchpoints": 412, "exposures": 388, "aliases": 97},
        n_events=184_213,
        n_customers=13_312,
        n_journeys=14_806,
        code_version="0.2.0",
    )
