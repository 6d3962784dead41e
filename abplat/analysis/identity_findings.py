"""The identity section as findings: each check passes, warns, or takes the verdict away."""

from __future__ import annotations

from abplat.domain.report import Finding
from abplat.domain.report_identity import IdentitySection, MergeCheck

_KINDS = {
    "limited": ("are beyond the limit of a type", "They stay alone: a customer has no more ids of one type."),
    "unidentified": (
        "customers are known by no customer id",
        "They count like everybody else; what they did under ids never joined is not seen.",
    ),
    "cluster": ("ids name a group", "A store or a household counts once, however many people it holds."),
}
MANY_UNIDENTIFIED = 0.5


def identity_findings(section: IdentitySection) -> list[Finding]:
    """Return the findings that the identity section asks for, beside split, crossover and coherence."""
    found = [*_recognition(section), *_merges(section), *_verdicts(section)]
    return [*found, *_drift(section), *_sdks(section), *_coverage(section), *_ids(section)]


def is_recognition(section: IdentitySection | None) -> bool:
    """Tell whether ids were split as planned and customers were not: the variant changes who is known."""
    if section is None or not section.splits:
        return False
    by_unit = {test.unit: test for test in section.splits}
    fresh, customers = by_unit["fresh"], by_unit["customers"]
    return customers.alarm and not fresh.alarm and fresh.p_value is not None


def _recognition(section: IdentitySection) -> list[Finding]:
    """Say that the variant changes who is recognised."""
    if not is_recognition(section):
        return []
    fresh, customers = section.splits
    return [
        Finding(
            code="identification",
            severity="block",
            title="The variant changes who is recognised",
            detail="Ids were assigned as planned, the customers they became are not split as planned: one variant "
            "joins or loses more ids than another. Customers of the arms cannot be compared.",
            evidence={
                **{f"customers_{key}": n for key, n in customers.counts.items()},
                "p_fresh": fresh.p_value,
                "p_customers": customers.p_value,
            },
            action="Do not decide on customers; read the row of assigned ids, and find what joins ids in one variant.",
        )
    ]


def _merges(section: IdentitySection) -> list[Finding]:
    """Say which arm is merged or recognised otherwise than control."""
    alarms = [check for check in section.merges if check.alarm]
    if not section.merges:
        return []
    if not alarms:
        return [
            Finding(
                code="merge_rate",
                severity="pass",
                title="Arms are recognised alike",
                detail="Ids per customer and the share identified do not differ between the arms.",
                evidence={"p_value": _smallest(section.merges)},
            )
        ]
    worst = min(alarms, key=lambda check: check.p_value or 0.0)
    what = "ids per customer" if worst.measure == "ids_per_customer" else "share identified"
    told = f"{worst.variant}: {what} {worst.treatment_value:.4g} against {worst.control_value:.4g}."
    robust = _is_robust(section, {check.variant for check in alarms})
    return [
        Finding(
            code="merge_rate",
            severity="warning" if robust else "block",
            title="Arms are not recognised alike",
            detail=f"{told} The variant changes how ids are joined; with assigned ids as units the result is the same."
            if robust
            else f"{told} The variant changes how ids are joined, so customers are no fair unit; the assigned id is.",
            evidence={"variant": worst.variant, "measure": worst.measure, "p_value": worst.p_value},
            action="Look at the row of assigned ids in the identity panel; it needs no joins."
            if robust
            else "Decide on the row of assigned ids in the identity panel, not on customers.",
        )
    ]


def _is_robust(section: IdentitySection, variants: set[str]) -> bool:
    """Tell whether each of some variants comes to the same conclusion whoever is taken for whom."""
    codes = {verdict.variant: verdict.code for verdict in section.verdicts}
    return all(codes.get(variant) == "robust" for variant in variants)


def _smallest(checks: tuple[MergeCheck, ...]) -> float | None:
    """Return the smallest p-value."""
    return min((check.p_value for check in checks if check.p_value is not None), default=None)


def _verdicts(section: IdentitySection) -> list[Finding]:
    """Say whether the result depends on identity resolution."""
    found = []
    for verdict in section.verdicts:
        if verdict.code == "not_computable":
            continue
        depends = verdict.code != "robust"
        found.append(
            Finding(
                code="identity_sensitivity",
                severity="warning" if depends else "pass",
                title="Depends on identity resolution" if depends else "Robust against identity resolution",
                detail=verdict.sentence,
                evidence={"variant": verdict.variant},
                action="Say so beside the result; test on known customers only, or repair the joins first."
                if depends
                else "",
            )
        )
    return found


def _drift(section: IdentitySection) -> list[Finding]:
    """Say that variants have stopped to travel with customers."""
    weeks = [row for row in section.coherence if row.group == "week" and row.alarm]
    return [
        Finding(
            code="coherence_drift",
            severity="warning",
            title=f"Since {weeks[0].value} fewer customers keep their variant",
            detail=f"{100 * (weeks[0].share or 0):.1f} % of customers met again in that week saw their own variant alone, "
            "fewer than before.",
            evidence={"week": weeks[0].value, "share": weeks[0].share, "p_value": weeks[0].p_value},
            action="Look for what was released then: an SDK, a channel, a change of log-in.",
        )
    ] if weeks else []  # fmt: skip


def _sdks(section: IdentitySection) -> list[Finding]:
    """Name the SDK, or the pair of channels, that breaks coherence."""
    names = {"sdk": "SDK", "channel_pair": "Channels"}
    rows = [row for row in section.coherence if row.group in names and row.alarm]
    return [
        Finding(
            code="coherence_source",
            severity="warning",
            title=f"{names[row.group]} {row.value}: {100 * (row.share or 0):.1f} % of customers keep their variant",
            detail="Fewer than elsewhere: the variant is decided there by another id, or by an older configuration.",
            evidence={"customers": row.n, "coherent": row.n_coherent, "p_value": row.p_value},
            action="Compare the unit that decides there with that of the other channels.",
        )
        for row in rows
    ]


def _coverage(section: IdentitySection) -> list[Finding]:
    """Name the channels that do not show the variant."""
    rows = [row for row in section.coverage if row.group == "channel"]
    low = [row for row in rows if row.alarm]
    if not rows:
        return []
    named = ", ".join(f"{row.value} {100 * (row.share or 0):.1f} %" for row in low or rows)
    return [
        Finding(
            code="coverage",
            severity="warning" if low else "pass",
            title="A channel does not show the variant" if low else "Channels show the variant",
            detail=f"Customer-days with a touchpoint that could show the variant and did: {named}.",
            evidence={f"{row.value}_share": row.share for row in rows},
            action="Check that the channel asks for the decision and records the exposure." if low else "",
        )
    ]


def _ids(section: IdentitySection) -> list[Finding]:
    """Count what is no ordinary customer."""
    n_customers = section.crossover.n_customers if section.crossover else 0
    found = []
    for count in section.ids:
        few = count.kind == "unidentified" and count.n <= MANY_UNIDENTIFIED * n_customers
        if count.kind not in _KINDS or not count.n or few:
            continue
        title, detail = _KINDS[count.kind]
        example = {"example": count.examples[0]} if count.examples else {}
        found.append(
            Finding(
                code=f"{count.kind}_ids",
                severity="info",
                title=f"{count.n:,} {'' if count.kind != 'limited' else 'ids '}{title}",
                detail=detail,
                evidence={count.kind: count.n, **example},
            )
        )
    return found
