"""Write the table of kinds of ``docs/reference/metrics.md`` from the catalogue of kinds."""

from __future__ import annotations

from pathlib import Path

from abplat.domain.metric_kinds import KINDS_BY_KEY, MetricKind

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "metrics.md"
BEGIN, END = "<!-- kinds: begin -->", "<!-- kinds: end -->"


def write_row(kind: MetricKind) -> str:
    """Write one kind as a row of the table."""
    unit = {"share": " of control", "points": " points"}.get(kind.unit, "")
    margin = "-"
    if kind.margin is not None:
        relative = f"{kind.margin * 100:g} %"
        absolute = f"{kind.margin * 100:g} pt" if kind.unit == "share" else f"{kind.margin:g}{unit}"
        margin = relative if kind.scale == "relative" else absolute
    needs = ", ".join(kind.needs) or "-"
    may = ", ".join((*kind.may, *(f"measure ({' or '.join(kind.measures)})",) * bool(kind.measures))) or "-"
    good = "none" if kind.is_quality else kind.direction
    treatment = f"{kind.treatment}; descriptive" if kind.is_descriptive else kind.treatment
    return f"| `{kind.key}` | {kind.counts} | {kind.denominator} | {treatment} | {good} | {margin} | {needs} | {may} |"


def write_table() -> str:
    """Write the whole table."""
    head = (
        "| kind | counts | over | compared by | good | default margin | needs | may have |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *(write_row(kind) for kind in KINDS_BY_KEY.values())])


def splice(page: str) -> str:
    """Return the page with the present table in its place."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return f"{before}{BEGIN}\n{write_table()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(splice(PAGE.read_text()))
