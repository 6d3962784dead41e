"""The way through the journey in the factory's reports: links, curves, map and endings."""

from __future__ import annotations

import math
from typing import Any

from abplat.domain import report as shape
from tests.web.report_arms import REQUIRED, Arm

SHARES = {"web": 0.52, "app": 0.25, "store": 0.16, "contact_centre": 0.07}


def make_links(control: Arm, treatment: Arm) -> shape.LinkDecomposition:
    """Share the difference in completion out over the links."""
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


def make_curve(arm: Arm, speed: float) -> shape.SurvivalCurve:
    """Draw the time to complete of one arm."""
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


def make_map(control: Arm, treatment: Arm) -> shape.JourneyMap:
    """Draw where both arms walked."""
    stages: list[shape.StageChannel] = []
    flows: list[shape.HandOff] = []
    for arm in (control, treatment):
        stages.extend(_cells(arm))
        flows.extend(_flows(arm, shift=0.0 if arm is control else (arm.calls - control.calls) * 0.6))
    return shape.JourneyMap(
        stages=tuple(stages), hand_offs=tuple(flows), endings=_endings(control) + _endings(treatment)
    )


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
