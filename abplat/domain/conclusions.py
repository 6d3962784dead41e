"""How an experiment ends: what was learned, and which variant everybody gets from then on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import msgspec

from abplat.domain.fields import MAX_TEXT, Fields

OUTCOMES: Final = ("won", "lost", "inconclusive", "invalid")
AA: Final = "aa"

WORDING: Final = {
    "won": "The change made the journey better.",
    "lost": "The change made the journey worse, or cost more than it gave.",
    "inconclusive": "Nothing is shown either way.",
    "invalid": "The numbers cannot be trusted: assignment, recording or the plan was broken.",
}
AA_WORDING: Final = {
    "inconclusive": "No difference was found between equal variants, as it has to be: the platform can be trusted.",
    "invalid": "A difference was found between equal variants: assignment or recording is broken; mend it before "
    "any other experiment is believed.",
}
"""Equal variants can neither win nor lose."""


class Conclusion(msgspec.Struct, frozen=True, kw_only=True):
    """The end of an experiment; ``shipped`` is the variant that everybody gets."""

    outcome: str
    note: str
    shipped: str | None


def list_outcomes(kind: str) -> dict[str, str]:
    """Return the outcomes that an experiment of a kind can have, each in words."""
    return AA_WORDING if kind == AA else WORDING


def parse_conclusion(document: Any, kind: str, variants: Collection[str]) -> Conclusion:
    """Read a conclusion.

    Args:
        document: Outcome, note and shipped variant.
        kind: Kind of the experiment.
        variants: Keys of its variants.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    outcomes = list_outcomes(kind)
    shipped = fields.key("shipped", None)
    conclusion = Conclusion(
        outcome=fields.choice("outcome", tuple(outcomes)),
        note=fields.text("note", "", MAX_TEXT),
        shipped=shipped,
    )
    if shipped and shipped not in variants:
        fields.fault("shipped", f"is not a variant; they are {', '.join(variants)}", "unknown_variant")
    elif shipped and conclusion.outcome == "invalid" and shipped != next(iter(variants)):
        fields.fault("shipped", "cannot rest on an invalid experiment; ship control or nothing", "not_used")
    fields.finish("conclusion")
    return conclusion
