"""Issue and redeem identity tokens, which carry who somebody is from page to app to agent desktop."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from abplat.clock import parse_duration
from abplat.db.queries import identities as queries
from abplat.domain.components import is_customer
from abplat.domain.fields import Fields
from abplat.domain.identities import read_joinable
from abplat.domain.identity import id_type
from abplat.domain.identity_tokens import (
    SECRET_BYTES,
    TokenContent,
    check_token,
    read_token,
    sign_token,
)
from abplat.errors import InvalidInputError
from abplat.services import components

DEFAULT_LIFE: Final = "30m"
LONGEST_LIFE: Final = timedelta(days=1)
PERSONAL: Final = frozenset({"phone", "email", "card"})
"""Types of id that tell who somebody is to whoever reads a URL; no token carries them."""


class IssuedToken(NamedTuple):
    """A token and what it says."""

    identity_token: str
    id: str
    expires_at: datetime


def issue(session: Session, project: str, document: Mapping[str, Any], *, now: datetime) -> IssuedToken:
    """Sign a token for an id; for a telephone number, e-mail address or card it names the customer instead.

    Raises:
        InvalidInputError: With every fault, and for a personal id that no customer is known for.
    """
    fields = Fields(document)
    typed_id = read_joinable(fields, "id")
    life = parse_duration(fields.duration("expires_in", DEFAULT_LIFE) or DEFAULT_LIFE)
    if life > LONGEST_LIFE:
        fields.fault("expires_in", "is longer than 1d, and a token cannot be called back", "too_long")
    fields.finish("request")
    connection = session.connection()
    named = _without_person(connection, project, typed_id)
    number, secret = youngest_key(connection, project, now)
    content = TokenContent(number, (now + life).replace(microsecond=0), named)
    return IssuedToken(sign_token(secret, project, content), named, content.expires_at)


def _without_person(connection: Connection, project: str, typed_id: str) -> str:
    """Return the id itself, or the customer's where the id is personal."""
    if id_type(typed_id) not in PERSONAL:
        return typed_id
    unit = components.look_up(connection, project, (typed_id,)).unit
    if not is_customer(unit):
        message = "is personal and would stand in the token; identify the customer first, or use an anon: id"
        raise InvalidInputError.at("id", message, "personal_id")
    return unit


def redeem(connection: Connection, project: str, token: object, *, now: datetime) -> str:
    """Return the id that a token speaks for.

    Raises:
        InvalidInputError: ``bad_token`` or ``expired_token``.
    """
    content = read_token(token)
    secret = dict(queries.list_keys(connection, project)).get(content.key_number)
    if secret is None:
        raise InvalidInputError.at("identity_token", "was not signed for this project", "bad_token")
    return check_token(str(token), secret, project, now)


def youngest_key(connection: Connection, project: str, now: datetime) -> tuple[int, bytes]:
    """Return the key that signs; the first call of a project makes it."""
    return _keys(connection, project, now)[0]


def first_key(connection: Connection, project: str, now: datetime) -> tuple[int, bytes]:
    """Return the oldest key, under which pseudonyms stay the same."""
    return _keys(connection, project, now)[-1]


def rotate(connection: Connection, project: str, now: datetime) -> int:
    """Sign with a new key from now on; tokens of the others stay good until they expire. Return its number."""
    number = youngest_key(connection, project, now)[0] + 1
    queries.add_key(connection, project, number, secrets.token_bytes(SECRET_BYTES), now)
    return number


def _keys(connection: Connection, project: str, now: datetime) -> list[tuple[int, bytes]]:
    """Return the keys of a project, the youngest first; there is always one."""
    found = queries.list_keys(connection, project)
    if not found:
        queries.add_key(connection, project, 1, secrets.token_bytes(SECRET_BYTES), now)
        found = queries.list_keys(connection, project)
    return found
