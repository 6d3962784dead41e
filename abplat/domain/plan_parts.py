"""Parts of a request for a plan: numbers of the outcome, looks and traffic."""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import msgspec

from abplat.domain.fields import Fields, is_number, show

OUTCOMES: Final = ("mean", "proportion", "ratio", "count", "quantile", "time_to_complete")
MONITORING: Final = ("fixed", "group_sequential", "always_valid")
SPENDING: Final = ("obrien_fleming", "pocock", "hwang_shih_decani", "kim_demets")
MAX_LOOKS: Final = 60
MAX_DAYS: Final = 366
LARGEST: Final = 1e12
"""Numbers beyond it, and other than 0 within one part of it, would lose their digits."""
_MISSING: Any = object()


class Range(NamedTuple):
    """Where a number may lie, and its default; a number without one must be given."""

    default: Any = _MISSING
    above: float | None = None
    below: float | None = None
    at_least: float | None = None
    at_most: float | None = None


_NUMBERS: Final[dict[str, dict[str, Range]]] = {
    "mean": {"baseline": Range(), "sd": Range(above=0)},
    "proportion": {"baseline": Range(at_least=1e-6, at_most=1 - 1e-6)},
    "count": {"baseline": Range(above=0), "dispersion": Range(1.0, above=0)},
    "ratio": {
        "numerator_mean": Range(),
        "denominator_mean": Range(),
        "numerator_sd": Range(above=0),
        "denominator_sd": Range(at_least=0),
        "correlation": Range(above=-1, below=1),
    },
    "quantile": {
        "baseline": Range(),
        "level": Range(0.5, above=0, below=1),
        "density": Range(above=0),
        "per_unit": Range(1.0, above=0),
    },
    "time_to_complete": {"completed": Range(None, above=0, below=1)},
}


class OutcomeNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The control value of a metric and its noise, as somebody knows them."""

    kind: str
    numbers: dict[str, float]
    survival_by_day: tuple[float, ...] = ()
    """Share that has not completed at the end of day 1, 2...; for time_to_complete alone."""

    @property
    def baseline(self) -> float | None:
        """The control value; None for a time."""
        if self.kind == "ratio":
            return self.numbers["numerator_mean"] / (self.numbers["denominator_mean"] or math.nan)
        return self.numbers.get("baseline")


class Monitoring(msgspec.Struct, frozen=True, kw_only=True):
    """When results will be read."""

    kind: str
    looks: int
    spending: str
    parameter: float | None


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """New units as somebody expects them; ``share`` of them will take part."""

    new_units_by_day: tuple[float, ...]
    is_constant: bool
    share: float | None


def read_number(fields: Fields, name: str, bounds: Range) -> float | None:
    """Read a number within bounds; its fault says which."""
    default, above, below, at_least, at_most = bounds
    found = fields.value(name) if default is _MISSING else fields.value(name, default)
    if found is None:
        return None
    fits = is_number(found) and (
        (found == 0 or 1 / LARGEST <= abs(found) <= LARGEST)
        and (above is None or found > above)
        and (below is None or found < below)
        and (at_least is None or found >= at_least)
        and (at_most is None or found <= at_most)
    )
    if fits:
        return float(found)
    most = LARGEST if below is None and at_most is None else at_most
    named = {"above": above, "of at least": at_least, "below": below, "of at most": most}
    words = " and ".join(f"{word} {bound:g}" for word, bound in named.items() if bound is not None)
    fields.fault(name, f"{show(found)} is not a number {words}", "bad_number")
    return None


def read_outcome(fields: Fields) -> OutcomeNumbers | None:
    """Read what somebody knows of the metric; None where it was left out or is no mapping."""
    document = fields.value("outcome", None)
    if document is None:
        return None
    part = Fields(document, "outcome", fields.problems)
    before = len(fields.problems)
    kind = part.choice("kind", OUTCOMES)
    ranges = _NUMBERS.get(kind or "", {})
    found = {name: read_number(part, name, bounds) for name, bounds in ranges.items()}
    numbers = {name: number for name, number in found.items() if number is not None}
    survival = _read_survival(part, numbers) if kind == "time_to_complete" else ()
    if numbers.get("denominator_mean") == 0:
        part.fault("denominator_mean", "is 0; a ratio needs another denominator", "zero_denominator")
    if kind is not None:
        part.no_more()
    if len(fields.problems) > before:
        return None
    return OutcomeNumbers(kind=kind, numbers=numbers, survival_by_day=survival)


def _read_survival(part: Fields, numbers: dict[str, float]) -> tuple[float, ...]:
    """Read the curve of those who have not completed yet, or see that a share answers for it."""
    if part.value("survival_by_day", None) is None:
        if "completed" not in numbers and part.document.get("completed") is None:
            message = "is missing; give the share that completes within the horizon, or survival_by_day"
            part.fault("completed", message, "required")
        return ()
    values = part.items("survival_by_day", 1, MAX_DAYS)
    if "completed" in numbers:
        part.fault("completed", "is given beside survival_by_day; keep one of them", "not_used")
    last = 1.0
    for index, value in enumerate(values):
        if not is_number(value) or not 0 <= value <= last:
            message = f"{show(value)} is not a share from 0 to the one of the day before"
            part.fault(f"survival_by_day[{index}]", message, "bad_number")
            return ()
        last = float(value)
    if last == 1:
        part.fault("survival_by_day", "stays at 1: nobody completes, so nothing can be planned", "bad_number")
    return tuple(float(value) for value in values)


def read_monitoring(fields: Fields) -> Monitoring:
    """Read when results will be read: a word for the kind, or a mapping."""
    document = fields.value("monitoring", {})
    if isinstance(document, str):
        document = {"kind": document}
    part = Fields(document, "monitoring", fields.problems)
    kind = part.choice("kind", MONITORING, "fixed")
    usual = {"group_sequential": 5, "always_valid": 14}.get(kind, 1)
    looks = part.integer("looks", 1, MAX_LOOKS, usual)
    if kind == "fixed" and looks != 1:
        part.fault("looks", f"is {looks}; a fixed test is read once, at its end", "not_used")
    spending = part.choice("spending", SPENDING, "obrien_fleming")
    parameter = _read_parameter(part, spending)
    if kind != "group_sequential" and part.document.get("spending") is not None:
        part.fault("spending", f"has no meaning for kind {kind}; remove it", "not_used")
    part.no_more()
    return Monitoring(kind=kind, looks=looks, spending=spending, parameter=parameter)


def _read_parameter(part: Fields, spending: str) -> float | None:
    """Read the parameter of a spending function that has one."""
    if spending == "kim_demets":
        return read_number(part, "parameter", Range(above=0, at_most=20))
    if spending == "hwang_shih_decani":
        return read_number(part, "parameter", Range(at_least=-40, at_most=10))
    if part.value("parameter", None) is not None:
        part.fault("parameter", f"has no meaning for spending {spending}; remove it", "not_used")
    return None


def read_traffic(fields: Fields) -> Traffic | None:
    """Read how many new units are expected."""
    document = fields.value("traffic", None)
    if document is None:
        return None
    part = Fields(document, "traffic", fields.problems)
    per_day = read_number(part, "per_day", Range(None, above=0))
    is_given = part.value("new_units_by_day", None) is not None
    days = part.items("new_units_by_day", 14, MAX_DAYS) if is_given else []
    share = read_number(part, "share", Range(None, above=0, at_most=1))
    part.no_more()
    if is_given:
        if per_day is not None:
            part.fault("per_day", "is given beside new_units_by_day; keep one of them", "not_used")
        return Traffic(new_units_by_day=_read_days(part, days), is_constant=False, share=share)
    return Traffic(
        new_units_by_day=() if per_day is None else (per_day,) * 364, is_constant=True, share=share
    )


def _read_days(part: Fields, values: list[Any]) -> tuple[float, ...]:
    """Read new units per day: none negative, not all 0."""
    for index, value in enumerate(values):
        if not is_number(value) or value < 0:
            part.fault(
                f"new_units_by_day[{index}]", f"{show(value)} is not a number of at least 0", "bad_number"
            )
            return ()
    if values and not any(values):
        part.fault("new_units_by_day", "is 0 on every day; a test needs somebody", "bad_number")
    return tuple(float(value) for value in values)
