"""What a new report is worth telling others: what it says that the one before did not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from sqlalchemy.orm import Session

from abplat.domain.report import Effect, MetricResult, Report, decode_report
from abplat.services import notices

_UNDECIDED = frozenset({"extend"})
_SPLIT = "sample_ratio"


def tell_of(session: Session, report: Report, previous: bytes | None, *, now: datetime) -> None:
    """Tell of a report that was just stored, after another or as the first one."""
    before = set(list_news(_read(previous))) if previous else set()
    for event, subject, words in list_news(report):
        if (event, subject, words) not in before:
            data = {"subject": subject, "said": words, "as_of": report.inputs.as_of}
            notices.tell(session, report.project, event, report.experiment.key, data, now=now)


def list_news(report: Report | None) -> Iterator[tuple[str, str, str]]:
    """Yield event, subject and words of all in a report that is worth telling."""
    if report is None:
        return
    for finding in report.findings:
        if finding.code.startswith(_SPLIT) and finding.severity == "block":
            yield notices.SAMPLE_RATIO, finding.code, "the split is not as planned"
    for verdict in report.verdicts:
        if verdict.code not in _UNDECIDED:
            yield notices.VERDICT, verdict.variant, f"{verdict.word}: {_first_words(verdict.code)}"
    for metric in report.metrics:
        for effect in metric.effects:
            if is_breached(metric, effect):
                yield (
                    notices.GUARDRAIL,
                    f"{metric.key}/{effect.variant}",
                    f"{metric.title} is past its margin",
                )


def is_breached(metric: MetricResult, effect: Effect) -> bool:
    """Tell whether a guardrail is shown worse than its margin: even the best of what is plausible lies past it."""
    lower, upper = effect.rel_ci_lower, effect.rel_ci_upper
    if metric.role != "guardrail" or metric.margin is None or lower is None or upper is None:
        return False
    return (upper if metric.direction == "up" else -lower) < -metric.margin


def _first_words(code: str) -> str:
    """Write a verdict's code as words."""
    return code.replace("_", " ")


def _read(document: bytes) -> Report | None:
    """Read the report before; one of another shape counts as none."""
    try:
        return decode_report(document)
    except msgspec.DecodeError:
        return None
