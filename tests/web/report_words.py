"""What the factory's reports say: checks, decisions, and touchpoints held against the journey."""

from __future__ import annotations

from abplat.domain import report as shape


def make_finding(code: str, severity: str, title: str, detail: str, action: str = "") -> shape.Finding:
    """Make a check."""
    return shape.Finding(code=code, severity=severity, title=title, detail=detail, action=action)


def make_findings() -> tuple[shape.Finding, ...]:
    """Make the checks of a sound experiment."""
    return (
        make_finding("sample_ratio", "pass", "Split as planned", "50.1 / 49.9 against 50 / 50 (p = 0.83)."),
        shape.Finding(
            code="crossover",
            severity="warning",
            title="0.4 % of customers met both variants",
            detail="51 customers were met by both variants, most often because a store tablet is shared.",
            evidence={"customers": 51, "share": 0.004},
            action="Send the loyalty card with each store contact, so that the tablet keeps one variant a customer.",
        ),
        make_finding(
            "shared_ids", "info", "3 identifiers are shared", "3 phone numbers belong to many customers."
        ),
        make_finding("freshness", "pass", "Facts are fresh", "The youngest fact is 1 minute old."),
    )


def make_conflict_finding() -> shape.Finding:
    """Make the check that found a touchpoint against the journey."""
    return make_finding(
        "conflict",
        "warning",
        "Touchpoint won, journey lost",
        "Quote form sent rose while completion fell.",
        "Read the links: see where customers are lost after the quote.",
    )


def make_no_exposures() -> shape.Finding:
    """Make the check that nobody was met."""
    return make_finding(
        "no_exposures",
        "warning",
        "No exposures are arriving",
        "No customer has met a variant since the start.",
        "Check that the SDK has a key of this project and that it sends exposures.",
    )


def make_win() -> shape.Verdict:
    """Decide to ship."""
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


def make_wait() -> shape.Verdict:
    """Decide to wait."""
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


def make_conflict(metric: str, state: str, sentence: str, p: float = 0.62) -> shape.Conflict:
    """Hold one touchpoint against the journey."""
    return shape.Conflict(
        variant="treatment", metric=metric, state=state, p_value=p, p_holm=min(1.0, 2 * p), sentence=sentence
    )
