"""How numbers and verdicts are said to people: one place, so that every page says them alike.

No function here ever prints ``None`` or ``nan``: what has no number is said as a reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from abplat.domain import notes

MINUS = "\u2212"
NARROW = "\u202f"
"""Narrow no-break space: between a number and its unit."""
DASH = "\u2013"

REASONS = {
    **{code: note.short for code, note in notes.REASONS.items()},
    "no_exposures": "no customers yet",
    "no_starts": "nobody started the journey",
    "no_completions": "nobody completed the journey yet",
    "too_few_events": "too few completed journeys to say",
    "unstable_baseline": "control is too close to zero for a relative change",
    "unbounded": "control is too close to zero for a relative change",
    "too_early": "too early to say",
    "not_mature": "no customer has passed the horizon yet",
    "no_denominator": "nothing to divide by yet",
}
SAID_WITHOUT_REASON = "not computable"


@dataclass(frozen=True, slots=True)
class Word:
    """A verdict as people meet it: a word, an icon and a tone, so that colour never stands alone."""

    text: str
    icon: str
    tone: str
    """good, bad, warn or calm."""


WORDS = {
    "better": Word("Better", "up", "good"),
    "worse": Word("Worse", "down", "bad"),
    "inconclusive": Word("Inconclusive", "dash", "calm"),
    "too_early": Word("Too early", "clock", "calm"),
    "not_trusted": Word("Not trusted", "warning", "warn"),
    "not_computable": Word("Not computable", "dash", "calm"),
    "descriptive": Word("Descriptive", "info", "calm"),
}
DECISIONS = {
    "not_trusted": Word("Not trusted", "warning", "warn"),
    "rollback": Word("Worse", "down", "bad"),
    "conflict": Word("Conflict", "conflict", "bad"),
    "ship": Word("Better", "up", "good"),
    "ship_neutral": Word("No harm shown", "check", "good"),
    "extend": Word("Too early", "clock", "calm"),
    "stop_no_effect": Word("No effect worth having", "dash", "calm"),
    "inconclusive": Word("Inconclusive", "dash", "calm"),
}
CONFLICT_STATES = {
    "journey_win": Word("Journey win", "up", "good"),
    "journey_harm": Word("Journey harm", "down", "bad"),
    "conflict": Word("Won here, lost there", "conflict", "bad"),
    "local_win_only": Word("Local win only", "dash", "warn"),
    "nothing_shown": Word("Nothing shown", "dash", "calm"),
}
SEVERITIES = {
    "block": Word("Blocks", "warning", "bad"),
    "warning": Word("Warning", "warning", "warn"),
    "info": Word("Note", "info", "calm"),
    "pass": Word("Passed", "check", "good"),
}
STATES = {
    "draft": Word("Draft", "dash", "calm"),
    "checked": Word("Checked", "check", "calm"),
    "running": Word("Running", "clock", "good"),
    "paused": Word("Paused", "dash", "warn"),
    "stopped": Word("Stopped", "check", "calm"),
    "concluded": Word("Concluded", "check", "calm"),
    "archived": Word("Archived", "dash", "calm"),
}
ENDINGS = {
    "completed": "Completed",
    "open": "Still open",
    "abandoned": "Abandoned",
    "aborted": "Aborted",
    "superseded": "Replaced by a newer one",
}
SMALL_NAMES = {"app": "App", "web": "Web", "sms": "SMS", "email": "E-mail", "crm": "CRM"}


def say_word(words: dict[str, Word], code: str) -> Word:
    """Return the word of a code; a code not known here is shown as it is, calmly."""
    return words.get(code) or Word(humanise(code), "dash", "calm")


def humanise(key: str) -> str:
    """Make a key readable where there is no title.

    Examples:
        >>> humanise("contact_centre")
        'Contact centre'
    """
    text = key.replace("_", " ").replace("-", " ").strip()
    return SMALL_NAMES.get(key) or (text[:1].upper() + text[1:] if text else "Unknown")


def say_reason(reason: str | None) -> str:
    """Say why there is no number."""
    if not reason:
        return SAID_WITHOUT_REASON
    return REASONS.get(reason) or reason.replace("_", " ")


def is_number(value: float | None) -> bool:
    """Tell whether there is a number to show."""
    return value is not None and math.isfinite(value)


def number(value: float, digits: int = 0, *, signed: bool = False) -> str:
    """Write a number with thousands marked, a true minus and, where asked, its plus.

    Examples:
        >>> number(-1234.5, 1)
        '\u22121,234.5'
        >>> number(0.04, 1, signed=True)
        '0.0'
    """
    text = f"{abs(value):,.{digits}f}"
    if not any(mark in "123456789" for mark in text):
        return text
    if value < 0:
        return MINUS + text
    return f"+{text}" if signed else text


def count(value: int) -> str:
    """Write a count.

    Examples:
        >>> count(13087)
        '13,087'
    """
    return number(value)


def percent(share: float, *, signed: bool = False, digits: int | None = None) -> str:
    """Write a share as a percentage, with as many digits as its size deserves.

    Examples:
        >>> percent(0.1234).replace(NARROW, " ")
        '12.3 %'
        >>> percent(-0.0042, signed=True).replace(NARROW, " ")
        '\u22120.42 %'
    """
    value = share * 100
    shown = digits_of(value) if digits is None else digits
    return number(value, shown, signed=signed) + NARROW + "%"


def level(share: float) -> str:
    """Write a share that somebody chose, such as a margin, with no digit too many.

    Examples:
        >>> level(0.05).replace(NARROW, " "), level(0.025).replace(NARROW, " ")
        ('5 %', '2.5 %')
    """
    return f"{share * 100:.4g}{NARROW}%"


def digits_of(size: float) -> int:
    """Return how many decimals a number of this size deserves."""
    size = abs(size)
    if size >= 100:
        return 0
    return 1 if size >= 1 or size == 0 else 2


def digits_of_interval(lower: float, upper: float) -> int:
    """Return one number of decimals for an estimate and both its bounds, by the interval's width."""
    width = abs(upper - lower) * 100
    if width >= 100:
        return 0
    return 1 if width >= 0.5 else 2


