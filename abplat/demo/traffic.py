"""Runs all stories in the order of simulated time."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random

from abplat.demo.stories import Shop, Story, getting_help, shopping

N_SHOPPERS = 3_600
N_WITH_PROBLEM = 2_400
ENROLMENT = timedelta(days=21)
"""Customers come in during this time; the horizon of a week follows it."""
DURATION = ENROLMENT + timedelta(days=8)


def tell_stories(shop: Shop, begin: datetime, share: float = 1.0) -> Iterator[datetime]:
    """Let every customer live, and yield the simulated time after each step.

    Args:
        shop: The retailer's systems.
        begin: The first simulated instant.
        share: Share of the customers to tell of; tests need only a few.
    """
    shoppers = range(1, int(N_SHOPPERS * share) + 1)
    askers = range(N_SHOPPERS + 1, N_SHOPPERS + int(N_WITH_PROBLEM * share) + 1)
    waiting = [
        *_first_steps(shop, begin, shoppers, shopping),
        # Customers with a problem are others than the shoppers, so that the two journeys do not mix.
        *_first_steps(shop, begin, askers, getting_help),
    ]
    heapq.heapify(waiting)
    while waiting:
        at, order, story = heapq.heappop(waiting)
        yield at
        following = next(story, None)
        if following is not None:
            heapq.heappush(waiting, (following, order, story))


def _first_steps(
    shop: Shop, begin: datetime, numbers: range, tell: Callable[[Shop, int, datetime], Story]
) -> Iterator[tuple[datetime, int, Story]]:
    """Yield each customer's first instant with the story that starts there."""
    for number in numbers:
        start = begin + shop.random.random() * ENROLMENT
        yield start, number, tell(shop, number, start)


def make_random() -> Random:
    """Return the seeded source of chance: every demo tells the same stories."""
    return Random(20)  # noqa: S311 - stories, not secrets
