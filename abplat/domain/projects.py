"""Projects: the walls between teams."""

from __future__ import annotations

from typing import Any

import msgspec

from abplat.domain.approvals import ACTIONS
from abplat.domain.fields import Fields, show


class Approvals(msgspec.Struct, frozen=True):
    """Actions on experiments that a second person must agree to."""

    required: tuple[str, ...] = ()


class ProjectDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """One project: its definitions, facts and keys are seen by nobody else.

    With ``fill_standing``, the default, the service tells targeting where a customer stands, when the caller does not (R11).
    """

    key: str
    title: str
    fill_standing: bool
    approvals: Approvals | None = None
    """None leaves them as they are."""
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
        approvals=_read_approvals(fields),
        keep_facts=fields.duration("keep_facts", None),
    )
    fields.finish("project")
    return project


def _read_approvals(fields: Fields) -> Approvals | None:
    """Read which actions need a second person."""
    if fields.value("approvals", None) is None:
        return None
    part = Fields(fields.value("approvals"), fields.where("approvals"), fields.problems)
    required = part.items("required", 0, len(ACTIONS), [])
    part.no_more()
    for index, action in enumerate(required):
        if action not in ACTIONS:
            message = f"{show(action)} is none of {', '.join(ACTIONS)}"
            part.fault(f"required[{index}]", message, "bad_choice")
    return Approvals(tuple(action for action in ACTIONS if action in required))
