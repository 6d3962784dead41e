"""The structured hypothesis: what is changed, and what is to come of it, before a number is seen."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from abplat.domain.fields import MAX_TEXT, Fields

DIRECTIONS: Final = ("up", "down")


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """Changing ``change`` moves ``metric`` ``direction`` by ``size`` (a share) within ``time``, ``because``."""

    change: str
    metric: str
    direction: str
    size: float | None
    time: str | None
    because: str


def parse_prediction(document: Any) -> Prediction:
    """Read a prediction.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    prediction = Prediction(
        change=fields.text("change", longest=MAX_TEXT),
        metric=fields.key("metric"),
        direction=fields.choice("direction", DIRECTIONS),
        size=fields.share("size", None, 0.0, 10.0),
        time=fields.duration("time", None),
        because=fields.text("because", "", MAX_TEXT),
    )
    fields.finish("prediction")
    return prediction
