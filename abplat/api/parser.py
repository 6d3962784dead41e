"""Read request bodies and queries strictly: what is odd is refused, nothing is guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NoReturn

import marshmallow as ma
import orjson
from flask import Request, request
from webargs.flaskparser import FlaskParser
from werkzeug.exceptions import BadRequest, UnsupportedMediaType

from abplat.domain.fields import MAX_TITLE
from abplat.errors import InvalidInputError

ADMIN_LIMIT: Final = 4 * 1024 * 1024
INGEST_LIMIT: Final = 1024 * 1024


def read_body(limit: int = ADMIN_LIMIT, *, plain: bool = False) -> bytes:
    """Return the raw JSON body of the request.

    Args:
        limit: The most bytes that are read.
        plain: Whether JSON may call itself ``text/plain``, as pages do whose requests need no leave asked.

    Raises:
        HTTPException: 413 above the limit, 415 for anything but plain JSON, 400 for no body.
    """
    request.max_content_length = limit
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType(
            f"Content-Encoding {encoding[:MAX_TITLE]} is not read here; send plain JSON"
        )
    body = request.get_data(cache=True)
    if not body:
        raise BadRequest("the body is empty; send a JSON object")
    is_plain = plain and request.mimetype == "text/plain"
    if request.mimetype != "application/json" and not request.mimetype.endswith("+json") and not is_plain:
        raise UnsupportedMediaType("send the body with Content-Type: application/json")
    return body


def read_json(limit: int = ADMIN_LIMIT, *, plain: bool = False) -> Any:
    """Return the JSON body of the request; every text in it can be stored.

    Raises:
        HTTPException: As for the raw body, and 400 for what is not JSON.
        InvalidInputError: If a text holds a NUL character.
    """
    body = read_body(limit, plain=plain)
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequest(f"the body is not JSON: {error}") from error
    if b"\\u0000" in body:
        _refuse_nul(value, "")
    return value


def _refuse_nul(value: Any, path: str) -> None:
    """Refuse NUL, which PostgreSQL cannot keep; the parser has bounded the depth."""
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidInputError.at(path, "holds a NUL character; remove it", "bad_character")
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            _refuse_nul(entry, f"{path}[{index}]")
    elif isinstance(value, dict):
        for key, entry in value.items():
            _refuse_nul(key, path)
            _refuse_nul(entry, f"{path}.{key}" if path else key)


class StrictParser(FlaskParser):
    """The argument parser of all blueprints: orjson, no unknown query parameters, our errors."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012  # as declared in the base
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": ma.RAISE,
    }

    def load_json(self, req: Request, schema: ma.Schema) -> Any:
        """Read the body; none at all is enough for a schema that says so."""
        if getattr(schema, "may_be_absent", False) and not req.content_length:
            return {}
        return read_json(plain=getattr(schema, "may_be_plain", False))

    def load_querystring(self, req: Request, schema: ma.Schema) -> Any:
        """Read the query; a NUL or half a character in it is a fault, not a crash."""
        for name, value in req.args.items(multi=True):
            if "\x00" in name + value:
                raise InvalidInputError.at("query", "holds a NUL character; remove it", "bad_character")
        return super().load_querystring(req, schema)

    def handle_error(
        self,
        error: ma.ValidationError,
        req: Request,  # noqa: ARG002
        schema: ma.Schema,  # noqa: ARG002
        *,
        error_status_code: int | None,  # noqa: ARG002
        error_headers: Mapping[str, str] | None,  # noqa: ARG002
    ) -> NoReturn:
        """Leave the answer to the one map of errors."""
        raise error
