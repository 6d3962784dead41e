"""The part of a Report on identity: whether the result rests on who was taken for whom."""

from __future__ import annotations

from abplat.domain.report_base import Frozen


class SplitTest(Frozen, frozen=True, kw_only=True):
    """The planned split, counted over one kind of unit."""

    unit: str
    """fresh (assignments that copy no earlier one) or customers."""
    counts: dict[str, int]
    expected: dict[str, float]
    p_value: float | None
    alarm: bool
    """p < 0.001."""
    reason: str | None = None


class MergeCheck(Frozen, frozen=True, kw_only=True):
    """Whether one arm is recognised, or merged, more than another."""

    variant: str
    measure: str
    """ids_per_customer or share_identified."""
    control_value: float | None
    treatment_value: float | None
    p_value: float | None
    alarm: bool
    """p < 0.001, divided by the number of treatments."""
    reason: str | None = None


class Crossover(Frozen, frozen=True, kw_only=True):
    """Customers who met more than one variant."""

    n_customers: int
    n_crossovers: int
    share: float | None
    level: str
    """pass, warning (more than 1 %) or block (more than 5 %)."""


class Sensitivity(Frozen, frozen=True, kw_only=True):
    """The primary metric of one variant under another rule of who is who."""

    variant: str
    analysis: str
    """first_exposure (the main one), without_crossovers, known_before, dose, assignment_id."""
    n_control: int
    n_treatment: int
    effect: float | None
    se: float | None
    ci_lower: float | None
    ci_upper: float | None
    p_value: float | None
    conclusion: str
    """better, worse, inconclusive or not_computable: by the interval, whatever the verdict of the report."""
    agrees: bool | None
    """Same sign and same conclusion as the main analysis; None where there is nothing to compare."""
    note: str
    reason: str | None = None


class IdentityVerdict(Frozen, frozen=True, kw_only=True):
    """What the sensitivity analyses say together, on one variant."""

    variant: str
    code: str
    """robust, depends_on_identity_resolution or not_computable."""
    sentence: str


class IdCount(Frozen, frozen=True, kw_only=True):
    """A kind of id that is no ordinary customer: counted, never dropped in silence."""

    kind: str
    """shared, limited, unidentified, cluster or refused_link."""
    n: int
    examples: tuple[str, ...] = ()


class Coherence(Frozen, frozen=True, kw_only=True):
    """Whether one variant travelled with the customer: over a pair of channels, an SDK, or a week."""

    group: str
    """channel_pair, sdk or week."""
    value: str
    """Such as ``app + web``, ``python/0.1.0`` or ``2026-W10``."""
    n: int
    """Customers met in both channels; exposures after the customer's first one for SDKs and weeks."""
    n_coherent: int
    share: float | None
    p_value: float | None = None
    """Of being less coherent than the rest of the group (weeks: than the weeks before), Holm over it."""
    alarm: bool = False


class Coverage(Frozen, frozen=True, kw_only=True):
    """Whether a channel that could show the variant did: customer-days with a touchpoint there."""

    group: str
    """channel, channel_pair (first exposure, then this channel) or sdk (of the first exposure)."""
    value: str
    n_days: int
    n_served: int
    share: float | None
    alarm: bool = False
    """Less than 95 % were served."""


class IdentitySection(Frozen, frozen=True, kw_only=True):
    """Everything that was checked about identity."""

    graph_as_of: str
    """Links known at this instant made the customers; asked for again, it makes the same ones."""
    splits: tuple[SplitTest, ...] = ()
    merges: tuple[MergeCheck, ...] = ()
    fallback: bool = False
    """Whether recognition differs between the arms, so that the assigned id is the unit to read."""
    crossover: Crossover | None = None
    sensitivities: tuple[Sensitivity, ...] = ()
    verdicts: tuple[IdentityVerdict, ...] = ()
    ids: tuple[IdCount, ...] = ()
    coherence: tuple[Coherence, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    drift: bool = False
    """Whether a week was less coherent than those before it."""
