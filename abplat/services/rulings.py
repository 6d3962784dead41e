"""What people decide on a result: ship, roll back or keep running, each with a note that stays.

A check that fails, or a verdict that does not allow shipping, stands in the way until somebody gives
a reason to pass over it; the reason is kept in the audit trail.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy.orm import Session

from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.conclusions import AA
from abplat.domain.fields import MAX_TEXT, Fields
from abplat.domain.lifecycle import HOLDING, require_state
from abplat.domain.report import Report, decode_report
from abplat.errors import ConflictError
from abplat.services import audit, experiments, reports
from abplat.services.experiments import Moment

SHIP: Final = "ship"
ROLL_BACK: Final = "roll_back"
KEEP: Final = "keep"
RULINGS: Final = (SHIP, ROLL_BACK, KEEP)
LOST: Final = ("rollback", "conflict")
"""Verdicts after which rolling back means that the change has lost."""


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """A decision: what, on which variant, why, and why although something stands in the way."""

    ruling: str
    variant: str | None
    note: str
    override: str
    report: str


def parse_ruling(document: Any) -> Ruling:
    """Read a decision.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    ruling = Ruling(
        ruling=fields.choice("ruling", RULINGS),
        variant=fields.key("variant", None),
        note=fields.text("note", longest=MAX_TEXT).strip(),
        override=fields.text("override", "", MAX_TEXT).strip(),
        report=fields.text("report", "", 64),
    )
    if not fields.problems and not ruling.note:
        fields.fault("note", "is missing: say why, so that others can learn from it", "required")
    fields.finish("decision")
    return ruling


def list_obstacles(report: Report, ruling: str, variant: str | None) -> list[str]:
    """Say what stands in the way of a decision; an empty list means that nothing does."""
    if ruling == KEEP:
        return []
    blocks = [finding.title for finding in report.findings if finding.severity == "block"]
    if blocks or ruling != SHIP:
        return blocks
    verdict = next((each for each in report.verdicts if each.variant == variant), None)
    return [] if verdict and verdict.may_ship else ["The verdict does not allow shipping this variant"]


def decide(session: Session, project: str, key: str, document: Any, *, now: datetime) -> Document:
    """Carry out a decision: stop and conclude, or note that the experiment goes on.

    Raises:
        InvalidInputError: If the decision is not complete.
        ConflictError: If a newer report has come, or something stands in the way and no reason was given.
        NotFoundError: If the experiment has no report.
        IllegalTransitionError: If the experiment is in no state for it.
    """
    ruling = parse_ruling(document)
    stored = reports.get(session, project, key)
    if ruling.report and ruling.report != stored.hash:
        raise ConflictError("a newer report has come since this page was opened; read it, then decide")
    report = decode_report(stored.document)
    obstacles = list_obstacles(report, ruling.ruling, ruling.variant)
    if obstacles and not ruling.override:
        raise ConflictError(f"{'; '.join(obstacles)}. Give a reason to decide all the same")
    said = {**msgspec.to_builtins(ruling), "report": stored.hash, "obstacles": obstacles}
    state = experiments.get(session, project, key)["state"]
    if ruling.ruling == KEEP:
        require_state(state, HOLDING, "kept running")
    audit.record(session, now, (project, ruling.ruling, EXPERIMENTS, key), {"state": state}, said)
    if ruling.ruling == KEEP:
        return experiments.get(session, project, key)
    if state in HOLDING:
        experiments.stop(session, project, key, Moment(now), reason=ruling.note)
    return experiments.conclude(session, project, key, _conclude(report, ruling), now=now)


def _conclude(report: Report, ruling: Ruling) -> Document:
    """Say how the experiment ends."""
    outcome = _outcome(report, ruling)
    shipped = ruling.variant if ruling.ruling == SHIP else None
    return {"outcome": outcome, "note": ruling.note, "shipped": shipped}


def _outcome(report: Report, ruling: Ruling) -> str:
    """Return the outcome that a decision means, given the verdict it was taken on."""
    codes = {verdict.variant: verdict.code for verdict in report.verdicts}
    blocked = any(finding.severity == "block" for finding in report.findings)
    if ruling.ruling == SHIP:
        return "won" if codes.get(ruling.variant or "") == "ship" and not blocked else "inconclusive"
    if blocked:
        return "invalid"
    lost = report.experiment.kind != AA and any(code in LOST for code in codes.values())
    return "lost" if lost else "inconclusive"
