"""What happens to clients when a process forks or ends."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Protocol

_EXIT_SECONDS = 2.0


class Watched(Protocol):
    """What is told about the life of the process."""

    def before_fork(self) -> None:
        """Put down what must not cross a fork."""

    def after_fork_in_parent(self) -> None:
        """Go on."""

    def after_fork_in_child(self) -> None:
        """Begin a life of its own."""

    def close(self, timeout: float) -> int:
        """Send what waits."""


_watched: weakref.WeakSet[Watched] = weakref.WeakSet()


def watch(client: Watched) -> None:
    """Tell a client about forks, and let it send what waits when the interpreter ends."""
    _watched.add(client)


def _before_fork() -> None:
    for client in list(_watched):
        client.before_fork()


def _after_fork_in_parent() -> None:
    for client in list(_watched):
        client.after_fork_in_parent()


def _after_fork_in_child() -> None:
    for client in list(_watched):
        client.after_fork_in_child()


def _close_all() -> None:
    for client in list(_watched):
        client.close(_EXIT_SECONDS)


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
    )
