"""What a reader asks of the result page, as plain GET parameters: no script, and a link keeps the view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final
from urllib.parse import urlencode

from abplat.domain.report import Report

SCALES: Final = {
    "relative": "Relative to control",
    "absolute": "In the metric\u2019s own unit",
    "per_1000": "Per 1,000 customers",
    "per_day": "Per day, at the present traffic",
}
SORTS: Final = {
    "plan": "As planned",
    "change": "Largest change first",
    "verdict": "Gravest verdict first",
    "name": "By name",
}
SHOWN: Final = {
    "all": "All metrics",
    "primary": "The goal",
    "guardrail": "Guardrails",
    "secondary": "Secondary",
    "touchpoint": "Touchpoints",
    "clear": "Only clear changes",
}


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """One view of the metric table; the defaults show everything as it was planned."""

    arm: str = ""
    """Key of the variant to show; empty for all but the baseline."""
    baseline: str = ""
    """Key of the variant to compare with; empty for control."""
    scale: str = "relative"
    sort: str = "plan"
    show: str = "all"
    find: str = ""
    """Words that the name of a metric must hold."""

    def query(self) -> str:
        """Write the options that differ from the defaults as a query string."""
        usual = ViewOptions()
        pairs = [(each.name, getattr(self, each.name)) for each in fields(self)]
        return urlencode([(name, value) for name, value in pairs if value != getattr(usual, name)])


def read_options(asked: Mapping[str, str], report: Report) -> ViewOptions:
    """Read a view from a query string; what is not known here falls back to the default.

    A link to a variant that a later report no longer has still opens.
    """
    keys = {arm.key: arm.is_control for arm in report.experiment.variants}
    baseline = asked.get("baseline", "")
    baseline = baseline if baseline in keys and not keys[baseline] else ""
    arm = asked.get("arm", "")
    same = arm == baseline or (not baseline and keys.get(arm, False))
    return ViewOptions(
        arm=arm if arm in keys and not same else "",
        baseline=baseline,
        scale=_choose(asked.get("scale"), SCALES, "relative"),
        sort=_choose(asked.get("sort"), SORTS, "plan"),
        show=_choose(asked.get("show"), SHOWN, "all"),
        find=asked.get("find", "").strip()[:64],
    )


def _choose(asked: str | None, known: Mapping[str, str], usual: str) -> str:
    """Return a choice that is known, or the usual one."""
    return asked if asked is not None and asked in known else usual
