"""Projects: the walls between teams."""

from __future__ import annotations

from typing import Any

import msgspec

from abplat.domain.fields import Fields


class ProjectDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One project: its definitions, facts and keys are seen by nobody else.

    With ``fill_standing``, the default, the service tells targeting where a customer stands, when the caller does not (R11).
    """

    key: str
    title: str
    fill_standing: bool
    keep_facts: str | None = None
    """How long facts are kept, such as ``730d``; for ever where it is None."""


def parse_project(document: Any) -> ProjectDefinition:
    """Read a project.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    project = ProjectDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        fill_standing=fields.flag("fill_standing", default=True),
        keep_facts=fields.duration("keep_facts", None),
    )
    fields.finish("project")
    return project
