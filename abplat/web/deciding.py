"""The decision form: what may be decided on a result, by whom, and what stands in the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from abplat.domain.lifecycle import HOLDING, STOPPED
from abplat.domain.report import Report
from abplat.domain.roles import EXPERIMENTER
from abplat.errors import AbplatError
from abplat.services.rulings import KEEP, ROLL_BACK, RULINGS, SHIP, list_obstacles
from abplat.web.door import may

BUTTONS = {SHIP: "Ship", ROLL_BACK: "Roll back", KEEP: "Keep running"}
DONE = {
    SHIP: "Shipped: the experiment is concluded and everybody gets the variant.",
    ROLL_BACK: "Rolled back: the experiment is concluded and everybody gets control.",
    KEEP: "It keeps running; the note is in the history.",
}


@dataclass(frozen=True, slots=True)
class DecisionForm:
    """Everything that the form shows."""

    buttons: tuple[tuple[str, str], ...]
    variants: tuple[tuple[str, str, bool], ...]
    """Key, title, and whether it was chosen."""
    obstacles: tuple[str, ...]
    note: str
    override: str
    error: str
    report: str


def make_form(
    report: Report, report_hash: str, state: str, sent: Mapping[str, str] | None = None,
    error: AbplatError | None = None,
) -> DecisionForm | None:  # fmt: skip
    """Return the form for who may decide; None for everybody else, and where nothing is left to decide."""
    if state not in (*HOLDING, STOPPED) or not may(EXPERIMENTER, report.project):
        return None
    sent = sent or {}
    rulings = [ruling for ruling in RULINGS if ruling != KEEP or state in HOLDING]
    treatments = [arm for arm in report.experiment.variants if not arm.is_control]
    blocks = {
        text: None
        for arm in treatments
        for ruling in (SHIP, ROLL_BACK)
        for text in list_obstacles(report, ruling, arm.key)
    }
    return DecisionForm(
        buttons=tuple((ruling, BUTTONS[ruling]) for ruling in rulings),
        variants=tuple((arm.key, arm.title or arm.key, arm.key == sent.get("variant")) for arm in treatments),
        obstacles=tuple(blocks),
        note=sent.get("note", ""),
        override=sent.get("override", ""),
        error=_say(error),
        report=report_hash,
    )


def _say(error: AbplatError | None) -> str:
    """Say what is wrong with what was sent."""
    if error is None:
        return ""
    problems = getattr(error, "problems", None) or ()
    parts = [f"{problem.path} {problem.message}" for problem in problems] or [error.message]
    text = "; ".join(parts)
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!")) else ".")


def read_form(form: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a decision that was sent."""
    names = ("ruling", "variant", "note", "override", "report")
    return {name: form[name].strip() for name in names if form.get(name, "").strip()}
