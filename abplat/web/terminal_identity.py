"""The identity section in the terminal."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from abplat.domain.report_identity import Coherence, Coverage, IdentitySection, Sensitivity
from abplat.web import wording

NAMES = {
    "first_exposure": "First exposure (main)",
    "without_crossovers": "Without crossovers",
    "known_before": "Known before exposure",
    "dose": "Per dose",
    "assignment_id": "Assigned id as unit",
}
IDS = {
    "shared": "shared",
    "limited": "beyond a limit",
    "unidentified": "customers without customer id",
    "cluster": "groups",
    "refused_link": "links refused",
}


def render_identity(section: IdentitySection, unit: str) -> list[RenderableType]:
    """Return the parts of the section that say something; effects are in the unit of the primary metric."""
    lines: list[RenderableType] = [Text("Identity", style="bold")]
    for test in section.splits:
        counts = " / ".join(wording.count(n) for n in test.counts.values())
        lines.append(Text(f"  Split over {test.unit}: {counts}, {_p(test.p_value, test.reason)}"))
    for check in section.merges:
        pair = f"{_number(check.treatment_value)} against {_number(check.control_value)}"
        name = wording.humanise(check.measure)
        lines.append(Text(f"  {name} ({check.variant}): {pair}, {_p(check.p_value, check.reason)}"))
    lines += [Text(f"  {verdict.variant}: {verdict.sentence}") for verdict in section.verdicts]
    if len({row.analysis for row in section.sensitivities}) > 1:
        lines.append(_sensitivities(section.sensitivities, unit))
    told = [f"{wording.count(each.n)} {IDS.get(each.kind, each.kind)}" for each in section.ids if each.n]
    if told:
        lines.append(Text("  Ids: " + ", ".join(told), style="dim"))
    lines += [_shares(row) for row in section.coherence]
    lines += [_shares(row) for row in section.coverage]
    return lines


def _sensitivities(rows: tuple[Sensitivity, ...], unit: str) -> Table:
    """Lay out the analyses."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("Analysis", "Variant", "Units", "Effect", "Plausible", "Conclusion", "Agrees"):
        table.add_column(name, justify="right" if name in {"Units", "Effect"} else "left")
    for row in rows:
        units = wording.count(row.n_control + row.n_treatment) if row.reason is None else ""
        agrees = {True: "yes", False: "no", None: ""}[row.agrees]
        table.add_row(
            NAMES.get(row.analysis, row.analysis),
            row.variant,
            units,
            wording.said(row.effect, unit, signed=True) if row.reason is None else "",
            ""
            if row.ci_lower is None or row.ci_upper is None
            else wording.interval(row.ci_lower, row.ci_upper, unit),
            wording.say_reason(row.reason) if row.reason else row.conclusion,
            agrees,
        )
    return table


def _shares(row: Coherence | Coverage) -> Text:
    """Write one share of coherence or coverage."""
    if isinstance(row, Coherence):
        what, n = f"Coherence, {wording.humanise(row.group).lower()} {row.value}", row.n
    else:
        what, n = f"Coverage, {wording.humanise(row.group).lower()} {row.value}", row.n_days
    share = wording.percent(row.share) if row.share is not None else wording.DASH
    return Text(f"  {what}: {share} of {wording.count(n)}", style="yellow" if row.alarm else "dim")


def _p(p_value: float | None, reason: str | None) -> str:
    """Write a p-value or why there is none."""
    if p_value is None:
        return wording.say_reason(reason or "not_computable")
    return wording.p_value(p_value)


def _number(value: float | None) -> str:
    """Write an effect in its unit."""
    return wording.DASH if value is None else wording.number(value, 4)
