"""Which experiments may meet the same customer on the same journey at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from typing import Final, NamedTuple

from abplat.domain.layers import BUCKETS, Slot

_FAR: Final = 0.0005
"""Share of customers below which a meeting is not worth a word."""
_TURNS: Final = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Characters that turn the direction of what follows them: within a sentence they would turn that, too."""


class Span(NamedTuple):
    """One experiment over time.

    Attributes:
        key: Its key.
        title: Its title.
        state: Where it is in its life.
        journey: Key of the journey that it is judged on.
        begins: When it began or is planned to begin.
        ends: When it ended or is planned to end; None where nobody knows.
        is_planned: Whether it has not begun yet.
        layer: Key of its layer, if any.
        slot: Its part of the layer.
        included: Share of those whom it concerns that it takes in, of 10000.
        touchpoints: Keys of the touchpoints at which its variants differ.
        owner: Who answers for it.
    """

    key: str
    title: str
    state: str
    journey: str
    begins: datetime
    ends: datetime | None
    is_planned: bool = False
    layer: str | None = None
    slot: Slot | None = None
    included: int = BUCKETS
    touchpoints: tuple[str, ...] = ()
    owner: str = ""

    @property
    def reach(self) -> float:
        """Share of all customers that it takes in, targeting aside."""
        part = (self.slot.end - self.slot.start) / BUCKETS if self.slot else 1.0
        return part * self.included / BUCKETS


class Collision(NamedTuple):
    """Two experiments that may spoil or strengthen each other.

    Attributes:
        first: Key of the one that began first.
        second: Key of the other.
        journey: Key of the journey on which they meet.
        begins: From when.
        ends: Until when; None where nobody knows.
        touchpoints: Where both change something.
        share: Share of customers in both, targeting aside.
        sentence: All of it in words.
    """

    first: str
    second: str
    journey: str
    begins: datetime
    ends: datetime | None
    touchpoints: tuple[str, ...]
    share: float
    sentence: str


def find_collisions(spans: Sequence[Span]) -> list[Collision]:
    """Return the pairs on one journey that overlap in time and in customers, those at one touchpoint first.

    Examples:
        >>> from datetime import UTC
        >>> day = lambda n: datetime(2026, 3, n, tzinfo=UTC)
        >>> one = Span("a", "A", "running", "buy", day(1), day(9))
        >>> two = Span("b", "B", "running", "buy", day(5), None)
        >>> [found.sentence for found in find_collisions([one, two])]
        ['A and B change the same journey from 2026-03-05 to 2026-03-09, and 100 % of customers may be in both.']
        >>> find_collisions([one, two._replace(journey="return")])
        []
    """
    ordered = sorted(spans, key=lambda span: (span.begins, span.key))
    found = [collision for pair in combinations(ordered, 2) if (collision := _meet(*pair)) is not None]
    return sorted(
        found, key=lambda each: (not each.touchpoints, -each.share, each.begins, each.first, each.second)
    )


def _meet(first: Span, second: Span) -> Collision | None:
    """Say how two experiments meet; nothing where they do not."""
    begins = max(first.begins, second.begins)
    ends = min((each for each in (first.ends, second.ends) if each is not None), default=None)
    if first.journey != second.journey or (ends is not None and ends <= begins):
        return None
    share = _share_of_both(first, second)
    if share < _FAR:
        return None
    touchpoints = tuple(sorted({*first.touchpoints} & {*second.touchpoints}))
    sentence = _say(first, second, begins, ends, touchpoints, share)
    return Collision(first.key, second.key, first.journey, begins, ends, touchpoints, share, sentence)


def _share_of_both(first: Span, second: Span) -> float:
    """Return the share of customers who are in both: chance spreads one evenly over the other, but in one layer."""
    if first.layer is not None and first.layer == second.layer and first.slot and second.slot:
        width = min(first.slot.end, second.slot.end) - max(first.slot.start, second.slot.start)
        return max(width, 0) / BUCKETS * first.included / BUCKETS * second.included / BUCKETS
    return first.reach * second.reach


def _say(  # one sentence out of all that is known
    first: Span,
    second: Span,
    begins: datetime,
    ends: datetime | None,
    touchpoints: Sequence[str],
    share: float,
) -> str:
    """Put a meeting into words."""
    until = f"to {ends:%Y-%m-%d}" if ends is not None else "on"
    place = f" at the same touchpoint ({', '.join(touchpoints)})" if touchpoints else ""
    percent = f"{share * 100:.0f} %" if share >= 0.01 else "less than 1 %"
    one, other = (span.title.translate(_TURNS) for span in (first, second))
    return (
        f"{one} and {other} change the same journey{place} from {begins:%Y-%m-%d} {until}, "
        f"and {percent} of customers may be in both."
    )
