"""The health strip: every check of the experiment, with its picture, how to look yourself and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from abplat.domain.quality import Board
from abplat.domain.report import Finding, Report
from abplat.web import wording
from abplat.web.charts import bars
from abplat.web.check_guides import GUIDES, Guide
from abplat.web.health_further import list_further
from abplat.web.section_cells import Place
from abplat.web.section_words import COLUMNS, SECTIONS

SAME = 30
"""Letters after which two pieces of advice are the same."""
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
    part: str = ""
    """The part of the page that has the whole picture, as its anchor."""
    part_title: str = ""


def list_cards(report: Report, board: Board | None = None) -> tuple[HealthCard, ...]:
    """Return every check, the gravest first.

    Args:
        report: The stored report.
        board: The data-quality board of the project, where its channels shall be looked at as well.
    """
    findings = [*report.findings, *list_further(report, board)]
    findings.sort(key=lambda finding: GRAVITY.get(finding.severity, 2))
    return tuple(_card(report, finding) for finding in findings)


def _card(report: Report, finding: Finding) -> HealthCard:
    """Say one finding."""
    guide = GUIDES.get(finding.code, Guide())
    fixes = guide.fixes if finding.severity in ("block", "warning") else ()
    fixes = tuple(fix for fix in fixes if fix[:SAME] != finding.action[:SAME])
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
        **_find_part(report, guide),
    )


def _find_part(report: Report, guide: Guide) -> dict[str, str]:
    """Return where the page shows the whole of it, if this report has that part."""
    if not guide.part or not getattr(report, guide.part, None):
        return {}
    return {"part": f"part-{guide.part}", "part_title": SECTIONS[guide.part][0]}


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
    if finding.code in ("merge_rate", "identification") and report.identity:
        yield from _recognised(report)
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
            words = ("Late", "In time") if finding.code == "channels" else ("Shown", "Not shown")
            parts = [bars.Part("arm1", words[0], value, 0), bars.Part("abandoned", words[1], 1 - value, 0)]
            yield name, bars.draw([part for part in parts if part.share], name, "")


def _recognised(report: Report) -> Iterator[tuple[str, Markup]]:
    """Draw which share of each arm is known by a customer id."""
    arms = {arm.key: arm.title or arm.key for arm in report.experiment.variants}
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), "")
    checks = report.identity.merges if report.identity else ()
    shares: dict[str, float | None] = {}
    for check in checks:
        if check.measure == "share_identified":
            shares |= {control: check.control_value, check.variant: check.treatment_value}
    for key, share in shares.items():
        if share is not None and 0 <= share <= 1:
            name = f"{arms.get(key, key)}: known by a customer id"
            parts = [bars.Part("arm1", "Known", share, 0), bars.Part("abandoned", "Not known", 1 - share, 0)]
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
