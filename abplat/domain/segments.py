"""Segments: named sets of units that targeting refers to, each a list or a rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from abplat.domain.fields import Fields, show, unstorable
from abplat.domain.targeting import check_group_rule

MAX_MEMBERS: Final = 20_000
MAX_UNIT: Final = 256


class SegmentDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Either ``members`` or ``rule`` is given; a change of it makes a new version."""

    key: str
    title: str
    owner: str | None
    members: tuple[str, ...] | None
    rule: dict[str, Any] | None


def parse_segment(document: Any) -> SegmentDefinition:
    """Read a segment.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    listed = fields.document.get("members") is not None
    segment = SegmentDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner", None),
        members=tuple(_read_members(fields)) if listed else fields.value("members", None),
        rule=fields.value("rule", None),
    )
    if listed == (segment.rule is not None):
        fields.fault("members", "give either members or a rule, and not both", "members_or_rule")
    if segment.rule is not None:
        check_group_rule(segment.rule, fields)
    fields.finish("segment")
    return segment


def _read_members(fields: Fields) -> Iterator[str]:
    """Read the members, each of them once."""
    seen: set[str] = set()
    for index, member in enumerate(fields.items("members", 0, MAX_MEMBERS)):
        where = f"members[{index}]"
        if not isinstance(member, str) or not 1 <= len(member) <= MAX_UNIT or unstorable(member):
            fields.fault(where, f"{show(member)} is not a unit of 1 to {MAX_UNIT} characters", "bad_unit")
        elif member in seen:
            fields.fault(where, f"{show(member)} is listed twice", "duplicate_member")
        else:
            seen.add(member)
            yield member
