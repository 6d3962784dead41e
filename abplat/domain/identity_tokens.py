"""Identity tokens: a signed note that says who somebody is, for a short time, without a cookie.

``abi1.<payload>.<signature>`` in URL-safe Base64: the number of the key, the end of the token's life and one
typed id. The signature is the first 128 bits of HMAC-SHA256 under a secret of the project.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime
from typing import Final, NamedTuple

from abplat.clock import from_micros, to_micros
from abplat.errors import InvalidInputError

PREFIX: Final = "abi1."
MAX_LENGTH: Final = 1_500
SECRET_BYTES: Final = 32
_SIGNATURE_BYTES: Final = 16
_SIGNATURE_TEXT: Final = 22
_HEAD: Final = struct.Struct(">HI")
_SECOND_US: Final = 1_000_000


class TokenContent(NamedTuple):
    """What a token says."""

    key_number: int
    expires_at: datetime
    id: str


def sign_token(secret: bytes, project: str, content: TokenContent) -> str:
    """Write a token.

    Examples:
        >>> content = TokenContent(1, from_micros(1_800_000_000_000_000), "cust:7")
        >>> len(sign_token(b"x" * 32, "shop", content))
        44
    """
    seconds = to_micros(content.expires_at) // _SECOND_US
    payload = _encode(_HEAD.pack(content.key_number, seconds) + content.id.encode())
    return f"{PREFIX}{payload}.{_sign(secret, project, payload)}"


def read_token(token: object) -> TokenContent:
    """Return what a token says, which is nothing to rely on before its signature was checked.

    Raises:
        InvalidInputError: ``bad_token`` if it is not one; the text is not repeated.
    """
    try:
        return _read(token)
    except (ValueError, struct.error, binascii.Error) as error:
        raise InvalidInputError.at(
            "identity_token", "is not an identity token of abplat", "bad_token"
        ) from error


def check_token(token: str, secret: bytes, project: str, now: datetime) -> str:
    """Return the id that a token speaks for.

    Raises:
        InvalidInputError: ``bad_token`` for another project's or a forged one, ``expired_token`` for an old one.
    """
    content = read_token(token)
    payload, _, signature = token.removeprefix(PREFIX).partition(".")
    if not hmac.compare_digest(signature, _sign(secret, project, payload)):
        raise InvalidInputError.at("identity_token", "was not signed for this project", "bad_token")
    if now >= content.expires_at:
        raise InvalidInputError.at("identity_token", "has expired; ask for a new one", "expired_token")
    return content.id


def _read(token: object) -> TokenContent:
    """Take a token apart; whatever is odd about it raises."""
    if not isinstance(token, str) or not token.startswith(PREFIX) or len(token) > MAX_LENGTH:
        raise ValueError
    payload, _, signature = token.removeprefix(PREFIX).partition(".")
    if len(signature) != _SIGNATURE_TEXT or not signature.isascii():
        raise ValueError
    raw = urlsafe_b64decode(payload.encode("ascii") + b"=" * (-len(payload) % 4))
    if _encode(raw) != payload:  # one token, one spelling
        raise ValueError
    number, seconds = _HEAD.unpack_from(raw)
    return TokenContent(number, from_micros(seconds * _SECOND_US), raw[_HEAD.size :].decode())


def _sign(secret: bytes, project: str, payload: str) -> str:
    """Return the signature of a payload."""
    said = f"abplat-identity-token\0{project}\0{payload}".encode()
    return _encode(hmac.new(secret, said, hashlib.sha256).digest()[:_SIGNATURE_BYTES])


def _encode(raw: bytes) -> str:
    """Write bytes so that they can stand in a URL."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
