"""What happens to customers and numbers when something is done to an experiment: one row per action.

The API answers this table, the pages show it beside the buttons, and the reference prints it.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Consequence(NamedTuple):
    """What one action means.

    Attributes:
        action: Its verb.
        states: In which states it can be done.
        flag: What a decision answers afterwards.
        customers: What customers see.
        exposures: What becomes of exposures.
        results: What becomes of the numbers.
        resumable: Whether and how it can be taken back.
    """

    action: str
    states: tuple[str, ...]
    flag: str
    customers: str
    exposures: str
    results: str
    resumable: str


_KEPT = "Those recorded stay"

CONSEQUENCES: Final = (
    Consequence(
        "start", ("draft", "checked"),
        "The variant of each customer, reason split",
        "Their variant, in every channel",
        "Recorded from now on",
        "Plan frozen and named by a hash; the first analysis follows",
        "No: a started experiment is never a draft again",
    ),
    Consequence(
        "pause", ("running",),
        "Control for everybody, reason off",
        "Control, also those who had another variant",
        f"{_KEPT}; none are added",
        "Stay, and can be analysed; the pause is listed as a deviation",
        "Yes: resume gives everybody the same variant as before",
    ),
    Consequence(
        "resume", ("paused",),
        "The variant of each customer, reason split",
        "The variant they had before the pause",
        "Recorded again",
        "Go on; the hold of the present ramp step begins anew",
        "Yes: pause",
    ),
    Consequence(
        "kill", ("running", "paused", "concluded"),
        "The control of the plan for everybody, reason off, before any other rule",
        "Control at once, also where a variant was shipped",
        f"{_KEPT}; none are added",
        "Stay; the kill is in the audit trail and listed as a deviation",
        "Yes: revive puts back what was served before",
    ),
    Consequence(
        "revive", ("running", "paused", "concluded"),
        "What was answered before the kill",
        "The variant they had before the kill",
        "Recorded again, where the experiment is running",
        "Go on; the hold of the present ramp step begins anew",
        "Yes: kill",
    ),
    Consequence(
        "widen", ("running", "paused"),
        "Unchanged for those who take part; more customers take part",
        "Nobody's variant changes",
        f"{_KEPT}; more customers join",
        "Go on over all customers of the same weights and salt",
        "No: coverage only grows; a reset may begin smaller",
    ),
    Consequence(
        "reweigh", ("running", "paused"),
        "The variant under the new weights, same salt, as a new phase",
        "Some customers who are not pinned change variant",
        f"{_KEPT}; the new phase counts its own",
        "Cover customers first exposed in the new phase; earlier phases stay in the list",
        "No: going back is another phase",
    ),
    Consequence(
        "reset", ("running", "paused"),
        "The variant under a new salt, as a new phase; stored assignments are forgotten",
        "A fresh draw for everybody",
        f"{_KEPT}; the new phase counts its own",
        "Begin anew with customers first exposed in the new phase",
        "No: the old salt never comes back",
    ),
    Consequence(
        "stop", ("running", "paused"),
        "Control for everybody, reason off",
        "Control",
        f"{_KEPT}; none are added",
        "Final once the last horizon has passed; stopping early is listed as a deviation",
        "No: create another experiment",
    ),
    Consequence(
        "conclude", ("stopped",),
        "The shipped variant for everybody, control where none was shipped; reason off",
        "The shipped variant",
        "None are added",
        "Outcome, note and the Report it rests on are kept",
        "No; kill takes a shipped variant away",
    ),
    Consequence(
        "archive", ("draft", "checked", "stopped", "concluded"),
        "As before: archiving changes no decision",
        "As before",
        "None are added",
        "Stay readable; the experiment leaves the lists",
        "No",
    ),
)  # fmt: skip
