"""Annotations: what else happened while experiments ran, such as a release, an outage or a campaign.

They are marked on every picture over time, so that nobody takes the effect of a campaign for that of
a variant. They never enter an estimate or a verdict.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from abplat.clock import parse_instant
from abplat.domain.fields import MAX_TEXT, Fields

KINDS: Final = ("deploy", "outage", "campaign", "price", "holiday", "other")


class AnnotationDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that happened at an instant, or during a time."""

    key: str
    title: str
    kind: str
    starts_at: str
    ends_at: str | None = None
    """None where it happened at one instant."""
    channel: str | None = None
    """The only channel that it touched; None for all."""
    touchpoint: str | None = None
    text: str = ""


def parse_annotation(document: Any) -> AnnotationDefinition:
    """Read an annotation.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_annotation({"key": "sale", "title": "Spring sale", "kind": "campaign",
        ...                   "starts_at": "2026-03-01T00:00:00Z"}).kind
        'campaign'
    """
    fields = Fields(document)
    annotation = AnnotationDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        kind=fields.choice("kind", KINDS) or KINDS[0],
        starts_at=fields.instant("starts_at") or "",
        ends_at=fields.instant("ends_at", None),
        channel=fields.key("channel", None),
        touchpoint=fields.key("touchpoint", None),
        text=fields.text("text", "", MAX_TEXT),
    )
    if not fields.problems and annotation.ends_at is not None:
        _check_order(fields, annotation.starts_at, annotation.ends_at)
    fields.finish("annotation")
    return annotation


def _check_order(fields: Fields, starts_at: str, ends_at: str) -> None:
    """Refuse an end before the start."""
    if parse_instant(ends_at) <= parse_instant(starts_at):
        message = "does not come after starts_at; leave it out where it happened at one instant"
        fields.fault("ends_at", message, "bad_order")
