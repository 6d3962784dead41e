"""The calls that wait for the network, for hosts that run an event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class _Waits(Protocol):
    """The calls of a client that wait."""

    def refresh(self, timeout: float | None = None) -> bool: ...
    def identify(self, anonymous: str, known: str, *, wait: float = 0.0) -> bool: ...
    def context(self, unit: str | int, *, timeout: float = 2.0) -> dict[str, Any] | None: ...
    def flush(self, timeout: float = 10.0) -> int: ...
    def close(self, timeout: float = 2.0) -> int: ...


async def _in_thread(call: Callable[[], T]) -> T:
    """Run a call where it keeps no event loop waiting."""
    import asyncio  # noqa: PLC0415  # slow to import, and only hosts that have imported it come here

    return await asyncio.to_thread(call)


class Waiting:
    """What to await in an asyncio program: each runs the call of the same name in a thread.

    Everything else a client does, ``decide``, ``expose`` and ``track`` above all, returns at once and is
    called as it is.
    """

    async def arefresh(self: _Waits, timeout: float | None = None) -> bool:  # noqa: ASYNC109  # as refresh has it
        """Fetch the configuration now; see ``refresh``."""
        return await _in_thread(partial(self.refresh, timeout))

    async def aidentify(self: _Waits, anonymous: str, known: str, *, wait: float = 2.0) -> bool:
        """Say who an anonymous unit is and wait for the platform's answer; see ``identify``."""
        return await _in_thread(partial(self.identify, anonymous, known, wait=wait))

    async def acontext(
        self: _Waits, unit: str | int, *, timeout: float = 2.0  # noqa: ASYNC109
    ) -> dict[str, Any] | None:  # fmt: skip
        """Ask what the platform knows of a unit; see ``context``."""
        return await _in_thread(partial(self.context, unit, timeout=timeout))

    async def aflush(self: _Waits, timeout: float = 10.0) -> int:  # noqa: ASYNC109
        """Send what waits; see ``flush``."""
        return await _in_thread(partial(self.flush, timeout))

    async def aclose(self: _Waits, timeout: float = 2.0) -> int:  # noqa: ASYNC109
        """Send what waits, stop, and return how many records are unsent; see ``close``."""
        return await _in_thread(partial(self.close, timeout))
