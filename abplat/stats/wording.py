"""Sentences about effects: what to do first, then why, with numbers."""

from __future__ import annotations

from typing import Final, Protocol

from abplat.stats.result import Computed, NotComputable

_MINUS: Final = "\u2212"


class EffectLike(Protocol):
    """What a verdict needs of an effect: ``Comparison`` and ``RestrictedMeanComparison`` both fit."""

    @property
    def effect(self) -> float:
        """Effect in the unit of the metric."""
        ...

    @property
    def se(self) -> float:
        """Its standard error."""
        ...

    @property
    def ci_lower(self) -> float:
        """Lower end of its interval."""
        ...

    @property
    def ci_upper(self) -> float:
        """Upper end of its interval."""
        ...

    @property
    def p_value(self) -> float:
        """Two-sided p-value."""
        ...

    @property
    def rel_effect(self) -> float | None:
        """Effect as a share of control."""
        ...

    @property
    def rel_ci_lower(self) -> float | None:
        """Lower end of its interval."""
        ...

    @property
    def rel_ci_upper(self) -> float | None:
        """Upper end of its interval."""
        ...


def phrase_number(value: float, unit: str) -> str:
    """Write a signed absolute change in the unit of a metric.

    Examples:
        >>> phrase_number(0.0206, "share"), phrase_number(-90.0, "seconds")
        ('+2.1 points', '\u22121.5 min')
    """
    if unit == "share":
        return f"{_sign(value)}{abs(value) * 100:.1f} points"
    if unit == "seconds":
        return _sign(value) + _phrase_time(abs(value))
    return f"{_sign(value)}{abs(value):.3g}"


def _phrase_time(seconds: float) -> str:
    """Write a duration in the largest unit that gives a number of at least one."""
    for size, name in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {name}"
    return f"{seconds:.3g} s"


def phrase_percent(value: float) -> str:
    """Write a signed share as a percentage.

    Examples:
        >>> phrase_percent(0.021)
        '+2.1 %'
    """
    return f"{_sign(value)}{abs(value) * 100:.1f} %"


def _sign(value: float) -> str:
    """Return the sign that is written before a number."""
    return _MINUS if value < 0 else "+"


def phrase_effect(title: str, effect: Computed[EffectLike], unit: str) -> str:
    """Write an effect with its interval: relative where it has one, else in its unit.

    Args:
        title: Name of the metric.
        effect: The effect, or why there is none.
        unit: ``share``, ``count``, ``seconds`` or ``value``.

    Returns:
        Such as "Journey completed +2.1 % (\u22120.3 % to +4.5 %)".

    Examples:
        >>> phrase_effect("Calls", NotComputable("no_units"), "count")
        'Calls: no number (An arm has no units.)'
    """
    if isinstance(effect, NotComputable):
        return f"{title}: no number ({effect.message})"
    point, lower, upper = effect.rel_effect, effect.rel_ci_lower, effect.rel_ci_upper
    if point is not None and lower is not None and upper is not None:
        return f"{title} {phrase_percent(point)} ({phrase_percent(lower)} to {phrase_percent(upper)})"
    ends = phrase_number(effect.ci_lower, unit), phrase_number(effect.ci_upper, unit)
    return f"{title} {phrase_number(effect.effect, unit)} ({ends[0]} to {ends[1]})"


def phrase_change(effect: EffectLike, unit: str) -> str:
    """Write the point of an effect alone."""
    if effect.rel_effect is not None:
        return phrase_percent(effect.rel_effect)
    return phrase_number(effect.effect, unit)


def phrase_harm(effect: EffectLike, unit: str, *, is_up_good: bool) -> str:
    """Write how large a harm the interval does not exclude; "none" where it excludes any."""
    relative = effect.rel_ci_lower is not None and effect.rel_ci_upper is not None
    if is_up_good:
        end = effect.rel_ci_lower if relative else effect.ci_lower
    else:
        end = effect.rel_ci_upper if relative else effect.ci_upper
    if end is None or (end >= 0 if is_up_good else end <= 0):
        return "none"
    return phrase_percent(end) if relative else phrase_number(end, unit)
