"""Projects: the walls between teams."""

from __future__ import annotations

from typing import Any

import msgspec

from abplat.domain.fields import Fields


class ProjectDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One project: its definitions, facts and keys are seen by nobody else."""

    key: str
    title: str


def parse_project(document: Any) -> ProjectDefinition:
    """Read a project.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    project = ProjectDefinition(key=fields.key("key"), title=fields.text("title"))
    fields.finish("project")
    return project
