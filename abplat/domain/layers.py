"""Layers and holdouts: which experiments may meet the same customer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from abplat.domain.fields import Fields
from abplat.errors import LayerFullError

BUCKETS = 10_000
SCOPES: Final = ("named", "layer", "all")
"""Whom a holdout concerns: experiments that name it, those of its layer, or all."""


class LayerDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Experiments whose slots in one layer do not overlap never share a customer."""

    key: str
    title: str


class HoldoutDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Customers kept out of a set of experiments; ``share`` of 10000.

    It concerns the experiments that name it, and with ``scope`` those of its ``layer``, or all.
    """

    key: str
    title: str
    share: int
    scope: str
    layer: str | None


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
        scope=fields.choice("scope", SCOPES, "named"),
        layer=fields.key("layer", None),
    )
    if (holdout.scope == "layer") != (holdout.layer is not None):
        fields.fault("layer", "is needed with scope layer, and has no meaning with another", "not_used")
    fields.finish("holdout")
    return holdout


def find_holdouts(experiment: dict[str, Any], holdouts: dict[str, dict[str, Any]]) -> list[str]:
    """Return the keys of all holdouts of an experiment, in the order in which they are asked.

    First those of all experiments, then those of its layer, both in the order of their keys; then
    those it names itself, in its own order. Each stands once.

    Examples:
        >>> holdouts = {"z": {"scope": "all"}, "n": {}, "l": {"scope": "layer", "layer": "checkout"}}
        >>> find_holdouts({"layer": "checkout", "holdouts": ["n", "z"]}, holdouts)
        ['z', 'l', 'n']
    """
    of_all = [key for key in sorted(holdouts) if holdouts[key].get("scope") == "all"]
    layer = experiment["layer"]
    of_layer = [
        key
        for key in sorted(holdouts)
        if layer is not None and holdouts[key].get("scope") == "layer" and holdouts[key].get("layer") == layer
    ]
    return list(dict.fromkeys((*of_all, *of_layer, *experiment["holdouts"])))


def find_free(taken: Iterable[Slot]) -> list[Slot]:
    """Return the ranges of a layer that no slot covers, from the lowest.

    Examples:
        >>> find_free([Slot(2000, 5000), Slot(0, 1000)])
        [Slot(start=1000, end=2000), Slot(start=5000, end=10000)]
    """
    free, at = [], 0
    for slot in sorted(taken):
        if slot.start > at:
            free.append(Slot(at, slot.start))
        at = max(at, slot.end)
    return [*free, Slot(at, BUCKETS)] if at < BUCKETS else free


def suggest_slot(taken: Iterable[Slot], size: int) -> Slot | None:
    """Return a free slot of a size, or None where no gap is as wide.

    It is cut from the narrowest gap that is wide enough, so that wide gaps stay for wide slots.

    Examples:
        >>> suggest_slot([Slot(1000, 2000), Slot(4000, 5000)], 1500)
        Slot(start=2000, end=3500)
    """
    gaps = [gap for gap in find_free(taken) if gap.end - gap.start >= size]
    if not gaps:
        return None
    best = min(gaps, key=lambda gap: (gap.end - gap.start, gap.start))
    return Slot(best.start, best.start + size)


def require_room(layer: str, slot: Slot, taken: dict[str, Slot]) -> None:
    """Refuse a slot that shares a bucket with a running experiment of the layer.

    Raises:
        LayerFullError: Naming the experiment in the way.
    """
    for key, other in sorted(taken.items()):
        if slot.overlaps(other):
            free = suggest_slot(taken.values(), slot.end - slot.start)
            instead = f"[{free.start}, {free.end}] is free" if free else "no slot of this size is free"
            message = (
                f"slot [{slot.start}, {slot.end}] of layer {layer} overlaps [{other.start}, {other.end}] "
                f"of the running experiment {key}; choose a free slot or stop {key} first: {instead}"
            )
            raise LayerFullError(message)
