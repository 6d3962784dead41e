"""Identity tokens, as far as a holder without the secret can read them."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode

_PREFIX = "abi1."
_HEAD_BYTES = 6


def token_unit(token: object) -> str | None:
    """Return the unit that a token names; None for what is no token. Only the platform can check it.

    Examples:
        >>> token_unit("abi1.AAFrSdIAY3VzdDo3.AAAAAAAAAAAAAAAAAAAAAA")
        'cust:7'
    """
    if not isinstance(token, str) or not token.startswith(_PREFIX):
        return None
    payload = token.removeprefix(_PREFIX).partition(".")[0]
    try:
        raw = urlsafe_b64decode(payload.encode("ascii") + b"=" * (-len(payload) % 4))
        return raw[_HEAD_BYTES:].decode() or None
    except (ValueError, binascii.Error):
        return None
