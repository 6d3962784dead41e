"""Who saw what on a device, who turned out to be whom, and which variants are bound to them from then on.

The reference keeps a diary and works every answer out from it anew; no SDK does it like that.
"""

from __future__ import annotations

import random
from typing import Any

from cases import HOSTILE

Step = dict[str, Any]


def saw(unit: str, experiment: str, variant: str) -> Step:
    """Say that a unit was shown a variant."""
    return {"saw": [unit, experiment, variant]}


def link(anonymous: str, known: str) -> Step:
    """Say that an anonymous unit turned out to be a known one."""
    return {"link": [anonymous, known]}


def inherit(known: str, pins: dict[str, str]) -> Step:
    """Say what the platform remembers of a unit."""
    return {"inherit": [known, pins]}


class Diary:
    """What happened on one device, line by line."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, str]] = []  # unit, experiment, variant
        self.inherited: dict[str, dict[str, str]] = {}
        self.joins: list[tuple[int, str, str]] = []  # length of the diary then, anonymous, known

    def first_seen(self, unit: str, upto_line: int, upto_join: int) -> dict[str, tuple[int, str]]:
        """Work out the first line per experiment that counts for a unit, joins included."""
        found: dict[str, tuple[int, str]] = {}
        for number, (who, experiment, variant) in enumerate(self.lines[:upto_line]):
            if who == unit and experiment not in found:
                found[experiment] = (number, variant)
        for index, (length, anonymous, known) in enumerate(self.joins[:upto_join]):
            if known == unit:
                for experiment, line in self.first_seen(anonymous, length, index).items():
                    if experiment not in found or line < found[experiment]:
                        found[experiment] = line
        return found

    def seen(self, unit: str) -> dict[str, str]:
        """Return the first variant per experiment that a unit has seen, joins included."""
        found = self.first_seen(unit, len(self.lines), len(self.joins))
        return {experiment: variant for experiment, (_, variant) in found.items()}


def run(steps: list[Step]) -> tuple[list[dict[str, str]], dict[str, dict[str, str]]]:
    """Return what every link answers, and the pins of every unit at the end."""
    diary, answers, pins = Diary(), [], {}
    for step in steps:
        ((verb, words),) = step.items()
        if verb == "saw":
            diary.lines.append(tuple(words))
            continue
        known = words[1] if verb == "link" else words[0]
        if verb == "link":
            answers.append(diary.seen(words[0]))
            diary.joins.append((len(diary.lines), words[0], known))
        told = words[1] if verb == "inherit" else {}
        bound = {**pins.get(known, {}), **told, **diary.seen(known)}
        if bound:
            pins[known] = bound
    return answers, pins


def make_identities() -> list[dict[str, Any]]:
    """List what happens on devices, by hand and at random."""
    named = {
        "nothing seen": [link("anon:1", "cust:1")],
        "seen, then known": [saw("anon:1", "e", "b"), link("anon:1", "cust:1")],
        "the known unit saw it first": [
            saw("cust:1", "e", "a"), saw("anon:1", "e", "b"), link("anon:1", "cust:1"),
        ],
        "the anonymous unit saw it first": [
            saw("anon:1", "e", "b"), saw("cust:1", "e", "a"), link("anon:1", "cust:1"),
        ],
        "only the first variant counts": [
            saw("anon:1", "e", "a"), saw("anon:1", "e", "b"), link("anon:1", "cust:1"),
        ],
        "seen here goes before the platform": [
            saw("anon:1", "e", "a"), link("anon:1", "cust:1"), inherit("cust:1", {"e": "b", "f": "c"}),
        ],
        "the platform's newer word goes before its older": [
            inherit("cust:1", {"e": "a", "f": "x"}), inherit("cust:1", {"e": "b"}),
        ],
        "pins stay when the platform says nothing": [inherit("cust:1", {"e": "a"}), inherit("cust:1", {})],
        "a device of two people": [
            saw("anon:1", "e", "a"), link("anon:1", "cust:1"), saw("anon:2", "e", "b"), link("anon:2", "cust:2"),
        ],
        "one visitor, two accounts": [
            saw("anon:1", "e", "a"), link("anon:1", "cust:1"), link("anon:1", "cust:2"),
        ],
        "a chain": [saw("anon:1", "e", "a"), link("anon:1", "loyalty:1"), link("loyalty:1", "cust:1")],
        "seen after the join is not joined": [
            link("anon:1", "cust:1"), saw("anon:1", "e", "a"), saw("cust:1", "f", "b"),
        ],
        "joined again": [
            link("anon:1", "cust:1"), saw("anon:1", "e", "a"), link("anon:1", "cust:1"),
        ],
        "joined with itself": [saw("anon:1", "e", "a"), link("anon:1", "anon:1")],
        "hostile experiments": [
            saw("anon:1", "__proto__", "a"), saw("anon:1", "constructor", "b"), link("anon:1", "cust:1"),
            inherit("cust:1", {"toString": "c", "__proto__": "z"}),
        ],
    }  # fmt: skip
    cases = [{"name": name, "steps": steps} for name, steps in named.items()]
    cases += [
        {
            "name": f"hostile unit: {name}",
            "steps": [saw(unit, "e", "b"), link(unit, "cust:77"), link("anon:9", unit)],
        }
        for name, unit in HOSTILE.items()
    ]
    cases += [{"name": f"random {seed}", "steps": make_random_steps(seed)} for seed in range(150)]
    cases += [{"name": f"one customer {seed}", "steps": make_customer_steps(seed)} for seed in range(40)]
    return [{**case, **describe(case["steps"])} for case in cases]


def describe(steps: list[Step]) -> dict[str, Any]:
    """Write down what is expected."""
    answers, pins = run(steps)
    return {"assignments": answers, "pins": pins}


def make_customer_steps(seed: int) -> list[Step]:
    """Make up what one customer sees under several ids before each turns out to be the customer's.

    Here device and ledger have to agree, so the service runs these as well.
    """
    chance = random.Random(1_000 + seed)  # noqa: S311  # the same vectors every time
    others = ["anon:w1", "anon:🎪", "device:till-3", "loyalty:1", "phone:+49301234567", "email:a@b.example"]
    keys, variants = ["e", "f", "g"], ["a", "b", "c"]
    seen = [
        saw(chance.choice([*others, "cust:1"]), chance.choice(keys), chance.choice(variants))
        for _ in range(chance.randint(2, 9))
    ]
    joined = chance.sample(others, chance.randint(1, 5))
    return [*seen, *(link(unit, "cust:1") for unit in joined)]


def make_random_steps(seed: int) -> list[Step]:
    """Make up what happens on a device that several people use."""
    chance = random.Random(seed)  # noqa: S311  # the same vectors every time
    units = ["anon:1", "anon:2", "device:1", "loyalty:🎪", "cust:1", "cust:2", "__proto__"]
    keys, variants = ["e", "f", "constructor"], ["a", "b", "c"]
    steps = []
    for _ in range(chance.randint(3, 14)):
        verb = chance.choice(["saw", "saw", "link", "inherit"])
        if verb == "saw":
            steps.append(saw(chance.choice(units), chance.choice(keys), chance.choice(variants)))
        elif verb == "link":
            steps.append(link(*chance.sample(units, 2)))
        else:
            told = {key: chance.choice(variants) for key in chance.sample(keys, chance.randint(0, 3))}
            steps.append(inherit(chance.choice(units), told))
    return steps
