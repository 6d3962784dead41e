"""Past experiments on the same journey, and what each did to its goal."""

from __future__ import annotations

from dataclasses import dataclass

from abplat.web import wording
from abplat.web.report_sources import Past, Record


@dataclass(frozen=True, slots=True)
class SimilarRow:
    """One experiment on the same journey."""

    key: str
    title: str
    state: wording.Word
    verdict: wording.Word | None
    change: str
    plausible: str
    learned: str


def list_similar(record: Record) -> tuple[SimilarRow, ...]:
    """Return the experiments on the same journey, youngest first."""
    return tuple(_row(past) for past in record.similar)


def _row(past: Past) -> SimilarRow:
    """Say one experiment."""
    document, digest = past.document, past.digest
    change, plausible, verdict = "not analysed", "", None
    if digest is not None:
        code = "not_trusted" if digest.is_withheld else digest.verdicts[0].code if digest.verdicts else ""
        verdict = wording.say_word(wording.DECISIONS, code) if code else None
        change, plausible = _say_goal(past)
    conclusion = document.get("conclusion") or {}
    return SimilarRow(
        key=str(document["key"]),
        title=str(document.get("title") or document["key"]),
        state=wording.say_word(wording.STATES, str(document.get("state") or "draft")),
        verdict=verdict,
        change=change,
        plausible=plausible,
        learned=str(conclusion.get("note") or ""),
    )


def _say_goal(past: Past) -> tuple[str, str]:
    """Say what happened to the goal."""
    goal = past.digest.goal if past.digest else None
    effect = goal.effects[0] if goal and goal.effects else None
    if goal is None or effect is None or effect.rel_effect is None:
        return "no number yet", ""
    change = f"{goal.title} {wording.percent(effect.rel_effect, signed=True)}"
    if effect.rel_ci_lower is None or effect.rel_ci_upper is None:
        return change, ""
    return change, wording.interval(effect.rel_ci_lower, effect.rel_ci_upper)
