"""The numbers under every group sequential test: densities handed on from look to look.

Between the looks the standardised effect Z is a Gaussian walk: given Z at information I it is, at
information J > I, normal with mean Z sqrt(I/J) + theta (J - I)/sqrt(J) and variance 1 - I/J. What
goes on after a look is its density between the bounds, held on Gauss-Legendre nodes.

Only the density under no effect is ever computed. Under an effect theta the same density is tilted
by exp(theta z sqrt I - theta^2 I / 2), because Z is sufficient (Jennison and Turnbull 2000, 19.2
and 8.4): one pass answers power, intervals and estimates for every theta.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri

from abplat.stats.inputs import FloatArray
from abplat.stats.quadrature import POINTS, gauss_legendre

Z_CAP = 8.0
"""Bounds stop here, as in R ldbounds: what lies beyond has probability 6e-16."""
LEAST_GROWTH = 1e-4
"""A look whose information grew by a smaller share than this does not count: it costs nothing."""
_LOG_ROOT_TWO_PI = 0.5 * float(np.log(2 * np.pi))


@dataclass(frozen=True, slots=True, eq=False)
class Stage:
    """What goes on after a look, under no effect.

    Attributes:
        information: Information at the look.
        nodes: Values of Z, shape (m,).
        mass: Density times quadrature weight at each node, shape (m,).
        log_mass: Its natural log.
    """

    information: float
    nodes: FloatArray
    mass: FloatArray
    log_mass: FloatArray

    def tilt(self, theta: float) -> FloatArray:
        """Return the log of the mass under an effect (in units of 1 / sqrt information)."""
        root = self.information**0.5
        return np.asarray(self.log_mass + (theta * root) * self.nodes - theta * theta * self.information / 2)


START = Stage(0.0, np.zeros(1), np.ones(1), np.zeros(1))
"""Before the first look: no information, and everything still goes on."""


def advance(stage: Stage, information: float, bounds: tuple[float, float], next_information: float) -> Stage:
    """Return what goes on after a look.

    Args:
        stage: What went on after the look before.
        information: Information at this look, above that of the stage.
        bounds: Lower and (higher) upper bound of Z at this look; inside them the test goes on.
        next_information: Information at the look after this one: it sets how fine the nodes must be.
    """
    lower, upper = bounds
    step = (1 - information / next_information) ** 0.5
    panels = 1 + int(1.6 * (upper - lower) / (POINTS * step))
    nodes, weights = gauss_legendre(lower, upper, panels)
    centre, spread = _walk(stage, information)
    kernel = np.exp(-0.5 * ((nodes - centre[:, None]) / spread) ** 2 - _LOG_ROOT_TWO_PI)
    mass = weights * (stage.mass @ kernel) / spread
    return Stage(information, nodes, mass, np.log(np.maximum(mass, 1e-320)))


def _walk(stage: Stage, information: float, theta: float = 0.0) -> tuple[FloatArray, float]:
    """Return mean (per node) and standard deviation of Z at the next look."""
    share = stage.information / information
    drift = theta * (information - stage.information) / information**0.5
    return stage.nodes * share**0.5 + drift, (1 - share) ** 0.5


def log_tail(stage: Stage, information: float, bound: float, theta: float = 0.0) -> float:
    """Return the log probability of going on until a look and being at or above a bound there.

    Args:
        stage: What went on after the look before.
        information: Information at the look.
        bound: Value of Z.
        theta: Effect, in units of 1 / sqrt information.
    """
    centre, spread = _walk(stage, information, theta)
    return _log_sum(stage.tilt(theta) + log_ndtr((centre - bound) / spread))


def log_lower_tail(stage: Stage, information: float, bound: float, theta: float = 0.0) -> float:
    """Return the log probability of going on until a look and being at or below a bound there."""
    centre, spread = _walk(stage, information, theta)
    return _log_sum(stage.tilt(theta) + log_ndtr((bound - centre) / spread))


def _log_sum(logs: FloatArray) -> float:
    """Return the log of a sum of exponentials, quickly."""
    top = float(logs.max())
    return top + float(np.log(np.exp(logs - top).sum()))


def solve_bound(stage: Stage, information: float, target: float) -> float:
    """Return the bound that is met or passed, under no effect, with a given probability.

    Newton's method on the logarithm, from a bound that is surely too high: the log of the tail is
    concave, so the steps fall on the root from one side.

    Args:
        stage: What went on after the look before.
        information: Information at the look.
        target: Probability of crossing at this look and not before; 0 or less gives 8.

    Returns:
        The bound of Z, between -8 and 8.
    """
    centre, spread = _walk(stage, information)
    return _solve(stage.mass, centre, spread, target)


def solve_lower_bound(stage: Stage, information: float, target: float, theta: float) -> float:
    """Return the bound below which, under an effect, a test stops with a given probability.

    Args:
        stage: What went on after the look before.
        information: Information at the look.
        target: Probability of falling to the bound or below at this look; 0 or less gives -8.
        theta: Effect, in units of 1 / sqrt information.

    Returns:
        The bound of Z, between -8 and 8.
    """
    centre, spread = _walk(stage, information, theta)
    return -_solve(np.exp(stage.tilt(theta)), -centre, spread, target)


def _solve(mass: FloatArray, centre: FloatArray, spread: float, target: float) -> float:
    """Solve mass @ Phi((centre - u) / spread) = target for u between -8 and 8."""
    if target <= 0 or target <= float(mass @ ndtr((centre - Z_CAP) / spread)):
        return Z_CAP
    if target >= float(mass @ ndtr((centre + Z_CAP) / spread)):
        return -Z_CAP
    start = float(np.max(centre)) - spread * float(ndtri(target / float(mass.sum())))
    return _newton((mass, centre, spread), target, min(start, Z_CAP))


def _newton(tail_of: tuple[FloatArray, FloatArray, float], target: float, bound: float) -> float:
    """Step from the right on to the root of a concave falling function."""
    mass, centre, spread = tail_of
    scale = spread * (2 * np.pi) ** 0.5
    for _ in range(80):  # pragma: no branch - it converges in about six
        scaled = (centre - bound) / spread
        tail = float(mass @ ndtr(scaled))
        slope = float(mass @ np.exp(-0.5 * scaled * scaled)) / scale
        move = float(np.log(tail / target)) * tail / slope if tail > 0 else -1.0
        bound = min(max(bound + move, -Z_CAP), Z_CAP)
        if abs(move) < 1e-12:
            break
    return bound


def walk_through(
    information: Sequence[float], bounds: Sequence[tuple[float, float]]
) -> tuple[Stage | None, ...]:
    """Return what reaches each look: the stage before look 1, before look 2, and so on.

    Args:
        information: Information at each look, rising.
        bounds: Lower and upper bound at each look; those of the last look are not needed.

    Returns:
        One stage per look; None from the look on that nothing reaches.
    """
    stage: Stage | None = START
    reached: list[Stage | None] = [START]
    for now, then, pair in zip(information, information[1:], bounds, strict=False):
        stage = None if stage is None or pair[0] >= pair[1] else advance(stage, now, pair, then)
        reached.append(stage)
    return tuple(reached)


def counted_looks(information: Sequence[float]) -> tuple[int, ...]:
    """Return the places of the looks that count: those where information grew by at least 1e-4.

    Args:
        information: Information at each look, in order; may stand still or fall.

    Examples:
        >>> counted_looks([1.0, 2.0, 2.0, 1.9, 3.0])
        (0, 1, 4)
    """
    counted: list[int] = []
    last = 0.0
    for index, now in enumerate(information):
        if now > last * (1 + LEAST_GROWTH):
            counted.append(index)
            last = now
    return tuple(counted)
