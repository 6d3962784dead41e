"""What every part of a Report is made of."""

from __future__ import annotations

import msgspec


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every part of a Report."""


class Contrast(Frozen, frozen=True, kw_only=True):
    """A variant against control in one number, with its interval, or the reason why there is none."""

    variant: str
    effect: float | None = None
    ci_lower: float | None = None
    ci_upper: float | None = None
    p_value: float | None = None
    reason: str | None = None
