"""What a case is: a method, the rate at which it may be wrong (or right), and simulated experiments."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np

from abplat.stats import NotComputable

LIMIT = 3.3
"""Binomial standard deviations that a rate may lie off: one case in a thousand by chance."""
ROOM = {"about": 0.01, "power": 0.015}
"""Points that a rate may lie off whatever the number of simulations, by rule."""
SEED = 20_240_229

Rng = np.random.Generator
Draws = Callable[[Rng, int], Iterable[bool | None]]
"""Simulated experiments: whether each was wrong (or shown), or None where there was no answer."""


class Case(NamedTuple):
    """A method, what it promises, and simulated experiments.

    ``rule`` is ``exact`` (the rate within binomial noise), ``about`` (within one point: an
    approximation at moderate size), ``at most`` (careful by design) or ``power`` (within 1.5 points).
    """

    name: str
    rate: float
    rule: str
    draws: Draws
    cost: float = 1.0


class Outcome(NamedTuple):
    """What the simulations of a case gave."""

    case: Case
    count: int
    n: int

    @property
    def share(self) -> float:
        """Share of the experiments that were wrong, or showed the effect."""
        return self.count / self.n

    @property
    def sd(self) -> float:
        """Binomial standard deviation of the share if the promise is kept to the point."""
        return math.sqrt(self.case.rate * (1 - self.case.rate) / self.n)

    @property
    def deviation(self) -> float:
        """Distance from the promised rate in binomial standard deviations."""
        return (self.share - self.case.rate) / self.sd

    @property
    def is_good(self) -> bool:
        """Whether the rate lies where it should."""
        off = self.share - self.case.rate
        room = max(LIMIT * self.sd, ROOM.get(self.case.rule, 0.0))
        return off < room and (self.case.rule == "at most" or off > -room)


def run_case(case: Case, simulations: int) -> Outcome:
    """Simulate a case: fewer times where it costs more. The same number gives the same answer."""
    rng = np.random.default_rng([SEED, zlib.crc32(case.name.encode())])
    answers = case.draws(rng, max(int(simulations / case.cost), 40))
    given = [bool(answer) for answer in answers if answer is not None]
    return Outcome(case, sum(given), len(given))


def each(draw: Callable[[Rng], bool | None]) -> Draws:
    """Make many experiments of one."""

    def draws(rng: Rng, n: int) -> Iterator[bool | None]:
        return (draw(rng) for _ in range(n))

    return draws


def misses(found: object, truth: float) -> bool | None:
    """Tell whether the interval of an effect misses the truth."""
    if isinstance(found, NotComputable):
        return None
    lower, upper = found.ci_lower, found.ci_upper  # type: ignore[attr-defined]
    return (lower is not None and truth < lower) or (upper is not None and truth > upper)


def misses_lift(found: object, truth: float) -> bool | None:
    """Tell whether the interval of a relative effect misses the truth."""
    lower, upper = getattr(found, "rel_ci_lower", None), getattr(found, "rel_ci_upper", None)
    return None if lower is None or upper is None else not lower <= truth <= upper


def rejects(found: object, alpha: float = 0.05) -> bool | None:
    """Tell whether a test rejects."""
    return None if isinstance(found, NotComputable) else bool(found.p_value < alpha)  # type: ignore[attr-defined]
