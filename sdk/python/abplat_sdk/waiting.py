"""The calls that wait for the network, for hosts that run an event loop."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class _Waits(Protocol):
    """The calls of a client that wait."""

    def refresh(self, timeout: float | None = None) -> bool: ...
    def identify(
        self,
        anonymous: str,
        known: str | None = None,
        *,
        identity_token: str | None = None,
        wait: float = 0.0,
    ) -> bool: ...
    def context(
        self, unit: str | int | None = None, *, channel: str | None = None, timeout: float = 2.0
    ) -> dict[str, Any] | None: ...
    def make_identity_token(
        self, unit: str | int, *, expires_in: str = "30m", timeout: float = 2.0
    ) -> str | None: ...
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

    async def aidentify(
        self: _Waits,
        anonymous: str,
        known: str | None = None,
        *,
        identity_token: str | None = None,
        wait: float = 2.0,
    ) -> bool:
        """Say who an anonymous unit is and wait for the platform's answer; see ``identify``."""
        call = partial(self.identify, anonymous, known, identity_token=identity_token, wait=wait)
        return await _in_thread(call)

    async def acontext(
        self: _Waits,
        unit: str | int | None = None,
        *,
        channel: str | None = None,
        timeout: float = 2.0,  # noqa: ASYNC109
    ) -> dict[str, Any] | None:
        """Ask what the platform knows of a customer; see ``context``."""
        return await _in_thread(partial(self.context, unit, channel=channel, timeout=timeout))

    async def amake_identity_token(
        self: _Waits,
        unit: str | int,
        *,
        expires_in: str = "30m",
        timeout: float = 2.0,  # noqa: ASYNC109
    ) -> str | None:
        """Ask for a token that says who somebody is; see ``make_identity_token``."""
        return await _in_thread(
            partial(self.make_identity_token, unit, expires_in=expires_in, timeout=timeout)
        )

    async def aflush(self: _Waits, timeout: float = 10.0) -> int:  # noqa: ASYNC109
        """Send what waits; see ``flush``."""
        return await _in_thread(partial(self.flush, timeout))

    async def aclose(self: _Waits, timeout: float = 2.0) -> int:  # noqa: ASYNC109
        """Send what waits, stop, and return how many records are unsent; see ``close``."""
        return await _in_thread(partial(self.close, timeout))
