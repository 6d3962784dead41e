"""Personas: kinds of customers, kept with where they come from and by which rule one is told (R44)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from abplat.domain.fields import MAX_TEXT, Fields
from abplat.domain.targeting import check_group_rule

ORIGINS: Final = ("data", "typology", "field", "internal")
"""Found in data, taken from a typology, met in the field, or known inside the company."""


class PersonaDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """A change of rule or origin makes a new version."""

    key: str
    title: str
    owner: str | None
    origin: str
    description: str
    rule: dict[str, Any]


def parse_persona(document: Any) -> PersonaDefinition:
    """Read a persona.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    persona = PersonaDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner", None),
        origin=fields.choice("origin", ORIGINS),
        description=fields.text("description", "", MAX_TEXT),
        rule=fields.value("rule"),
    )
    if persona.rule is not None:
        check_group_rule(persona.rule, fields)
    fields.finish("persona")
    return persona
