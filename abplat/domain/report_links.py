"""Section of the Report: where on the journey the difference arose, beyond the decomposition itself."""

from __future__ import annotations

from abplat.domain.report_base import Frozen

ACCOUNTING = "Accounting of the total effect, not the effect of changing this link alone."
SELECTED = "Descriptive: it compares customers whom the treatment itself has selected."
RANDOMISED = "Over all exposed mature customers, so the randomisation holds."


class LinkShareFacts(Frozen, frozen=True, kw_only=True):
    """What one link adds to the difference."""

    source: str
    target: str
    """A stage; ``value`` for value per completer, the last link of a value."""
    points: float
    ci_lower: float
    ci_upper: float


class LinkSharesFacts(Frozen, frozen=True, kw_only=True):
    """A difference shared out over links by Shapley values, with bootstrap intervals."""

    variant: str
    metric: str | None
    """The value metric that is shared out; None for completion."""
    difference: float | None
    ci_lower: float | None
    ci_upper: float | None
    links: tuple[LinkShareFacts, ...]
    replicates: int
    seed: int
    caption: str = ACCOUNTING
    reason: str | None = None


class EntryChannel(Frozen, frozen=True, kw_only=True):
    """What one channel of entry adds to mix and rate."""

    channel: str
    control_share: float
    treatment_share: float
    control_rate: float
    treatment_rate: float
    mix: float
    rate: float


class MixAndRateFacts(Frozen, frozen=True, kw_only=True):
    """Completion of those who started, split into where they entered and how well they did there."""

    variant: str
    difference: float | None
    mix: float | None
    mix_ci_lower: float | None
    mix_ci_upper: float | None
    rate: float | None
    rate_ci_lower: float | None
    rate_ci_upper: float | None
    mix_p_value: float | None
    """Of equal shares of entry channels: a change of them is an effect of the treatment itself."""
    channels: tuple[EntryChannel, ...]
    caption: str = SELECTED
    reason: str | None = None


class HandOffEffect(Frozen, frozen=True, kw_only=True):
    """One cell of the hand-off matrix: customers who were handed from one channel to another."""

    from_channel: str
    to_channel: str
    control_n: int
    treatment_n: int
    effect: float | None
    """Difference of the shares of customers."""
    ci_lower: float | None
    ci_upper: float | None
    p_value: float | None
    p_holm: float | None
    state: str
    """more, fewer or nothing_shown, by Holm over the cells."""


class HandOffMatrix(Frozen, frozen=True, kw_only=True):
    """Hand-offs between channels of one variant against control."""

    variant: str
    control_exposed: int
    treatment_exposed: int
    cells: tuple[HandOffEffect, ...]
    caption: str = RANDOMISED


class ForcedReason(Frozen, frozen=True, kw_only=True):
    """Customers who had to change channel for one recorded reason."""

    reason: str
    """As the events say it; ``not recorded`` where they say none, ``other`` for the rare ones together."""
    control_n: int
    treatment_n: int
    effect: float | None
    """Difference of the shares of customers."""
    ci_lower: float | None
    ci_upper: float | None
    p_value: float | None
    p_holm: float | None


class ForcedSwitches(Frozen, frozen=True, kw_only=True):
    """Changes of channel that customers were forced to, beside all they made, of one variant."""

    variant: str
    metric: str
    """The metric of kind channel_switches that says which events record one."""
    title: str
    control_switches: int
    """All changes of channel on the journeys of control."""
    treatment_switches: int
    control_forced: int
    treatment_forced: int
    reasons: tuple[ForcedReason, ...]
    caption: str = RANDOMISED


class ShiftClass(Frozen, frozen=True, kw_only=True):
    """Customers of one class: a channel, several of them, or any; of abandonments the stage that was missing."""

    channel: str
    control_n: int
    treatment_n: int
    effect: float | None
    ci_lower: float | None
    ci_upper: float | None
    p_holm: float | None


class ShiftFacts(Frozen, frozen=True, kw_only=True):
    """Whether something moved to another channel rather than being saved."""

    variant: str
    what: str
    """completions, or the key of a metric of contacts."""
    state: str
    """shifted, partly_shifted, fewer, more, changed, nothing_shown or not_computable."""
    p_value: float | None
    classes: tuple[ShiftClass, ...]
    total: ShiftClass | None
    sentence: str
    caption: str = RANDOMISED
    reason: str | None = None


class LinkLatency(Frozen, frozen=True, kw_only=True):
    """How long a link takes in one arm; journeys that left it or are still on it are censored."""

    variant: str
    source: str
    target: str
    n: int
    n_crossed: int
    median: float | None
    """Seconds; None where fewer than half cross."""
    mean: float | None
    """Restricted mean up to the horizon, in seconds."""
    effect: float | None
    """Restricted mean less that of control."""
    ci_lower: float | None
    ci_upper: float | None
    caption: str = SELECTED
    reason: str | None = None


class MechanismLink(Frozen, frozen=True, kw_only=True):
    """One link of the mechanism: what was expected before the start, and what is seen."""

    source: str
    target: str
    expected: str
    """up, down or none."""
    points: float | None
    ci_lower: float | None
    ci_upper: float | None
    p_holm: float | None
    grade: str
    """as_expected, opposite, not_shown; held, moved or not_ruled_out; not_computable."""
    is_size_right: bool | None = None
    """Whether the size that was predicted lies in the interval of the link's rate ratio."""


class MechanismFacts(Frozen, frozen=True, kw_only=True):
    """The hypothesis graded: did the links move that were to move, and the others not."""

    variant: str
    grade: str
    """right_link, right_result_wrong_mechanism, wrong_mechanism, mechanism_without_result,
    result_without_mechanism or nothing_shown."""
    sentence: str
    links: tuple[MechanismLink, ...]
    caption: str = ACCOUNTING


class LinkSection(Frozen, frozen=True, kw_only=True):
    """Everything about links beyond the decomposition."""

    shares: tuple[LinkSharesFacts, ...] = ()
    mix: tuple[MixAndRateFacts, ...] = ()
    hand_offs: tuple[HandOffMatrix, ...] = ()
    shifts: tuple[ShiftFacts, ...] = ()
    latencies: tuple[LinkLatency, ...] = ()
    abandonment: tuple[ShiftFacts, ...] = ()
    """Where journeys were left: the test over all stages first, then each stage."""
    mechanism: tuple[MechanismFacts, ...] = ()
    forced: tuple[ForcedSwitches, ...] = ()
    """Changes of channel that customers were forced to, where a metric says which events record them."""
