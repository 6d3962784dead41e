"""Who came and how well each did: mix and rate of channels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from abplat.errors import InvalidInputError
from abplat.stats.result import Computed, NotComputable
from abplat.stats.tails import critical_normal, upper_chi_square

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ChannelPart:
    """What one channel adds to the mix and the rate part.

    Attributes:
        mix: Part of the difference from more or fewer customers starting here, as a share.
        rate: Part from customers here doing better or worse, as a share.
        control_share: Share of control's customers who start here.
        treatment_share: The same in treatment.
        control_rate: Completion of those who start here, in control.
        treatment_rate: The same in treatment.
    """

    mix: float
    rate: float
    control_share: float
    treatment_share: float
    control_rate: float
    treatment_rate: float


@dataclass(frozen=True, slots=True)
class MixAndRate:
    """The difference in completion, split into who came through which channel and how well each did.

    Attributes:
        control_rate: Completion in control.
        treatment_rate: Completion in treatment.
        difference: Treatment less control; ``mix`` and ``rate`` add up to it.
        mix: Part from who came through which channel, as a share.
        mix_se: Standard error of ``mix``.
        mix_ci_lower: Lower end of the interval of ``mix``.
        mix_ci_upper: Upper end.
        rate: Part from how well each channel did, as a share.
        rate_se: Standard error of ``rate``.
        rate_ci_lower: Lower end of the interval of ``rate``.
        rate_ci_upper: Upper end.
        mix_p_value: Chi-square test of equal channel shares.
        by_channel: The parts of each channel.
        alpha: Error rate of the intervals.
    """

    control_rate: float
    treatment_rate: float
    difference: float
    mix: float
    mix_se: float
    mix_ci_lower: float
    mix_ci_upper: float
    rate: float
    rate_se: float
    rate_ci_lower: float
    rate_ci_upper: float
    mix_p_value: float
    """Chi-square test of equal shares: a sample-ratio check where channels were chosen before exposure."""
    by_channel: Mapping[str, ChannelPart]
    alpha: float


def decompose_mix_and_rate(
    control: Mapping[str, tuple[int, int]], treatment: Mapping[str, tuple[int, int]], alpha: float = 0.05
) -> Computed[MixAndRate]:
    """Split a difference in completion into the mix of channels and the rates within them.

    Why: completion can rise because each channel does better, or because more customers come
    through the channel that always did better. Rule: Kitagawa's midpoint weights, so that both
    parts add up exactly. If the channel was chosen before exposure the mix part is chance.

    Args:
        control: Per channel: starters, and completions among them.
        treatment: The same for treatment, same channels.
        alpha: Two-sided error rate of the intervals.

    Returns:
        Both parts with standard errors, also per channel; ``no_units`` for an empty arm and
        ``empty_cell`` where a channel has no starters in one arm (merge channels).

    Raises:
        InvalidInputError: If the channels differ or completions exceed starters.

    References:
        Kitagawa (1955), J. American Statistical Association 50, eq. 5; variances by the delta
        method over multinomial starters and binomial completions.

    Examples:
        >>> control = {"web": (800, 80), "phone": (200, 100)}
        >>> found = decompose_mix_and_rate(control, {"web": (600, 60), "phone": (400, 200)})
        >>> round(found.mix, 4), round(found.rate, 4)
        (0.08, 0.0)
    """
    if not 0 < alpha < 1:
        raise InvalidInputError.at("alpha", f"must lie between 0 and 1, got {alpha!r}")
    keys = _read_keys(control, treatment)
    a, b = _read_arm("control", control, keys), _read_arm("treatment", treatment, keys)
    if not a[0].sum() or not b[0].sum():
        return NotComputable("no_units")
    if (a[0] == 0).any() or (b[0] == 0).any():
        return NotComputable("empty_cell")
    (share_c, rate_c), (share_t, rate_t) = _rates(a), _rates(b)
    total_c, total_t = float(share_c @ rate_c), float(share_t @ rate_t)
    mix = (share_t - share_c) * ((rate_t + rate_c) / 2 - (total_c + total_t) / 2)
    rate = (rate_t - rate_c) * (share_t + share_c) / 2
    mix_se, rate_se = _errors(a, b)
    z = critical_normal(alpha)
    parts = {
        key: ChannelPart(*(float(v[i]) for v in (mix, rate, share_c, share_t, rate_c, rate_t)))
        for i, key in enumerate(keys)
    }
    return MixAndRate(
        control_rate=total_c,
        treatment_rate=total_t,
        difference=total_t - total_c,
        mix=float(mix.sum()),
        mix_se=mix_se,
        mix_ci_lower=float(mix.sum()) - z * mix_se,
        mix_ci_upper=float(mix.sum()) + z * mix_se,
        rate=float(rate.sum()),
        rate_se=rate_se,
        rate_ci_lower=float(rate.sum()) - z * rate_se,
        rate_ci_upper=float(rate.sum()) + z * rate_se,
        mix_p_value=_check_shares(a[0], b[0]),
        by_channel=parts,
        alpha=alpha,
    )


def _read_keys(control: Mapping[str, object], treatment: Mapping[str, object]) -> list[str]:
    """Return the channels, which must be the same in both arms."""
    if not control or set(control) != set(treatment):
        odd = ", ".join(sorted(set(control) ^ set(treatment))) or "none given"
        raise InvalidInputError.at("channels", f"must be the same in both arms; look at {odd}")
    return list(control)


def _read_arm(
    name: str, arm: Mapping[str, tuple[int, int]], keys: list[str]
) -> tuple[FloatArray, FloatArray]:
    """Return starters and completions per channel."""
    for key, (starters, done) in arm.items():
        for count in (starters, done):
            if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
                message = f"needs whole numbers, not negative, got {count!r}"
                raise InvalidInputError.at(f"{name}.{key}", message)
        if done > starters:
            raise InvalidInputError.at(f"{name}.{key}", f"has {done} completions of {starters} starters")
    return (
        np.array([arm[key][0] for key in keys], dtype=np.float64),
        np.array([arm[key][1] for key in keys], dtype=np.float64),
    )


def _rates(arm: tuple[FloatArray, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return shares of starters and completion rates per channel."""
    starters, done = arm
    return starters / starters.sum(), done / starters


def _errors(
    control: tuple[FloatArray, FloatArray], treatment: tuple[FloatArray, FloatArray]
) -> tuple[float, float]:
    """Return the standard errors of the mix and the rate part."""
    (share_c, rate_c), (share_t, rate_t) = _rates(control), _rates(treatment)
    middle, half = (rate_t + rate_c) / 2, (rate_t - rate_c) / 2
    mix = rate = 0.0
    for (starters, _), share, own in ((control, share_c, rate_c), (treatment, share_t, rate_t)):
        spread = (np.diag(share) - np.outer(share, share)) / starters.sum()
        within = own * (1 - own) / starters
        mix += float(middle @ spread @ middle + ((share_t - share_c) ** 2 @ within) / 4)
        rate += float(half @ spread @ half + ((share_t + share_c) ** 2 @ within) / 4)
    return math.sqrt(max(mix, 0.0)), math.sqrt(max(rate, 0.0))


def _check_shares(control: FloatArray, treatment: FloatArray) -> float:
    """Test whether the channels have the same shares in both arms (chi-square)."""
    pooled = control + treatment
    n = pooled.sum()
    statistic = sum(
        float(np.sum((arm - pooled * arm.sum() / n) ** 2 / (pooled * arm.sum() / n)))
        for arm in (control, treatment)
    )
    return upper_chi_square(statistic, control.size - 1) if control.size > 1 else 1.0