def points(share: float, *, signed: bool = True) -> str:
    """Write a difference of shares in percentage points.

    Examples:
        >>> points(0.0123).replace(NARROW, " ")
        '+1.23 pts'
    """
    return number(share * 100, 2 if abs(share) < 0.1 else 1, signed=signed) + NARROW + "pts"


def duration(seconds: float, *, signed: bool = False) -> str:
    """Write an elapsed time in the unit that people would use.

    Examples:
        >>> duration(93_600).replace(NARROW, " ")
        '1.1 days'
    """
    size = abs(seconds)
    for unit, length in (("days", 86_400), ("hours", 3_600), ("min", 60)):
        if size >= length:
            return number(seconds / length, 1, signed=signed).removesuffix(".0") + NARROW + unit
    return number(seconds, 0 if size >= 1 else 1, signed=signed) + NARROW + "s"


def span(text: str) -> str:
    """Say a duration of a definition, such as ``7d``, in words.

    Examples:
        >>> span("7d").replace(NARROW, " ")
        '7 days'
    """
    names = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week"}
    amount, unit = text[:-1], text[-1:]
    if not amount.isdecimal() or unit not in names:
        return text
    return f"{amount}{NARROW}{names[unit]}{'' if amount == '1' else 's'}"


def quantity(value: float, unit: str, *, signed: bool = False) -> str:
    """Write a value in the unit of its metric: share, count, seconds or value."""
    if unit == "share":
        return points(value) if signed else percent(value)
    if unit == "seconds":
        return duration(value, signed=signed)
    return number(value, 2 if abs(value) < 100 else 1, signed=signed)


def said(value: float | None, unit: str, reason: str | None = None, *, signed: bool = False) -> str:
    """Write a value, or the reason why there is none."""
    if value is None or not math.isfinite(value):
        return say_reason(reason)
    return quantity(value, unit, signed=signed)


def interval(lower: float, upper: float, unit: str = "relative") -> str:
    """Write the bounds of an interval, both with the same digits.

    Examples:
        >>> interval(-0.003, 0.045).replace(NARROW, " ")
        '\u22120.3 % to +4.5 %'
    """
    if unit == "relative":
        digits = digits_of_interval(lower, upper)
        return f"{percent(lower, signed=True, digits=digits)} to {percent(upper, signed=True, digits=digits)}"
    return f"{quantity(lower, unit, signed=True)} to {quantity(upper, unit, signed=True)}"


def p_value(value: float | None) -> str:
    """Write a p-value.

    Examples:
        >>> p_value(0.0341), p_value(1e-9)
        ('p = 0.034', 'p < 0.001')
    """
    if value is None or not math.isfinite(value):
        return "no p-value"
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def instant(text: str | None) -> str:
    """Write an instant of a document for people: date and time, to the minute, in UTC.

    Examples:
        >>> instant("2026-03-04T10:05:17.123456Z")
        '2026-03-04 10:05 UTC'
    """
    if not text:
        return "not yet"
    day, _, rest = text.partition("T")
    return f"{day} {rest[:5]} UTC" if rest else day
