"""How a page writes: one transaction, in the name of who is signed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import current_app, request
from sqlalchemy.orm import Session

from abplat.services import audit
from abplat.services.platform import Platform
from abplat.web.door import current_person


def current_platform() -> Platform:
    """Return the platform of the running app."""
    platform: Platform = current_app.extensions["abplat"]
    return platform


@contextmanager
def open_writer(project: str | None = None) -> Iterator[Session]:
    """Open a session that is committed at the end of the block, or rolled back if anything is raised.

    Args:
        project: Whose definitions may change: decisions follow at once.
    """
    platform = current_platform()
    with platform.writers.begin() as session:
        audit.act_as(session, current_person().actor, request.remote_addr)
        yield session
    if project is not None:
        platform.configurations.forget(project)
