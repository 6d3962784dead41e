"""Roles: what a person may do in a project. Each may do what those before it may."""

from __future__ import annotations

from typing import Final

VIEWER: Final = "viewer"
ANALYST: Final = "analyst"
EXPERIMENTER: Final = "experimenter"
APPROVER: Final = "approver"
ADMIN: Final = "admin"

MEANINGS: Final = {
    VIEWER: "reads experiments, results, journeys and comments, and writes comments",
    ANALYST: "asks for analyses, plans and simulations, and reads the audit trail",
    EXPERIMENTER: "writes definitions, and starts, changes and stops experiments",
    APPROVER: "approves what others ask for",
    ADMIN: "decides who may do what, and sets up the project, its keys and its webhooks",
}
ROLES: Final = tuple(MEANINGS)
"""From the least to the most."""


def is_enough(role: str | None, needed: str) -> bool:
    """Tell whether a role covers what another is needed for.

    Examples:
        >>> is_enough("approver", "experimenter"), is_enough("viewer", "analyst"), is_enough(None, "viewer")
        (True, False, False)
    """
    return role is not None and ROLES.index(role) >= ROLES.index(needed)
