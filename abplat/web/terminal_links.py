"""Links in depth, conflicts, scores and observations of a report in the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from abplat.domain.report import Report
from abplat.domain.report_conflicts import ConflictSection
from abplat.domain.report_links import ForcedSwitches, LinkSection
from abplat.web import wording

_MANY = 12


def render_links(report: Report) -> list[RenderableType]:
    """Return the sections about links, conflicts, scores and observations that have something to say."""
    parts: list[RenderableType] = []
    if report.link_detail is not None:
        parts += [*_render_links(report.link_detail)]
    if report.conflict_scan is not None:
        parts += [*_render_conflicts(report.conflict_scan)]
    parts += [*_render_scores(report), *_render_observations(report)]
    return parts


def _block(title: str, lines: list[str], caption: str = "") -> Padding:
    """Write lines below a title, and what has to be said of them."""
    texts = [Text(title, style="bold"), *(Text(f"  {line}") for line in lines)]
    if caption:
        texts.append(Text(f"  {caption}", style="dim italic"))
    return Padding(Group(*texts), (1, 0, 0, 0))


def _render_links(detail: LinkSection) -> Iterator[RenderableType]:
    """Write mechanism, value by link, shifts, mix, hand-offs and latencies."""
    for mechanism in detail.mechanism:
        lines = [mechanism.sentence]
        lines += [
            f"{link.source} to {link.target}: expected {link.expected}, {wording.humanise(link.grade).lower()}"
            + {None: "", True: ", of the size predicted", False: ", not of the size predicted"}[
                link.is_size_right
            ]
            for link in mechanism.links
        ]
        yield _block(f"Mechanism, {mechanism.variant}", lines, mechanism.caption)
    for shares in detail.shares:
        if shares.metric is not None and shares.links:
            lines = [
                f"{link.source} to {link.target}: {_amount(link.points, link.ci_lower, link.ci_upper)}"
                for link in shares.links
            ]
            yield _block(f"{shares.metric} by link, {shares.variant}", lines, shares.caption)
    if detail.shifts:
        lines = [f"{shift.variant}: {shift.sentence}" for shift in detail.shifts]
        yield _block("Shifted or saved", lines, detail.shifts[0].caption)
    if detail.abandonment:
        lines = [f"{found.variant}: {found.sentence}" for found in detail.abandonment]
        yield _block("Where journeys are left", lines, detail.abandonment[0].caption)
    for split in detail.mix:
        if split.mix is not None and split.rate is not None:
            said = [f"mix {wording.points(split.mix)}, rate {wording.points(split.rate)}"]
            yield _block(f"Entry channels, {split.variant}", said, split.caption)
    yield from _render_hand_offs(detail)
    for forced in detail.forced:
        yield _block(f"Forced changes of channel, {forced.variant}", _list_reasons(forced), forced.caption)
    if any(row.n for row in detail.latencies):
        yield _render_latencies(detail)


def _list_reasons(forced: ForcedSwitches) -> list[str]:
    """Write how many changes were forced, and why."""
    counts = (
        (forced.control_forced, forced.control_switches),
        (forced.treatment_forced, forced.treatment_switches),
    )
    said = ", ".join(f"{n:,} recorded beside {of:,} changes" for n, of in counts)
    return [
        f"control and {forced.variant}: {said}",
        *(f"{row.reason}: {row.control_n:,} and {row.treatment_n:,} customers" for row in forced.reasons),
    ]


def _amount(value: float, lower: float, upper: float) -> str:
    """Write a value with its interval."""
    numbers = [wording.number(each, 2, signed=True) for each in (value, lower, upper)]
    return f"{numbers[0]} ({numbers[1]} to {numbers[2]})"


def _render_hand_offs(detail: LinkSection) -> Iterator[RenderableType]:
    """Write the cells of the hand-off matrix, those that moved first."""
    for matrix in detail.hand_offs:
        cells = sorted(matrix.cells, key=lambda cell: (cell.p_holm is None, cell.p_holm))[:_MANY]
        lines = [
            f"{cell.from_channel} to {cell.to_channel}: {cell.control_n:,} and {cell.treatment_n:,} customers"
            + ("" if cell.effect is None else f", {wording.points(cell.effect)}")
            + f", {wording.humanise(cell.state).lower()}"
            for cell in cells
        ]
        if lines:
            yield _block(f"Hand-offs, control and {matrix.variant}", lines, matrix.caption)


def _render_latencies(detail: LinkSection) -> RenderableType:
    """Lay out how long links take."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False, title="Time on each link", title_justify="left",
                  caption=detail.latencies[0].caption, caption_justify="left")  # fmt: skip
    for name in ("Link", "Variant", "Journeys", "Crossed", "Median", "Mean", "Change"):
        table.add_column(name, justify="left" if name in {"Link", "Variant"} else "right")
    for row in detail.latencies:
        spans = [wording.said(value, "seconds", row.reason) for value in (row.median, row.mean)]
        change = "" if row.effect is None else wording.duration(row.effect, signed=True)
        counts = [wording.count(row.n), wording.count(row.n_crossed)]
        table.add_row(f"{row.source} to {row.target}", row.variant, *counts, *spans, change)
    return Padding(table, (1, 0, 0, 0))


def _render_conflicts(section: ConflictSection) -> Iterator[RenderableType]:
    """Write the scan over all KPIs and the strata."""
    lines = [
        f"{row.title} ({row.kind}): {wording.humanise(row.state).lower()}"
        for row in section.scan
        if row.state in {"conflict", "local_win_only"}
    ]
    if lines:
        yield _block("Local KPIs that the journey does not follow", lines)
    said = [check.sentence for check in section.strata if check.is_reversed or "opposite" in check.sentence]
    if said:
        yield _block("Strata", said)


def _render_scores(report: Report) -> Iterator[RenderableType]:
    """Write who answered and what the silent ones could change."""
    lines = []
    for score in report.scores:
        answered = (
            f"{score.title}, {score.variant}: {score.control_answered:,} of {score.control_asked:,} and "
            f"{score.treatment_answered:,} of {score.treatment_asked:,} answered"
        )
        if score.is_selected:
            answered += ", at different rates"
        if score.lower is not None and score.upper is not None:
            bounds = [wording.number(each, 2, signed=True) for each in (score.lower, score.upper)]
            answered += f"; the effect lies between {bounds[0]} and {bounds[1]} whatever the others think"
        lines.append(answered)
    if lines:
        yield _block("Answers", lines, report.scores[0].caption)


def _render_observations(report: Report) -> Iterator[RenderableType]:
    """Write what was observed beside the experiment."""
    lines = []
    for each in report.observations:
        size = "" if each.n is None else f" (n = {each.n:,})"
        said = each.finding or (
            f"{len(each.points)} points, last {each.points[-1].value:g} {each.unit}" if each.points else ""
        )
        lines.append(f"{wording.humanise(each.kind)}, {each.title}{size}: {said}")
    if lines:
        yield _block("Beside the experiment", lines, report.observations[0].caption)
