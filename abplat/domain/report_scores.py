"""Section of the Report: satisfaction, with those who did not answer."""

from __future__ import annotations

from abplat.domain.report_base import Frozen

CAPTION = "Only some answer: the bounds assume nothing of those who did not."


class ScoreFacts(Frozen, frozen=True, kw_only=True):
    """One score of one variant against control."""

    variant: str
    metric: str
    title: str
    control_asked: int
    control_answered: int
    treatment_asked: int
    treatment_answered: int
    response_effect: float | None
    response_p_value: float | None
    is_selected: bool
    """Whether the arms answered at different rates: compare the bounds then, not the answers."""
    lower: float | None
    """Effect if the silent ones had answered worst for the treatment."""
    upper: float | None
    ci_lower: float | None
    ci_upper: float | None
    win_share: float | None
    """Chance that an answer of treatment is above one of control, ties half."""
    win_ci_lower: float | None
    win_ci_upper: float | None
    win_p_value: float | None
    odds_ratio: float | None
    odds_ci_lower: float | None
    odds_ci_upper: float | None
    caption: str = CAPTION
    reason: str | None = None
