"""Reports with every part filled, whose numbers follow from a few counts.

``make_report`` is a journey win; ``make_trap`` a touchpoint that won while the journey lost;
``make_blocked`` the same win under a broken split; ``make_empty`` an experiment nobody met yet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import msgspec

from abplat.domain import report as shape

CHANNELS = ("web", "app", "store", "contact_centre")
STAGES = (
    ("visit", "Visit"),
    ("configure", "Configure the tent"),
    ("advice", "Ask for advice"),
    ("quote", "Ask for a quote"),
    ("purchase", "Purchase"),
)
REQUIRED = ("visit", "configure", "quote", "purchase")
TITLES = dict(STAGES)
Z = 1.959964


@dataclass(frozen=True)
class Arm:
    """One arm by its counts: exposed, then customers who reached each required stage."""

    key: str
    title: str
    chain: tuple[int, ...]
    calls: float
    form: int
    value: float


CONTROL = Arm("control", "Form as it is", (6_412, 4_936, 2_964, 1_610, 824), 0.418, 1_702, 41.2)
WINNER = Arm("treatment", "Shorter form", (6_388, 4_951, 3_128, 1_842, 968), 0.409, 1_951, 48.1)
TRAP = Arm("treatment", "Shorter form", (6_388, 4_940, 3_010, 2_020, 693), 0.496, 2_143, 34.4)


def make_report(control: Arm = CONTROL, treatment: Arm = WINNER, **over: Any) -> shape.Report:
    """Make the report of a journey win, any field replaced by name."""
    report = shape.Report(
        project="shop",
        experiment=_experiment(control, treatment),
        journey=_journey(),
        inputs=_inputs(),
        verdicts=(_win(),),
        findings=_findings(),
        metrics=_metrics(control, treatment),
        links=(_links(control, treatment),),
        conflicts=(
            _conflict("form_sent", "journey_win", "The journey improved, and so did the quote form."),
            _conflict("advice_used", "nothing_shown", "Nothing is shown for advice used."),
        ),
        survival=(_curve(control, 0.30), _curve(treatment, 0.36)),
        journey_map=_map(control, treatment),
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
        _conflict(
            "form_sent",
            "conflict",
            "The quote form is sent more often and fewer journeys are completed: "
            "customers who skip the size question ask again by phone and give up.",
            p=0.0004,
        ),
        _conflict(
            "advice_used", "journey_harm", "The journey got worse; advice used shows no change.", p=0.41
        ),
    )
    base = make_report(
        treatment=TRAP,
        verdicts=(verdict,),
        conflicts=conflicts,
        findings=(*_findings(), _conflict_finding()),
        survival=(_curve(CONTROL, 0.30), _curve(TRAP, 0.245)),
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
    base = make_report(treatment=broken, verdicts=(verdict,), findings=(finding, *_findings()[1:]))
    facts = msgspec.structs.replace(base.experiment, key="blocked", title="Reminder one day after the quote")
    return msgspec.structs.replace(base, experiment=facts, **over)


def make_empty(**over: Any) -> shape.Report:
    """Make the report of an experiment that runs and that nobody has met."""
    nobody = Arm("control", "Form as it is", (0, 0, 0, 0, 0), 0.0, 0, 0.0)
    report = make_report(
        control=nobody,
        treatment=Arm("treatment", "Shorter form", (0, 0, 0, 0, 0), 0.0, 0, 0.0),
        verdicts=(_wait(),),
        findings=(_no_exposures(),),
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


def _finding(code: str, severity: str, title: str, detail: str, action: str = "") -> shape.Finding:
    return shape.Finding(code=code, severity=severity, title=title, detail=detail, action=action)


def _findings() -> tuple[shape.Finding, ...]:
    return (
        _finding("sample_ratio", "pass", "Split as planned", "50.1 / 49.9 against 50 / 50 (p = 0.83)."),
        shape.Finding(
            code="crossover",
            severity="warning",
            title="0.4 % of customers met both variants",
            detail="51 customers were met by both variants, most often because a store tablet is shared.",
            evidence={"customers": 51, "share": 0.004},
            action="Send the loyalty card with each store contact, so that the tablet keeps one variant a customer.",
        ),
        _finding(
            "shared_ids", "info", "3 identifiers are shared", "3 phone numbers belong to many customers."
        ),
        _finding("freshness", "pass", "Facts are fresh", "The youngest fact is 1 minute old."),
    )


def _conflict_finding() -> shape.Finding:
    return _finding(
        "conflict",
        "warning",
        "Touchpoint won, journey lost",
        "Quote form sent rose while completion fell.",
        "Read the links: see where customers are lost after the quote.",
    )


def _no_exposures() -> shape.Finding:
    return _finding(
        "no_exposures",
        "warning",
        "No exposures are arriving",
        "No customer has met a variant since the start.",
        "Check that the SDK has a key of this project and that it sends exposures.",
    )


def _win() -> shape.Verdict:
    return shape.Verdict(
        variant="treatment",
        code="ship",
        word="Better",
        sentence="Ship it: more journeys are completed and no guardrail is harmed.",
        why="Completed journeys changed by +17.9 % (+8.6 % to +27.2 %), calls per customer by \u22122.2 % "
        "(margin 5 %), and revenue per customer by +16.7 %.",
        reasons=(
            "Journey completed: shown better at the level of 5 %.",
            "Calls per customer: shown no worse than the margin of 5 %.",
        ),
        rule="ship: the goal is shown better and every guardrail is shown non-inferior",
        may_ship=True,
    )


def _wait() -> shape.Verdict:
    return shape.Verdict(
        variant="treatment",
        code="extend",
        word="Too early",
        sentence="Wait: no customer has met a variant.",
        why="0 of about 12,000 customers needed so far.",
        reasons=(),
        rule="extend: the planned power is not reached",
        may_ship=False,
    )


def _metrics(control: Arm, treatment: Arm) -> tuple[shape.MetricResult, ...]:
    def chain(arm: Arm, index: int) -> float:
        return arm.chain[index]

    share = ("share", 0.0)
    arms = (control, treatment)
    return (
        _metric("completed", "Journey completed", "completion", "primary", "up", share, [chain(a, 4) for a in arms], arms),
        _metric("calls", "Calls per customer", "effort", "guardrail", "down", ("count", 0.9),
                [a.calls * a.chain[0] for a in arms], arms, margin=0.05),
        _metric("complaints", "Complaints", "touchpoint", "guardrail", "down", share,
                [a.chain[0] * (0.011 + 0.0004 * i) for i, a in enumerate(arms)], arms, margin=0.25),
        _metric("revenue", "Revenue per customer", "value", "secondary", "up", ("value", 120.0),
                [a.value * a.chain[0] for a in arms], arms),
        _metric("reach_quote", "Reached \u201cAsk for a quote\u201d", "reach", "secondary", "up", share,
                [chain(a, 3) for a in arms], arms),
        _metric("time", "Time to complete", "time_to_complete", "secondary", "down", ("seconds", 150_000.0),
                [a.chain[0] * (560_000 - 60 * a.chain[4]) for a in arms], arms),
        _metric("form_sent", "Quote form sent", "touchpoint", "touchpoint", "up", share, [a.form for a in arms], arms),
        _metric("advice_used", "Advice used", "touchpoint", "touchpoint", "up", share,
                [a.chain[0] * 0.121 + 3 for a in arms], arms),
    )  # fmt: skip


def _metric(  # noqa: PLR0917  # a row of a table
    key: str, title: str, kind: str, role: str, direction: str,
    scale: tuple[str, float], totals: list[float], arms: tuple[Arm, Arm], margin: float | None = None,
) -> shape.MetricResult:  # fmt: skip
    unit, deviation = scale
    values = tuple(
        shape.VariantValue(
            variant=arm.key,
            n=arm.chain[0],
            total=round(total, 4),
            value=round(total / arm.chain[0], 8) if arm.chain[0] else None,
            reason=None if arm.chain[0] else "no_units",
        )
        for arm, total in zip(arms, totals, strict=True)
    )
    effect = _effect(values, deviation, direction, "rmst" if unit == "seconds" else "welch")
    return shape.MetricResult(
        key=key, title=title, kind=kind, role=role, direction=direction, unit=unit, margin=margin,
        values=values, effects=(effect,),
    )  # fmt: skip


def _effect(
    values: tuple[shape.VariantValue, ...], deviation: float, direction: str, method: str
) -> shape.Effect:
    control, treatment = values
    if control.value is None or treatment.value is None:
        return no_effect("no_units", method)

    def variance(cell: shape.VariantValue) -> float:
        mean = cell.value or 0.0
        return (deviation**2 if deviation else mean * (1 - mean)) / cell.n

    effect = treatment.value - control.value
    se = math.sqrt(variance(control) + variance(treatment))
    rel = effect / control.value
    rel_se = math.sqrt(variance(treatment) + (1 + rel) ** 2 * variance(control)) / control.value
    oriented = effect if direction == "up" else -effect
    shown = abs(effect) > Z * se
    return shape.Effect(
        variant="treatment",
        effect=effect,
        se=se,
        ci_lower=effect - Z * se,
        ci_upper=effect + Z * se,
        rel_effect=rel,
        rel_ci_lower=rel - Z * rel_se,
        rel_ci_upper=rel + Z * rel_se,
        p_value=math.erfc(abs(effect) / se / math.sqrt(2)),
        verdict=("better" if oriented > 0 else "worse") if shown else "inconclusive",
        method=method,
    )


def no_effect(reason: str, method: str = "welch") -> shape.Effect:
    """Make an effect without any number."""
    return shape.Effect(
        variant="treatment", effect=None, se=None, ci_lower=None, ci_upper=None, rel_effect=None,
        rel_ci_lower=None, rel_ci_upper=None, p_value=None, verdict="not_computable", method=method,
        reason=reason, rel_reason=reason,
    )  # fmt: skip


def _links(control: Arm, treatment: Arm) -> shape.LinkDecomposition:
    names = ("exposed", *REQUIRED)
    rates = [_rates(arm) for arm in (control, treatment)]
    known = all(rate is not None for arm in rates for rate in arm)
    shapley = _shapley(*rates) if known else [None] * 4
    links = tuple(
        shape.LinkEffect(
            source=names[index],
            target=names[index + 1],
            control_rate=rates[0][index],
            treatment_rate=rates[1][index],
            log_ratio=math.log(rates[1][index] / rates[0][index]) if known else None,
            log_ratio_se=0.02 if known else None,
            points=part,
            points_ci_lower=None if part is None else part - 0.0061,
            points_ci_upper=None if part is None else part + 0.0061,
            points_lmdi=part,
            reason=None if known else "no_units",
        )
        for index, part in enumerate(shapley)
    )
    difference = sum(shapley) if known else None
    return shape.LinkDecomposition(
        variant="treatment",
        control_counts=control.chain,
        treatment_counts=treatment.chain,
        difference=difference,
        ci_lower=None if difference is None else difference - 0.0118,
        ci_upper=None if difference is None else difference + 0.0118,
        log_ratio=None,
        log_ratio_se=None,
        links=links,
        caption="An accounting of the total effect, not the effect of changing this link alone.",
        reason=None if known else "no_units",
    )


def _rates(arm: Arm) -> list[Any]:
    pairs = zip(arm.chain, arm.chain[1:], strict=False)
    return [after / before if before else None for before, after in pairs]


def _shapley(control: list[float], treatment: list[float]) -> list[Any]:
    size = len(control)
    parts = [0.0] * size
    for mask in range(1 << size):
        for index in range(size):
            if mask >> index & 1:
                continue
            chosen = mask.bit_count()
            weight = math.factorial(chosen) * math.factorial(size - chosen - 1) / math.factorial(size)
            rest = math.prod(
                treatment[other] if mask >> other & 1 else control[other]
                for other in range(size)
                if other != index
            )
            parts[index] += weight * rest * (treatment[index] - control[index])
    return parts


def _conflict(metric: str, state: str, sentence: str, p: float = 0.62) -> shape.Conflict:
    return shape.Conflict(
        variant="treatment", metric=metric, state=state, p_value=p, p_holm=min(1.0, 2 * p), sentence=sentence
    )


def _curve(arm: Arm, speed: float) -> shape.SurvivalCurve:
    tau = 7 * 86_400.0
    share = arm.chain[4] / max(arm.chain[0], 1)
    times = tuple(tau * step / 28 for step in range(29))
    survival = tuple(
        1 - share * (1 - math.exp(-speed * time / 86_400 * 3)) / (1 - math.exp(-speed * 21)) for time in times
    )
    band = [1.96 * math.sqrt(value * (1 - value) / max(arm.chain[0], 1)) for value in survival]
    return shape.SurvivalCurve(
        variant=arm.key,
        times=times,
        survival=survival,
        ci_lower=tuple(value - half for value, half in zip(survival, band, strict=True)),
        ci_upper=tuple(min(1.0, value + half) for value, half in zip(survival, band, strict=True)),
        at_risk=tuple(
            round(arm.chain[0] * value * (1 - 0.012 * index)) for index, value in enumerate(survival)
        ),
        n_events=arm.chain[4],
        n_censored=arm.chain[0] - arm.chain[4],
        rmst=tau * (1 - share * 0.62),
        median=None,
        tau=tau,
    )


def _map(control: Arm, treatment: Arm) -> shape.JourneyMap:
    stages: list[shape.StageChannel] = []
    flows: list[shape.HandOff] = []
    for arm in (control, treatment):
        stages.extend(_cells(arm))
        flows.extend(_flows(arm, shift=0.0 if arm is control else (arm.calls - control.calls) * 0.6))
    return shape.JourneyMap(
        stages=tuple(stages), hand_offs=tuple(flows), endings=_endings(control) + _endings(treatment)
    )


SHARES = {"web": 0.52, "app": 0.25, "store": 0.16, "contact_centre": 0.07}


def _reach(arm: Arm) -> dict[str, int]:
    visit, configure, quote, purchase = arm.chain[1:]
    return {
        "visit": visit,
        "configure": configure,
        "advice": round(arm.calls * 900),
        "quote": quote,
        "purchase": purchase,
    }


def _cells(arm: Arm) -> list[shape.StageChannel]:
    cells = []
    for stage, n in _reach(arm).items():
        for channel, share in SHARES.items():
            if stage == "advice" and channel in {"web", "app"}:
                continue
            part = (0.85 if channel == "contact_centre" else 0.15) if stage == "advice" else share
            cells.append(shape.StageChannel(variant=arm.key, stage=stage, channel=channel, n=round(n * part)))
    return cells


def _flows(arm: Arm, shift: float) -> list[shape.HandOff]:
    reach = _reach(arm)
    plan = [
        ("visit", "configure", "web", "web", 0.50), ("visit", "configure", "app", "app", 0.23),
        ("visit", "configure", "store", "store", 0.13), ("visit", "configure", "web", "app", 0.06),
        ("configure", "advice", "web", "contact_centre", 0.62 + 4 * shift),
        ("configure", "advice", "store", "store", 0.14), ("configure", "quote", "web", "web", 0.48),
        ("configure", "quote", "app", "app", 0.2), ("configure", "quote", "store", "store", 0.12),
        ("advice", "quote", "contact_centre", "web", 0.07), ("advice", "quote", "store", "store", 0.02),
        ("quote", "purchase", "web", "web", 0.47 - shift), ("quote", "purchase", "app", "app", 0.2),
        ("quote", "purchase", "web", "store", 0.1), ("quote", "purchase", "store", "store", 0.12),
        ("quote", "purchase", "web", "contact_centre", 0.05 + shift / 2),
    ]  # fmt: skip
    return [
        shape.HandOff(
            variant=arm.key, source=source, target=target, from_channel=left, to_channel=right,
            n=round(reach[target] * share), median_seconds=3_600.0 * (2 + 9 * index),
        )
        for index, (source, target, left, right, share) in enumerate(plan)
    ]  # fmt: skip


def _endings(arm: Arm) -> tuple[shape.Ending, ...]:
    _, visit, configure, quote, purchase = arm.chain
    rows = [
        ("completed", None, purchase),
        ("open", "purchase", round((quote - purchase) * 0.2)),
        ("abandoned", "configure", visit - configure),
        ("abandoned", "quote", configure - quote),
        ("abandoned", "purchase", round((quote - purchase) * 0.7)),
        ("aborted", "purchase", round((quote - purchase) * 0.1)),
    ]
    return tuple(
        shape.Ending(variant=arm.key, status=status, next_stage=stage, n=n) for status, stage, n in rows
    )
