"""One HTTP request to the platform: bounded in time and size, never redirected."""

from __future__ import annotations

import http.client
import json
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

MAX_BODY = 8 * 1024 * 1024
MAX_RETRY_AFTER = 3_600.0


class TransportError(OSError):
    """No usable answer arrived."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, headers in lower case, body as it was before compression."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Read the body as JSON; None when it is none, such as the page of a captive portal."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before the next request, if the answer names them; at most one hour."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), MAX_RETRY_AFTER)
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
        return min(max(seconds, 0.0), MAX_RETRY_AFTER)


class Transport:
    """Sends requests over one kept connection. Not for use by two threads at once.

    Args:
        base_url: Address of the platform; a path in it is kept.
        api_key: Key sent as a bearer token.
        timeout: Seconds that a request may take at most, however slowly the answer drips.

    Raises:
        ValueError: If the address is not one of http or https.
    """

    def __init__(self, base_url: str, api_key: str, timeout: float = 10.0) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{base_url!r} is not an http or https address")
        self._host, self._port, self._tls = parts.hostname, parts.port, parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._headers = {
            "Authorization": f"Bearer {api_key}",
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "User-Agent": "abplat-sdk-python/0.1.0",
        }
        self._timeout = timeout
        self.is_public = api_key.startswith("abc_")
        self._connection: http.client.HTTPConnection | None = None

    def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> Reply:
        """Send a request and read the whole answer.

        Raises:
            TransportError: If the platform cannot be reached, is too slow, or answers with what is not HTTP.
        """
        limit = self._timeout if timeout is None else max(min(timeout, self._timeout), 0.05)
        sent = {**self._headers, **(headers or {})}
        if body is not None:
            sent["Content-Type"] = "application/json"
        is_kept = self._connection is not None
        deadline = time.monotonic() + limit
        try:
            return self._exchange(method, self._prefix + path, body, sent, deadline)
        except (OSError, http.client.HTTPException, ValueError, zlib.error) as error:
            self.close()
            if is_kept and isinstance(error, (ConnectionError, http.client.RemoteDisconnected)):
                return self.request(method, path, body=body, headers=headers, timeout=timeout)
            raise TransportError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Close the kept connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def abandon(self) -> None:
        """Forget the kept connection without a word on it: it belongs to the parent process."""
        self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        """Open a connection, or return the kept one."""
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._tls else http.client.HTTPConnection
            self._connection = kind(self._host, self._port, timeout=self._timeout)
        return self._connection

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str], deadline: float
    ) -> Reply:
        """Write the request and read the answer before the deadline."""
        connection = self._connect()
        connection.timeout = max(deadline - time.monotonic(), 0.05)
        if connection.sock is not None:
            connection.sock.settimeout(connection.timeout)
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        raw = _read(response, connection, deadline)
        response.close()  # lets the connection take the next request; its socket stays open
        if response.will_close:
            self.close()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Reply(
            response.status, found, _inflate(raw) if found.get("content-encoding") == "gzip" else raw
        )


def _read(
    response: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float
) -> bytes:
    """Read a body piece by piece, so that neither its size nor its slowness is without end."""
    expected, pieces, size = response.length, [], 0
    while piece := response.read1(65_536):
        pieces.append(piece)
        size += len(piece)
        left = deadline - time.monotonic()
        if size > MAX_BODY or left <= 0:
            raise TransportError("the answer is too large" if size > MAX_BODY else "the answer is too slow")
        if connection.sock is not None:
            connection.sock.settimeout(left)
    if expected is not None and size < expected:
        raise TransportError(f"the answer ends after {size} of {expected} bytes")
    return b"".join(pieces)


def _inflate(raw: bytes) -> bytes:
    """Undo gzip, up to the largest body allowed."""
    inflater = zlib.decompressobj(wbits=31)
    body = inflater.decompress(raw, MAX_BODY + 1)
    if len(body) > MAX_BODY or not inflater.eof:
        raise TransportError("the compressed answer is too large or cut off")
    return body
