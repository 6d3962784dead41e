"""Requests to addresses that somebody typed: only to the open network, and only to the address that was checked.

A host name is resolved once; every address it has must be public, and the connection goes to one of
them and nowhere else, so a name that changes its mind between check and use gains nothing. No
redirect is followed. Hosts that the setting ``outbound_allowed`` lists may be private, and may
speak plain http.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, NamedTuple
from urllib.parse import SplitResult, urlsplit

from abplat import __version__
from abplat.errors import NotAllowedError, UnavailableError

TIMEOUT_S: Final = 5.0
MAX_ANSWER: Final = 1024 * 1024


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class Target(NamedTuple):
    """Where a request goes: the address that was checked, and the name that it was asked for."""

    parts: SplitResult
    address: str
    port: int

    @property
    def host(self) -> str:
        """The name in the request, and in the certificate."""
        return self.parts.hostname or ""


def resolve(url: str, allowed: str = "") -> Target:
    """Find the address of a URL and check it.

    Args:
        url: Where to send something.
        allowed: Hosts between commas, as ``host`` or ``host:port``, that may be private and plain.

    Raises:
        NotAllowedError: If nothing may be sent there.
        UnavailableError: If the name has no address.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    is_trusted = {host, f"{host}:{port}"} & {
        each.strip().lower() for each in allowed.split(",") if each.strip()
    }
    if parts.scheme not in ("https", "http") or not host:
        raise NotAllowedError("only https addresses are sent to")
    if parts.scheme != "https" and not is_trusted:
        raise NotAllowedError(f"{host} is plain http; use https, or list the host in ABPLAT_OUTBOUND_ALLOWED")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnavailableError(f"the host {host} has no address: {error}") from error
    addresses = [str(each[4][0]) for each in found]
    if not is_trusted and not all(is_public(each) for each in addresses):
        raise NotAllowedError(
            f"{host} is not on the open network; list it in ABPLAT_OUTBOUND_ALLOWED if you trust it"
        )
    return Target(parts, addresses[0], port)


def is_public(address: str) -> bool:
    """Tell whether an address is on the open network; addresses wrapped into others are unwrapped.

    Examples:
        >>> [is_public(each) for each in ("93.184.215.14", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "::1")]
        [True, False, False, False, False]
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if parsed in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)))
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved


_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def request(
    method: str, url: str, *,
    body: bytes | None = None, headers: Mapping[str, str] | None = None, allowed: str = "", timeout_s: float = TIMEOUT_S,
) -> Answer:  # fmt: skip
    """Send one request to where it may go; what comes back may be an error or a redirect of theirs.

    Raises:
        NotAllowedError: If nothing may be sent there.
        UnavailableError: If there is no answer, or an endless one.
    """
    target = resolve(url, allowed)
    connection = _Pinned(target, timeout_s)
    path = target.parts.path or "/"
    if target.parts.query:
        path = f"{path}?{target.parts.query}"
    deadline = threading.Timer(timeout_s * 2, connection.cut)
    deadline.daemon = True
    deadline.start()
    try:
        connection.request(method, path, body, {"User-Agent": f"abplat/{__version__}", **(headers or {})})
        answer = connection.getresponse()
        read = answer.read(MAX_ANSWER + 1)
    except (OSError, http.client.HTTPException) as error:
        raise UnavailableError(f"{target.host} does not answer: {error or type(error).__name__}") from error
    finally:
        deadline.cancel()
        connection.close()
    if len(read) > MAX_ANSWER:
        raise UnavailableError(f"{target.host} answers more than {MAX_ANSWER} bytes")
    return Answer(answer.status, read)


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, under the name that was asked for."""

    def __init__(self, target: Target, timeout_s: float) -> None:
        """Prepare to connect."""
        super().__init__(target.host, target.port, timeout=timeout_s)
        self._target = target

    def connect(self) -> None:
        """Connect; over https the certificate must be of the name."""
        self.sock = socket.create_connection((self._target.address, self._target.port), self.timeout)
        if self._target.parts.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=self._target.host)

    def cut(self) -> None:
        """End the connection whatever it is doing: an answer of one byte a second is none."""
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)
