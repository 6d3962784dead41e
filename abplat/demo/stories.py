"""What the customers of the demo do, and the truth that is planted in it.

A story is a generator: it yields the instant of its next step and is resumed when the simulated
time has come. What a customer does depends on the variant that was really decided for them, so
the reports can be held against the truth below.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from abplat_sdk import Client

Story = Iterator[datetime]


@dataclass(frozen=True, slots=True)
class Habit:
    """How probable the steps of a journey are."""

    first: float
    """From the first stage to the second."""
    second: float
    """From the second stage to the third."""


# The truth of guided-choice: both links of the journey are better, 20.3 % buy against 27.0 %.
SHOPPING = {"control": Habit(0.45, 0.45), "guide": Habit(0.54, 0.50)}
# The truth of chat-first: far more chats are opened, and fewer problems are solved. A trap.
CHAT_OPENED = {"control": 0.40, "chat": 0.60}
SOLVED = {"control": 0.64, "chat": 0.52}
# The truth of calm-colours is that nothing differs.
ANSWER_SECONDS = 5.0
"""How long a channel waits to hear who the customer is; a few milliseconds are enough."""


@dataclass(frozen=True, slots=True)
class Shop:
    """The retailer's systems: each channel has its own SDK client, as it would have in life."""

    clients: Mapping[str, Client]
    random: Random

    def show(self, experiment: str, unit: str, channel: str, at: datetime) -> str:
        """Decide the variant of a customer, show it and say so; return its key."""
        client = self.clients[channel]
        decision = client.decide(experiment, unit, {}, channel=channel)
        if decision.in_experiment:
            client.expose(decision, channel=channel, ts=at)
        return decision.variant or "control"

    def note(self, event: str, unit: str, channel: str, at: datetime, value: float | None = None) -> None:
        """Record a touchpoint."""
        self.clients[channel].track(event, unit, value=value, channel=channel, ts=at)

    def recognise(self, before: str, customer: str, channel: str, at: datetime) -> None:
        """Tell the platform who a visitor is, and hear which variants the customer has met elsewhere."""
        self.clients[channel].identify(before, customer, ts=at, wait=ANSWER_SECONDS)

    def happens(self, probability: float) -> bool:
        """Throw the dice."""
        return self.random.random() < probability

    def later(self, at: datetime, low_hours: float, high_hours: float) -> datetime:
        """Return an instant some hours on."""
        return at + timedelta(hours=self.random.uniform(low_hours, high_hours))


def shopping(shop: Shop, number: int, start: datetime) -> Story:
    """A customer looks at tents, perhaps chooses one and perhaps pays, here or in another channel."""
    customer = f"cust:{number}"
    channel = shop.random.choices(["web", "app", "store"], [5, 3, 2])[0]
    unit = {"web": f"anon:w{number}", "app": f"device:a{number}", "store": customer}[channel]
    if channel == "store":
        shop.recognise(f"loyalty:{number}", customer, "store", start)
    at = start
    variant = shop.show("guided-choice", unit, channel, at)
    shop.show("calm-colours", unit, channel, at)
    shop.note("product_viewed", unit, channel, at)
    habit = SHOPPING[variant]

    if shop.happens(0.3):
        at = shop.later(at, 0.5, 20)
        yield at
        shop.note("call_answered", unit, "phone", at)
    has_card = channel == "store"
    if channel != "store" and shop.happens(0.6):
        # Some sign in, whatever they were shown: from here on they are known, and keep their variant.
        at = shop.later(at, 0.05, 2)
        yield at
        shop.recognise(unit, customer, channel, at)
        unit, has_card = customer, shop.happens(0.5)
        if has_card:
            shop.recognise(f"loyalty:{number}", customer, "store", at)
        if channel == "web" and shop.happens(0.3):
            channel = "app"
            shop.recognise(f"device:a{number}", customer, "app", at)
    if not shop.happens(habit.first):
        return
    at = shop.later(at, 0.1, 30)
    yield at
    shop.show("guided-choice", unit, channel, at)
    shop.note("basket_filled", unit, channel, at)

    if not shop.happens(habit.second):
        return
    at = shop.later(at, 0.2, 60)
    yield at
    paid = round(shop.random.lognormvariate(5.0, 0.5), 2)
    if has_card and channel != "store" and shop.happens(0.4):
        # Reserved online, paid at the till with the loyalty card.
        shop.show("guided-choice", customer, "store", at)
        shop.note("order_paid", f"loyalty:{number}", "store", at, paid)
    else:
        shop.note("order_paid", unit, channel, at, paid)


def getting_help(shop: Shop, number: int, start: datetime) -> Story:
    """A customer has a problem, asks on the web or on the phone, talks, and perhaps is helped."""
    customer = f"cust:{number}"
    channel = shop.random.choices(["web", "app", "phone"], [5, 3, 2])[0]
    unit = {"web": f"anon:w{number}", "app": f"device:a{number}", "phone": customer}[channel]
    at = start
    if channel == "phone":
        # The agent looks the caller up by phone number and sees the variant of the customer.
        shop.recognise(f"phone:+33{600_000_000 + number}", customer, "phone", at)
    variant = shop.show("chat-first", unit, channel, at)
    shop.note("call_answered" if channel == "phone" else "help_opened", unit, channel, at)

    at = shop.later(at, 0.05, 8)
    yield at
    phone, has_number = f"phone:+33{600_000_000 + number}", shop.happens(0.3)
    if channel != "phone":
        # Help is for customers: all sign in, and some accounts know a number.
        shop.recognise(unit, customer, channel, at)
        if has_number:
            shop.recognise(phone, customer, "phone", at)
    chats = channel != "phone" and shop.happens(CHAT_OPENED[variant])
    talks = chats or shop.happens(0.85)
    if not talks:
        return
    if chats:
        shop.note("chat_opened", customer, channel, at)
    else:
        if has_number or channel == "phone":
            # The agent found the caller, and sees the variant.
            shop.show("chat-first", customer, "phone", at)
        shop.note("case_taken", phone if has_number else customer, "phone", at)

    if not shop.happens(SOLVED[variant]):
        return
    at = shop.later(at, 0.1, 70)
    yield at
    shop.note("problem_solved", customer, "phone" if not chats else channel, at)
