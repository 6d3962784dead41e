"""The health strip: every check of the experiment, with its picture, how to look yourself and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from markupsafe import Markup

from abplat.clock import parse_instant
from abplat.domain.report import Finding, Report
from abplat.errors import InvalidInputError
from abplat.web import wording
from abplat.web.charts import bars
from abplat.web.check_guides import GUIDES, Guide
from abplat.web.section_cells import Place
from abplat.web.section_words import COLUMNS

STALE = timedelta(days=1)
GRAVITY = {"block": 0, "warning": 1, "info": 2, "pass": 3}
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HealthCard:
    """One check of the experiment itself."""

    code: str
    word: wording.Word
    title: str
    detail: str
    action: str
    evidence: Facts
    pictures: tuple[tuple[str, Markup], ...] = ()
    """Each with its caption."""
    query: str = ""
    """What to ask of the facts to see it yourself."""
    fixes: tuple[str, ...] = ()


def list_cards(report: Report) -> tuple[HealthCard, ...]:
    """Return every check, the gravest first."""
    findings = [*report.findings, *_further(report)]
    findings.sort(key=lambda finding: GRAVITY.get(finding.severity, 2))
    return tuple(_card(report, finding) for finding in findings)


def _card(report: Report, finding: Finding) -> HealthCard:
    """Say one finding."""
    guide = GUIDES.get(finding.code, Guide())
    fixes = guide.fixes if finding.severity in ("block", "warning") else ()
    return HealthCard(
        code=finding.code,
        word=wording.say_word(wording.SEVERITIES, finding.severity),
        title=finding.title,
        detail=finding.detail,
        action=finding.action,
        evidence=tuple(
            (_say_name(report, key), _say_value(report, key, value))
            for key, value in finding.evidence.items()
        ),
        pictures=tuple(_pictures(report, finding)),
        query=guide.query.format(key=report.experiment.key) if guide.query else "",
        fixes=fixes,
    )


def _say_name(report: Report, key: str) -> str:
    """Name a piece of evidence; a variant by its title."""
    title = next((arm.title for arm in report.experiment.variants if arm.key == key), "")
    return title or COLUMNS.get(key) or wording.humanise(key)


def _say_value(report: Report, key: str, value: float | str | None) -> str:
    """Say one piece of evidence; a variant or metric by its title."""
    if key in ("variant", "metric", "measure") and isinstance(value, str):
        return Place(report, "", "").name_of(key, value)
    return say_evidence(key, value)


def say_evidence(key: str, value: float | str | None) -> str:
    """Say one piece of evidence."""
    if value is None or isinstance(value, str):
        return value or wording.DASH
    if key.startswith("p_"):
        return wording.p_value(float(value))
    if key == "share" or key.endswith("_share"):
        return wording.percent(value)
    return (
        wording.count(value) if isinstance(value, int) else wording.number(value, 4 if abs(value) < 1 else 2)
    )


def _pictures(report: Report, finding: Finding) -> Iterator[tuple[str, Markup]]:
    """Draw what a check has seen, where its numbers make a picture."""
    if finding.code in ("sample_ratio", "no_exposures", "too_few"):
        yield from _split(report)
        return
    share = finding.evidence.get("share")
    if isinstance(share, float) and 0 <= share <= 1:
        n = _whole(finding)
        parts = [
            bars.Part("arm1", "Found", share, round(share * n)),
            bars.Part("abandoned", "Others", 1 - share, round((1 - share) * n)),
        ]
        yield finding.title, bars.draw([part for part in parts if part.share], finding.title, "customers")
    for key, value in finding.evidence.items():
        if key.endswith("_share") and isinstance(value, float) and 0 <= value <= 1:
            name = wording.humanise(key.removesuffix("_share"))
            parts = [bars.Part("arm1", "Shown", value, 0), bars.Part("abandoned", "Not shown", 1 - value, 0)]
            yield name, bars.draw([part for part in parts if part.share], name, "")


def _whole(finding: Finding) -> int:
    """Return over how many a share was taken."""
    counts = [value for value in finding.evidence.values() if isinstance(value, int)]
    return max(counts, default=0)


def _split(report: Report) -> Iterator[tuple[str, Markup]]:
    """Draw the split as planned and as met."""
    arms = report.experiment.variants
    for name, sizes in (
        ("Planned", [arm.weight for arm in arms]),
        ("Seen", [arm.n_exposed for arm in arms]),
    ):
        whole = sum(sizes)
        if whole:
            parts = [
                bars.Part(
                    f"arm{index % 5}", arm.title or arm.key, size / whole, size if name == "Seen" else 0
                )
                for index, (arm, size) in enumerate(zip(arms, sizes, strict=True))
                if size
            ]
            yield name, bars.draw(parts, name, "customers" if name == "Seen" else "")


def _further(report: Report) -> Iterator[Finding]:
    """Yield what a reader asks about any experiment: freshness, days left, and whether peeking is safe."""
    as_of = _instant(report.inputs.as_of)
    fresh = _instant(report.inputs.data_through)
    if as_of and fresh and not any(finding.code == "freshness" for finding in report.findings):
        age = max((as_of - fresh).total_seconds(), 0.0)
        late = as_of - fresh > STALE and report.experiment.state == "running"
        yield Finding(
            code="freshness",
            severity="warning" if late else "pass",
            title=f"The youngest fact was {wording.duration(age)} old",
            detail="Counted at the instant of the report. Later facts are in the next one.",
            action="Look at the data-quality board: which channel has stopped to send?" if late else "",
        )
    end = _instant(report.experiment.planned_end)
    if as_of and end:
        left = (end - as_of).total_seconds()
        yield Finding(
            code="days_left",
            severity="pass" if left <= 0 else "info",
            title="The planned end has passed"
            if left <= 0
            else f"{wording.duration(left)} to the planned end",
            detail=f"It was planned to be decided on {wording.instant(report.experiment.planned_end)}.",
        )
    goal = next((metric for metric in report.metrics if metric.role == "primary"), None)
    method = goal.effects[0].method if goal and goal.effects else ""
    if method:
        always = any(part in method for part in ("anytime", "sequential", "always", "msprt", "mixture"))
        yield Finding(
            code="peeking",
            severity="pass",
            title="May be looked at any time" if always else "Decides at the planned end",
            detail="The interval of the goal holds however often it is looked at."
            if always
            else "The interval of the goal is that of one look. Looking earlier is safe, deciding earlier is not: "
            "until the planned end the verdict says \u201ctoo early\u201d, unless harm is shown.",
        )


def _instant(text: str | None) -> datetime | None:
    """Read an instant; None where there is none."""
    try:
        return parse_instant(text or "")
    except InvalidInputError:
        return None
