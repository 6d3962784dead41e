"""Checks that no analysis makes, since a reader asks for them of any report: freshness, days left, peeking.

Nothing is estimated here: instants of the report are compared, and what it holds is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from abplat.clock import parse_instant
from abplat.domain.quality import Board
from abplat.domain.report import Finding, Report
from abplat.domain.report_evidence import MomentRecord
from abplat.errors import InvalidInputError
from abplat.web import wording

STALE = timedelta(days=1)
MUCH_LATE = 0.05
"""Share of the facts of a channel that may come more than a day late."""


def list_further(report: Report, board: Board | None = None) -> Iterator[Finding]:
    """Yield what a reader asks about any experiment."""
    yield from _freshness(report)
    yield from _channels(report, board)
    yield from _recognition(report)
    yield from _before(report)
    yield from _days_left(report)
    yield from _peeking(report)


def _freshness(report: Report) -> Iterator[Finding]:
    """Say how old the youngest fact is."""
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


def _channels(report: Report, board: Board | None) -> Iterator[Finding]:
    """Say of each channel of the experiment when it last sent, and how much of it came late."""
    if board is None:
        return
    counted: dict[str, tuple[str, int, int]] = {}
    for volume in board.volumes:
        if volume.channel in report.experiment.channels and volume.n:
            last, n, late = counted.get(volume.channel, ("", 0, 0))
            counted[volume.channel] = (max(last, volume.day), n + volume.n, late + volume.late)
    if not counted:
        return
    yesterday = (date.fromisoformat(board.made_at[:10]) - timedelta(days=1)).isoformat()
    is_running = report.experiment.state == "running"
    silent = [name for name, (last, _, _) in counted.items() if is_running and last < yesterday]
    slow = [name for name, (_, n, behind) in counted.items() if behind / n > MUCH_LATE]
    named = ", ".join(wording.humanise(name) for name in dict.fromkeys([*silent, *slow]))
    evidence: dict[str, float | int | str | None] = {}
    for name, (last, n, behind) in sorted(counted.items()):
        evidence[f"{name} last sent"] = last
        evidence[f"{name} facts"] = n
        evidence[f"{name}_late_share"] = behind / n
    yield Finding(
        code="channels",
        severity="warning" if named else "pass",
        title=f"Look at what {named} sends" if named else "Every channel sends, and in time",
        detail="By the data-quality board of the project: the last day with facts of each channel within four weeks, and "
        f"the share that came more than a day late. It was made on {wording.instant(board.made_at)}.",
        evidence=evidence,
        action="A channel is silent, or sends late: young customers look as if they did nothing."
        if named
        else "",
    )


def _recognition(report: Report) -> Iterator[Finding]:
    """Say how many customers of each arm are known by name, where no check has said more."""
    if report.identity is None or any(
        each.code in {"merge_rate", "identification"} for each in report.findings
    ):
        return
    checks = [each for each in report.identity.merges if each.measure == "share_identified"]
    known = [each for each in checks if each.control_value is not None and each.treatment_value is not None]
    if known:
        yield Finding(
            code="merge_rate",
            severity="info",
            title="How many of each arm are recognised",
            detail="The share of each arm that is known by a customer id.",
        )


def _before(report: Report) -> Iterator[Finding]:
    """Say that the arms were alike before the test, where no check has said that they were not."""
    if any(each.code == "covariate_imbalance" for each in report.findings):
        return
    titles = {metric.key: metric.title for metric in report.metrics}
    arms = {arm.key: arm.title or arm.key for arm in report.experiment.variants}
    evidence: dict[str, float | int | str | None] = {}
    for row in report.evidence.metrics if report.evidence else ():
        means = {arms.get(record.variant, record.variant): _mean_before(record) for record in row.moments}
        if means and None not in means.values():
            said = ", ".join(f"{arm} {mean:.4g}" for arm, mean in means.items())
            evidence[f"{titles.get(row.metric, row.metric)}, before"] = said
    if evidence:
        n = len(evidence)
        yield Finding(
            code="pre_period",
            severity="pass",
            title="The arms were alike before the test",
            detail=f"{n} metric{'' if n == 1 else 's'} can be compared over the time before the exposure, which no variant "
            "can have moved; a difference beyond chance (p < 0.001) would withhold every verdict.",
            evidence=evidence,
        )


def _mean_before(record: MomentRecord) -> float | None:
    """Return the mean of what was counted before the exposure; None where nothing was."""
    if "x" not in record.columns or not record.n:
        return None
    place = record.columns.index("x")
    return record.shift[place] + record.sum[place] / record.n


def _days_left(report: Report) -> Iterator[Finding]:
    """Say when it was planned to be decided."""
    as_of, end = _instant(report.inputs.as_of), _instant(report.experiment.planned_end)
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


def _peeking(report: Report) -> Iterator[Finding]:
    """Say whether looking before the end costs anything."""
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
