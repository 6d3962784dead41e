"""A Report as a notebook that makes its numbers again, from nothing but itself and ``abplat.stats``."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

from abplat.domain.report import Report

_LOAD: Final = '''\
import json
from abplat import stats

report = json.loads(REPORT)
evidence = {each["metric"]: each for each in report["evidence"]["metrics"]}


def read_moments(record):
    """Return the sums of one arm as the statistics take them."""
    plain = {name: tuple(record[name]) for name in ("columns", "shift", "sum", "cross")}
    return stats.Moments(n=record["n"], cube_y=record["cube_y"], **plain)


def read_table(record):
    """Return the risk table of one arm."""
    return stats.RiskTable(*(tuple(record[name]) for name in ("edges", "events", "censored")))


def compare(part):
    """Compare each variant of a metric with control."""
    if part["tables"]:
        control, *others = map(read_table, part["tables"])
        found = [stats.compare_restricted_means(each, control, tau=part["tau"], alpha=part["alpha"]) for each in others]
        return dict(zip([each["variant"] for each in part["tables"][1:]], found))
    control, *others = map(read_moments, part["moments"])
    plan = stats.ComparisonPlan(alpha=part["alpha"], kind=part["kind"])
    found = [stats.compare(each, control, plan) for each in others]
    return dict(zip([each["variant"] for each in part["moments"][1:]], found))
'''
_CHECK: Final = """\
FIELDS = ("effect", "se", "ci_lower", "ci_upper", "rel_effect", "rel_ci_lower", "rel_ci_upper", "p_value")
checked = 0
for metric in report["metrics"]:
    if metric["key"] not in evidence:
        continue  # of these the customers' own values are needed, such as for quantiles
    again = compare(evidence[metric["key"]])
    for effect in metric["effects"]:
        found = again[effect["variant"]]
        for field in FIELDS:
            stored, made = effect[field], getattr(found, field, None)
            if stored is None:
                continue
            assert abs(stored - made) <= 1e-9 * max(abs(stored), 1e-3), (metric["key"], field, stored, made)
            checked += 1
print(f"{checked} numbers were made again and agree")
"""
_SHOW: Final = """\
compare(evidence[{key!r}])[{variant!r}]
"""


def write_notebook(report: Report, digest: str) -> str:
    """Return the notebook as JSON (nbformat 4.5).

    The report stands in the first cell; the cells after it make every number of the metric table again and
    compare, then show the comparison that decides. What is wrong with a number shows as an error there.

    Args:
        report: The report; one made before evidence was kept gives a notebook that only shows it.
        digest: Its hash, by which it is named.
    """
    cells = [
        _words(_title(report, digest)),
        _code(f"REPORT = {json.dumps(json.dumps(msgspec.to_builtins(report)))}"),
        *([_code(_LOAD), _code(_CHECK), *_shows(report)] if report.evidence else []),
        *_queries(report),
    ]
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": "python"}},
            "cells": [{**cell, "id": f"cell-{number}"} for number, cell in enumerate(cells)],
        },
        ensure_ascii=False,
    )


def _title(report: Report, digest: str) -> str:
    """Say what the notebook is and what it needs."""
    verdicts = "\n".join(f"- {each.variant}: **{each.word}**. {each.sentence}" for each in report.verdicts)
    return (
        f"# {_plain(report.experiment.title)}\n\n{_plain(verdicts)}\n\n"
        f"Report `{digest}` as of {report.inputs.as_of}, made by abplat {report.inputs.code_version}. "
        f"Needs `pip install abplat=={report.inputs.code_version}` and neither the facts nor a service."
    )


def _shows(report: Report) -> list[dict[str, Any]]:
    """Return the cells that show the comparison that decides."""
    held = {part.metric for part in report.evidence.metrics} if report.evidence else set()
    return [
        _code(_SHOW.format(key=metric.key, variant=effect.variant))
        for metric in report.metrics
        if metric.role == "primary" and metric.key in held
        for effect in metric.effects
    ]


def _queries(report: Report) -> list[dict[str, Any]]:
    """Return the queries over the facts, to read."""
    queries = report.evidence.queries if report.evidence else ()
    if not queries:
        return []
    parts = "\n\n".join(f"**{each.name}**\n\n```sql\n{each.sql}\n```" for each in queries)
    return [_words(f"## What was asked of the facts\n\n{parts}")]


def _plain(text: str) -> str:
    """Return a text that Markdown takes for text."""
    return text.replace("<", "&lt;").replace("`", "'")


def _words(text: str) -> dict[str, Any]:
    """Return a cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": text}


def _code(text: str) -> dict[str, Any]:
    """Return a cell of code that has not run."""
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": text.rstrip(),
    }
