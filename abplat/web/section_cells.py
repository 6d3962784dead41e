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
CHANNELS: Final = ("channel", "from_channel", "to_channel")
SECONDS: Final = ("median", "mean", "rmst")
SHARES: Final = ("share", "rate", "slope", "first", "last", "mix", "coverage", "points")
FREE_TEXT: Final = ("title", "owner", "finding", "source_name", "value", "stratum", "examples", "unit")


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
    """Say one field of a row."""
    value = getattr(row, name)
    if value is None:
        reason = getattr(row, "reason", None)
        return wording.say_reason(reason) if reason and name in ("effect", "p_value") else wording.DASH
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return wording.instant(value) if _is_instant(name, value) else place.name_of(name, value)
    if isinstance(value, tuple | list):
        parts = [place.name_of("channel" if name == "path" else name, str(each)) for each in value]
        return (" \u2192 " if name == "path" else ", ").join(parts) or wording.DASH
    if isinstance(value, dict):
        return ", ".join(
            f"{variant_title(place.report, key)} {_say_number(place, name, each)}"
            for key, each in value.items()
        )
    return _say_number(place, name, value)


def _say_number(place: Place, name: str, value: Any) -> str:
    """Say a number by the name of its field."""
    if not isinstance(value, int | float):
        return str(value)
    if name.startswith("p_") or name.endswith(("_p", "_p_value", "p_holm")):
        return wording.p_value(float(value))
    if isinstance(value, int) or (value.is_integer() and abs(value) >= 100):
        return wording.count(int(value))
    if name.endswith("_seconds") or name in SECONDS:
        return wording.duration(value)
    if _is_share(place, name):
        return wording.percent(value, signed=name in ("slope", "first", "last", "points"))
    return wording.number(value, 4 if abs(value) < 1 else 2)


def _is_share(place: Place, name: str) -> bool:
    """Tell whether a field is a share, by its name or by the unit of its table."""
    if _unit(place) == "share" and name.endswith(("_value", "difference")):
        return True
    return any(
        name == share or name.endswith(f"_{share}") or name.startswith(f"{share}_") for share in SHARES
    )


def say_change(place: Place, row: msgspec.Struct) -> str:
    """Say the effect of a row with its plausible range, or why there is none."""
    effect, lower, upper = (getattr(row, name, None) for name in ("effect", "ci_lower", "ci_upper"))
    if effect is None:
        return (
            wording.say_reason(getattr(row, "reason", None)) if getattr(row, "reason", None) else wording.DASH
        )
    unit = _unit(place)
    if unit == "relative":
        said = wording.percent(effect, signed=True)
    else:
        said = wording.quantity(effect, unit, signed=True)
    if lower is None or upper is None:
        return said
    return f"{said} ({wording.interval(lower, upper, unit)})"


def _unit(place: Place) -> str:
    """Return the unit of the effects in a table."""
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
