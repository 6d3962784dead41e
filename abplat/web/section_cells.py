"""How one cell of a further part is said: by the name of its field and the type of its value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec

from abplat.domain.report import Report
from abplat.web import wording
from abplat.web.link_rows import stage_title, variant_title
from abplat.web.section_words import CODES, UNITS

STAGES: Final = ("stage", "next_stage")
SECONDS: Final = ("median", "mean", "rmst")
SHARES: Final = (
    "compatible_harm", "i_squared", "weight", "share", "rate", "slope", "first", "last", "mix", "coverage", "points",
)  # fmt: skip
SIGNED: Final = ("slope", "first", "last", "points", "mix", "rate")
FREE_TEXT: Final = ("title", "owner", "finding", "source_name", "value", "stratum", "examples")
MAINS: Final = ("effect", "points", "difference")
"""Fields that hold the contrast of a row; ``ci_lower`` and ``ci_upper`` are its bounds."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cell stands: the report, the part and the table."""

    report: Report
    section: str
    table: str

    def name_of(self, field: str, key: str) -> str:
        """Return what people call a key."""
        if field == "variant":
            return variant_title(self.report, key)
        if field in STAGES or (field in ("source", "target") and key in self.stages()):
            return stage_title(self.report, key)
        if field in ("metric", "kpi", "what"):
            title = next((each.title for each in self.report.metrics if each.key == key), "")
            return title or CODES.get(key) or stage_title(self.report, key)
        if field in FREE_TEXT:
            return key
        return CODES.get(key) or (wording.humanise(key) if _is_code(key) else key)

    def stages(self) -> set[str]:
        """Return the keys of the stages."""
        return {"exposed", "exposure", *(stage.key for stage in self.report.journey.stages)}


def say_cell(place: Place, name: str, row: msgspec.Struct) -> str:
    """Say one field of a row, with its bounds where it has any of its own."""
    value = getattr(row, name)
    bounds = _bounds_of(name, row)
    if bounds and isinstance(value, float):
        value, lower, upper = (_say_number(place, name, each) for each in (value, *bounds))
        return f"{value} ({lower} to {upper})"
    if value is None:
        reason = getattr(row, "reason", None)
        return wording.say_reason(reason) if reason and name in ("effect", "p_value") else wording.DASH
    return _say_value(place, name, value)


def _say_value(place: Place, name: str, value: Any) -> str:
    """Say a value by its type."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return wording.instant(value) if _is_instant(name, value) else place.name_of(name, value)
    if isinstance(value, tuple | list):
        return _say_list(place, name, value)
    if isinstance(value, dict):
        return ", ".join(
            f"{variant_title(place.report, key)} {_say_number(place, name, each)}"
            for key, each in value.items()
        )
    if isinstance(value, msgspec.Struct):
        return say_change(place, value)
    return _say_number(place, name, value) if isinstance(value, int | float) else str(value)


def _say_list(place: Place, name: str, values: tuple[Any, ...] | list[Any]) -> str:
    """Say several values: numbers, names, or the steps of a path."""
    if name == "path":
        return " \u2192 ".join(place.name_of("channel", str(each)) for each in values)
    parts = (
        _say_number(place, name, each)
        if isinstance(each, float)
        else wording.DASH
        if each is None
        else place.name_of(name, str(each))
        for each in values
    )
    return ", ".join(parts) or wording.DASH


def _bounds_of(name: str, row: msgspec.Struct) -> tuple[float, float] | None:
    """Return the bounds that belong to a field by their names."""
    stem = "" if name == "expected_share" else f"{name}_"
    lower, upper = (getattr(row, f"{stem}ci_{end}", None) for end in ("lower", "upper"))
    return (lower, upper) if lower is not None and upper is not None else None


def _say_number(place: Place, name: str, value: float) -> str:
    """Say a number by the name of its field."""
    if name.startswith("p_") or name.endswith(("_p", "_p_value", "p_holm")):
        return wording.p_value(float(value))
    if isinstance(value, float) and (name.endswith("_seconds") or name in SECONDS):
        return wording.duration(value)
    if isinstance(value, int) or (value.is_integer() and abs(value) >= 100):
        return wording.count(int(value))
    if name in ("total", "adjusted", "shrunken", "tau"):
        return wording.quantity(value, _unit(place), signed=True)
    if _is_share(place, name):
        return wording.percent(value, signed=name in SIGNED)
    return wording.number(value, 4 if abs(value) < 1 else 2)


def _is_share(place: Place, name: str) -> bool:
    """Tell whether a field is a share, by its name or by the unit of its table."""
    if _unit(place) == "share" and name.endswith(("_value", "difference")):
        return True
    return any(
        name == share or name.endswith(f"_{share}") or name.startswith(f"{share}_") for share in SHARES
    )


def contrast_of(row: msgspec.Struct) -> tuple[float | None, float | None, float | None]:
    """Return the contrast of a row with its bounds."""
    found = (getattr(row, name, None) for name in MAINS)
    effect = next((value for value in found if isinstance(value, int | float)), None)
    return effect, getattr(row, "ci_lower", None), getattr(row, "ci_upper", None)


def say_change(place: Place, row: msgspec.Struct) -> str:
    """Say the contrast of a row with its plausible range, or why there is none."""
    effect, lower, upper = contrast_of(row)
    if effect is None:
        reason = getattr(row, "reason", None)
        return wording.say_reason(reason) if reason else wording.DASH
    unit = _unit(place, row)
    if unit == "relative":
        said = wording.percent(effect, signed=True)
    else:
        said = wording.quantity(effect, unit, signed=True)
    if lower is None or upper is None:
        return said
    return f"{said} ({wording.interval(lower, upper, unit)})"


def _unit(place: Place, row: msgspec.Struct | None = None) -> str:
    """Return the unit of the contrasts in a table, or of one row whose figure has a unit of its own."""
    key = getattr(row, "kpi", None)
    if key:
        return next((each.unit for each in place.report.metrics if each.key == key), "share")
    unit = UNITS.get(place.table) or UNITS.get(place.section) or "count"
    if unit != "goal":
        return unit
    return next((each.unit for each in place.report.metrics if each.role == "primary"), "count")


def _is_code(text: str) -> bool:
    """Tell whether a text is a code of ours rather than words of somebody."""
    return text.isascii() and text == text.lower() and " " not in text and "/" not in text


def _is_instant(name: str, text: str) -> bool:
    """Tell whether a text is an instant."""
    named = name.endswith(("_at", "_of", "_from", "_to")) or name == "at"
    return named and len(text) > 10 and text[:4].isdigit() and text[4] == "-"
