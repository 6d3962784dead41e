"""The body of a batch of events: bounded, unpacked, and JSON without any doubt about its meaning.

The parser is Python's own, because it alone lets us see a key that is given twice; at three
microseconds an event it is a small part of what an event costs.
"""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

from flask import Request
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from abplat.errors import TooLargeError

MAX_BYTES: Final = 1024 * 1024
MAX_UNPACKED: Final = 4 * 1024 * 1024
_GZIP = 31


def read_batch(request: Request) -> Any:
    """Return the decoded body of a request.

    Raises:
        TooLargeError: If it is too large as sent or unpacked.
        BadRequest: If it is not JSON, or JSON that can be read in two ways.
        UnsupportedMediaType: If it is packed in another way than gzip.
    """
    body = _read(request)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "gzip":
        body = _unpack(body)
    elif encoding != "identity":
        raise UnsupportedMediaType(f"Content-Encoding {encoding[:32]!a} is not read; send gzip or plain JSON")
    return parse_json(body)


def parse_json(body: bytes) -> Any:
    """Parse JSON strictly; a number too large for a float becomes infinite and is judged later.

    Raises:
        BadRequest: If it is not JSON: other bytes than UTF-8, a mark before it, anything after it,
            a key given twice, numbers of thousands of digits, or nesting without end.
    """
    try:
        return _DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise BadRequest(f"the body is not UTF-8 at byte {error.start}") from error
    except RecursionError as error:
        raise BadRequest("the body nests lists or objects too deep") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadRequest(f"the body is not JSON: {error.msg} at {place}") from error
    except _RepeatedKeyError as error:
        raise BadRequest(f"the key {str(error)[:64]!a} is given twice in one object") from error
    except ValueError as error:  # Python's bound on the digits of a whole number
        raise BadRequest("the body holds a number of thousands of digits") from error


class _RepeatedKeyError(ValueError):
    """An object names a key twice."""


def _to_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make an object, and refuse to choose between two values of one key."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _RepeatedKeyError(next(name for name in names if names.count(name) > 1))
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_to_object)


def _read(request: Request) -> bytes:
    """Read the body, but never more than is taken."""
    if (request.content_length or 0) > MAX_BYTES:
        raise _too_large(request.content_length or 0)
    request.max_content_length = None  # the app's bound answers in other words
    body = request.stream.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise _too_large(len(body))
    if not body:
        raise BadRequest('the body is empty; send an object such as {"events": [..]}')
    return body


def _too_large(size: int) -> TooLargeError:
    """Make the error for a body as it was sent."""
    return TooLargeError(
        f"the body has at least {size} bytes, {MAX_BYTES} are taken; send fewer events at once"
    )


def _unpack(body: bytes) -> bytes:
    """Inflate, but never more than is taken."""
    inflater = zlib.decompressobj(_GZIP)
    try:
        plain = inflater.decompress(body, MAX_UNPACKED + 1)
    except zlib.error as error:
        raise BadRequest("the body is not gzip, though Content-Encoding says so") from error
    if len(plain) > MAX_UNPACKED:
        raise TooLargeError(f"the body unpacks to more than {MAX_UNPACKED} bytes; send fewer events at once")
    if not inflater.eof or inflater.unused_data:
        raise BadRequest("the gzip of the body is cut off, or something follows it")
    return plain
