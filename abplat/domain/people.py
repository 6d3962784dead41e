"""People: who somebody is, and which role they have where."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from abplat.domain.roles import ADMIN


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who uses abplat.

    Attributes:
        id: Number of the user; 0 for whoever sits at a machine where nobody signs in.
        email: The address that names them.
        name: What others call them.
        is_admin: Whether they administer the whole installation, and so every project.
        roles: Their role in each project that they belong to.
    """

    id: int
    email: str
    name: str
    is_admin: bool = False
    roles: Mapping[str, str] = {}

    @property
    def actor(self) -> str:
        """How the audit trail calls them."""
        return f"user:{self.email}" if self.id else LOCAL_ACTOR

    def role_in(self, project: str) -> str | None:
        """Return their role in a project; None where they do not belong to it.

        Examples:
            >>> Person(id=1, email="ada@example.com", name="Ada", roles={"shop": "viewer"}).role_in("shop")
            'viewer'
        """
        return ADMIN if self.is_admin else self.roles.get(project)


LOCAL_ACTOR: Final = "local"
LOCAL: Final = Person(id=0, email="", name="Local user", is_admin=True)
"""Whoever sits at this machine, where the setting ``sign_in`` says ``local``."""


def is_person(actor: str) -> bool:
    """Tell whether an actor of the audit trail is a human being and not a key or a job.

    Examples:
        >>> is_person("user:ada@example.com"), is_person("key:0011223344556677"), is_person("job:schedule")
        (True, False, False)
    """
    return actor == LOCAL_ACTOR or actor.startswith(("user:", "cli:"))
