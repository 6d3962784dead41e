"""Channels and touchpoints: where customers are met."""

from __future__ import annotations

from typing import Any

import msgspec

from abplat.domain.fields import Fields

DIRECTIONS = ("inbound", "outbound")


class ChannelDefinition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way to reach us: web, app, store, contact centre."""

    key: str
    title: str
    cost: float | None = None
    """What one contact costs, in the money of the project."""


class TouchpointDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of contact, in the registry with its owner (R32)."""

    key: str
    title: str
    event: str
    channel: str
    owner: str
    department: str | None
    direction: str
    variant_capable: bool


def parse_channel(document: Any) -> ChannelDefinition:
    """Read a channel.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_channel({"key": "web", "title": "Web"}).key
        'web'
    """
    fields = Fields(document)
    channel = ChannelDefinition(
        key=fields.key("key"), title=fields.text("title"), cost=fields.share("cost", None, 0.0, 1e9)
    )
    fields.finish("channel")
    return channel


def parse_touchpoint(document: Any) -> TouchpointDefinition:
    """Read a touchpoint.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    touchpoint = TouchpointDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        event=fields.text("event"),
        channel=fields.key("channel"),
        owner=fields.text("owner"),
        department=fields.text("department", None),
        direction=fields.choice("direction", DIRECTIONS, "inbound"),
        variant_capable=fields.flag("variant_capable", default=False),
    )
    fields.finish("touchpoint")
    return touchpoint
