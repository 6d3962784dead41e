"""Layers and holdouts: which experiments may meet the same customer."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from abplat.domain.fields import Fields
from abplat.errors import LayerFullError

BUCKETS = 10_000


class LayerDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Experiments whose slots in one layer do not overlap never share a customer."""

    key: str
    title: str


class HoldoutDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Customers kept out of a set of experiments; ``share`` of 10000."""

    key: str
    title: str
    share: int


class Slot(NamedTuple):
    """A range of a layer's 10000 buckets: from ``start`` up to, not including, ``end``."""

    start: int
    end: int

    def overlaps(self, other: Slot) -> bool:
        """Tell whether a bucket lies in both.

        Examples:
            >>> Slot(0, 5000).overlaps(Slot(5000, 10000))
            False
        """
        return self.start < other.end and other.start < self.end


def parse_layer(document: Any) -> LayerDefinition:
    """Read a layer.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    layer = LayerDefinition(key=fields.key("key"), title=fields.text("title"))
    fields.finish("layer")
    return layer


def parse_holdout(document: Any) -> HoldoutDefinition:
    """Read a holdout.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    holdout = HoldoutDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        share=fields.integer("share", 1, BUCKETS - 1),
    )
    fields.finish("holdout")
    return holdout


def require_room(layer: str, slot: Slot, taken: dict[str, Slot]) -> None:
    """Refuse a slot that shares a bucket with a running experiment of the layer.

    Raises:
        LayerFullError: Naming the experiment in the way.
    """
    for key, other in sorted(taken.items()):
        if slot.overlaps(other):
            message = (
                f"slot [{slot.start}, {slot.end}] of layer {layer} overlaps [{other.start}, {other.end}] "
                f"of the running experiment {key}; choose a free slot or stop {key} first"
            )
            raise LayerFullError(message)
