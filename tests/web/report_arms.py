"""The arms of the factory's reports, by their counts, and the journey that they walk."""

from __future__ import annotations

from dataclasses import dataclass

CHANNELS = ("web", "app", "store", "contact_centre")
STAGES = (
    ("visit", "Visit"),
    ("configure", "Configure the tent"),
    ("advice", "Ask for advice"),
    ("quote", "Ask for a quote"),
    ("purchase", "Purchase"),
)
REQUIRED = ("visit", "configure", "quote", "purchase")
TITLES = dict(STAGES)


@dataclass(frozen=True)
class Arm:
    """One arm by its counts: exposed, then customers who reached each required stage."""

    key: str
    title: str
    chain: tuple[int, ...]
    calls: float
    form: int
    value: float


CONTROL = Arm("control", "Form as it is", (6_412, 4_936, 2_964, 1_610, 824), 0.418, 1_702, 41.2)
WINNER = Arm("treatment", "Shorter form", (6_388, 4_951, 3_128, 1_842, 968), 0.409, 1_951, 48.1)
TRAP = Arm("treatment", "Shorter form", (6_388, 4_940, 3_010, 2_020, 693), 0.496, 2_143, 34.4)
