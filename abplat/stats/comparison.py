"""The plan of a comparison and what it answers: the shapes that all callers share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, Literal

from abplat.errors import InvalidInputError

Kind = Literal["mean", "proportion", "count", "ratio"]
ThetaRule = Literal["min_variance", "within_arms", "pooled_total", "fixed", "per_stratum", "none"]
Relative = Literal["fieller", "delta", "log"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "kind": ("mean", "proportion", "count", "ratio"),
    "theta_rule": ("min_variance", "within_arms", "pooled_total", "fixed", "per_stratum", "none"),
    "denominator": ("adjusted", "unadjusted"),
    "relative": ("fieller", "delta", "log"),
    "reference": ("t", "normal"),
    "strata_shares": ("fixed", "random"),
    "small_table": ("auto", "never", "always"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparisonPlan:
    """How two arms are to be compared; fixed before the data are seen.

    Attributes:
        alpha: Two-sided error rate of the interval, between 0 and 1.
        kind: ``mean``, ``proportion`` (0/1 outcomes: small tables get score intervals), ``count``
            or ``ratio`` (sum of y over sum of d).
        theta_rule: How the covariate's slope is found: ``min_variance`` (default; least variance
            of the difference), ``within_arms`` (analysis of covariance), ``pooled_total`` (Deng
            2013, over both arms together), ``fixed`` (given by ``theta``), ``per_stratum`` or
            ``none`` (no adjustment).
        theta: The slope of each covariate for the rule ``fixed``.
        ridge: Penalty on the slopes as a share of each covariate's own variance, fixed before the
            data are seen; 0 for none. Use it for many covariates that tell nearly the same.
        denominator: Whether a relative effect divides by the adjusted or the raw control value.
        relative: The interval of the relative effect: ``fieller``, ``delta`` or ``log``.
        reference: ``t`` (Satterthwaite) or ``normal`` critical values.
        strata_shares: ``fixed``, or ``random`` where the shares of the strata are a sample.
        min_stratum_units: Strata with fewer units in an arm are merged, and the result says so.
        cap_level: Share of the units that the metric's cap leaves untouched (:func:`choose_cap`); None
            for no cap. A proportion has none, and a quantile refuses it: it ignores extremes anyway,
            and of capped values every quantile above the cap is the cap.
        small_table: When a proportion uses the score interval and Boschloo's test: ``auto`` (an
            expected cell below 10), ``never`` or ``always``.
    """

    alpha: float = 0.05
    kind: Kind = "mean"
    theta_rule: ThetaRule = "min_variance"
    theta: tuple[float, ...] = ()
    denominator: Literal["adjusted", "unadjusted"] = "adjusted"
    relative: Relative = "fieller"
    reference: Literal["t", "normal"] = "t"
    strata_shares: Literal["fixed", "random"] = "fixed"
    min_stratum_units: int = 30
    small_table: Literal["auto", "never", "always"] = "auto"
    ridge: float = 0.0
    cap_level: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {self.alpha!r}")
        for field, allowed in _CHOICES.items():
            if getattr(self, field) not in allowed:
                found = getattr(self, field)
                raise InvalidInputError.at(field, f"must be one of {', '.join(allowed)}, got {found!r}")
        if (self.theta_rule == "fixed") != bool(self.theta):
            raise InvalidInputError.at("theta", "is given with the rule fixed, and only then")
        if not 0 <= self.ridge < float("inf"):
            raise InvalidInputError.at("ridge", f"must be finite and not negative, got {self.ridge!r}")
        if self.cap_level is not None and (self.kind == "proportion" or not 0 < self.cap_level < 1):
            raise InvalidInputError.at("cap_level", "lies between 0 and 1, and a proportion has none")
        if self.min_stratum_units < 2:
            raise InvalidInputError.at("min_stratum_units", "must be at least 2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The effect of a treatment against control, in the unit of the metric and as a share.

    Attributes:
        effect: Treatment minus control (adjusted for covariates and strata where given).
        se: Its standard error.
        df: Degrees of freedom of its t distribution; None where the normal is used.
        ci_lower: Lower end of the two-sided interval.
        ci_upper: Upper end of the two-sided interval.
        p_value: Two-sided; below alpha exactly when the interval excludes 0.
        log10_p: Its decimal logarithm, kept where the p-value itself would underflow.
        rel_effect: Effect over the control value (its absolute value where that is negative).
        rel_ci_lower: Lower end of the interval of ``rel_effect``.
        rel_ci_upper: Upper end of the interval of ``rel_effect``.
        rel_p_value: The p-value that agrees with this interval (for Fieller it is ``p_value``).
        rel_reason: Why there is no relative effect or interval, a code; None where there is one.
        control_value: Raw control value.
        treatment_value: Raw treatment value.
        control_adjusted: Control value after adjustment: the baseline of ``rel_effect``.
        treatment_adjusted: Treatment value after adjustment.
        n_control: Units in control.
        n_treatment: Units in treatment.
        theta: Slope used per covariate; empty without covariates.
        method: How interval and p-value were made: ``welch``, ``score``, ``normal``...
        flags: What the reader must know: ``negative_control``, ``strata_merged``,
            ``strata_dropped``, ``covariate_imbalance``, ``covariate_singular`` (a covariate that
            does not vary or repeats others got no slope), ``denominator_moved``,
            ``normal_interval_unreliable``.
        alpha: Error rate of the intervals.
    """

    effect: float
    se: float
    df: float | None
    ci_lower: float
    ci_upper: float
    p_value: float
    log10_p: float
    rel_effect: float | None
    rel_ci_lower: float | None
    rel_ci_upper: float | None
    rel_p_value: float | None
    rel_reason: str | None
    control_value: float
    treatment_value: float
    control_adjusted: float
    treatment_adjusted: float
    n_control: int
    n_treatment: int
    theta: tuple[float, ...] = ()
    method: str = "welch"
    flags: tuple[str, ...] = ()
    alpha: float = 0.05


_SLOTS: Final = tuple(getattr(Comparison, field.name).__set__ for field in fields(Comparison))


def fill_comparison(values: Iterable[object]) -> Comparison:
    """Make a comparison of its values, in the order of the fields.

    Why: a frozen class pays for every attribute that it sets for itself. Its slots take them at a
    third of that, and making results is the largest part of a page of rows.
    """
    found = object.__new__(Comparison)
    for put, value in zip(_SLOTS, values, strict=True):
        put(found, value)
    return found
