"""Sign-in through a provider of identities (OpenID Connect, code flow with PKCE); needs the extra ``oidc``.

The provider says who somebody is, never what they may do: roles are given in abplat, and only
people who were invited come in.
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar
from urllib.parse import quote_plus, urlencode

import msgspec
from sqlalchemy.orm import Session

from abplat.config import Settings
from abplat.db.models.users import User
from abplat.db.queries import users as queries
from abplat.errors import NotAuthenticatedError, UnavailableError
from abplat.services import outbound, people

ALGORITHMS: Final = ("RS256", "PS256", "ES256", "EdDSA")
"""Of signatures; none at all, and those with a shared secret, are not among them."""
LEEWAY_S: Final = 60
T = TypeVar("T")
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class Provider(msgspec.Struct, frozen=True):
    """What a provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class Tokens(msgspec.Struct, frozen=True):
    """What a provider gives for a code."""

    id_token: str


class Started(msgspec.Struct, frozen=True):
    """What the browser keeps while it is at the provider."""

    state: str
    nonce: str
    verifier: str
    next: str = "/"


class Identity(NamedTuple):
    """Who somebody is, as a provider says."""

    subject: str
    email: str | None
    """Only where the provider has verified it."""


def is_set_up(settings: Settings) -> bool:
    """Tell whether there is a provider."""
    return bool(settings.oidc_issuer and settings.oidc_client_id)


def start(next_path: str) -> Started:
    """Make the secrets of one sign-in."""
    state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
    return Started(state, nonce, verifier, next_path)


def make_url(settings: Settings, started: Started, redirect_uri: str) -> str:
    """Return where to send the browser.

    Raises:
        UnavailableError: If the provider does not answer as one.
    """
    digest = hashlib.sha256(started.verifier.encode()).digest()
    query = {
        "response_type": "code",
        "client_id": settings.oidc_client_id,
        "redirect_uri": redirect_uri,
        "scope": "openid email",
        "state": started.state,
        "nonce": started.nonce,
        "code_challenge": urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
    }
    endpoint = discover(settings).authorization_endpoint
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"


def finish(
    settings: Settings, started: Started, answer: Mapping[str, str], redirect_uri: str, *, now: datetime
) -> Identity:
    """Exchange the code that the provider sent, and check what it is worth.

    Raises:
        NotAuthenticatedError: With the reason, if the answer is not for this browser, or its token not good.
        UnavailableError: If the provider does not answer as one.
    """
    if not secrets.compare_digest(answer.get("state", "").encode(), started.state.encode()):
        raise NotAuthenticatedError("the answer of the provider belongs to another sign-in; begin again")
    if answer.get("iss") not in (None, settings.oidc_issuer):
        raise NotAuthenticatedError("the answer is of another provider than the one that was asked")
    if "code" not in answer:
        raise NotAuthenticatedError(
            f"the provider did not sign you in: {answer.get('error', 'no code')[:100]}"
        )
    provider = discover(settings)
    tokens = _exchange(settings, provider, started, answer["code"], redirect_uri)
    claims = _verify(settings, provider, tokens.id_token, started.nonce, now)
    email = claims.get("email") if claims.get("email_verified") is True else None
    return Identity(f"{settings.oidc_issuer}|{claims['sub']}"[:600], email)


def find_user(session: Session, identity: Identity) -> User:
    """Return the person whose identity it is; the first time by their verified address.

    Raises:
        NotAuthenticatedError: If they are not known here, or may not come in.
    """
    user = queries.find_by_subject(session, identity.subject)
    if user is None:
        if identity.email is None:
            raise NotAuthenticatedError(
                "the provider has not verified your e-mail address, so it proves nothing"
            )
        user = queries.find_by_email(session, people.read_email(identity.email))
        if user is None:
            raise NotAuthenticatedError(f"nobody was invited as {identity.email}; ask an administrator")
        if user.oidc_subject is not None:
            raise NotAuthenticatedError(f"{identity.email} belongs to another account of the provider")
        user.oidc_subject = identity.subject
        session.flush()
    if user.disabled_at is not None:
        raise NotAuthenticatedError("you may not come in any more; ask an administrator")
    return user


def discover(settings: Settings) -> Provider:
    """Read what the provider says of itself.

    Raises:
        UnavailableError: If it does not answer, or names another issuer.
    """
    url = f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
    provider = _read(outbound.request("GET", url, allowed=settings.outbound_allowed), Provider)
    if provider.issuer != settings.oidc_issuer:
        raise UnavailableError(
            f"the provider calls itself {provider.issuer[:200]}, not {settings.oidc_issuer}"
        )
    return provider


def _exchange(
    settings: Settings, provider: Provider, started: Started, code: str, redirect_uri: str
) -> Tokens:
    """Exchange a code for a token."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": redirect_uri,
        "code_verifier": started.verifier,
        "client_id": settings.oidc_client_id,
    }
    headers = dict(_FORM)
    if settings.oidc_client_secret:
        pair = f"{quote_plus(settings.oidc_client_id)}:{quote_plus(settings.oidc_client_secret)}"
        headers["Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    body, allowed = urlencode(form).encode(), settings.outbound_allowed
    answer = outbound.request("POST", provider.token_endpoint, body=body, headers=headers, allowed=allowed)
    if answer.status == 400:
        raise NotAuthenticatedError("the provider does not accept the code; it was used before or is too old")
    return _read(answer, Tokens)


def _verify(settings: Settings, provider: Provider, token: str, nonce: str, now: datetime) -> dict[str, Any]:
    """Check signature, issuer, audience, nonce and times of a token.

    Raises:
        NotAuthenticatedError: Naming what is wrong.
    """
    from authlib.oidc.core import CodeIDToken  # noqa: PLC0415  # only who has a provider needs them
    from joserfc import jwt  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415
    from joserfc.jwk import KeySet  # noqa: PLC0415

    keys = _read(
        outbound.request("GET", provider.jwks_uri, allowed=settings.outbound_allowed), dict[str, Any]
    )
    wanted = {
        "iss": {"essential": True, "value": settings.oidc_issuer},
        "aud": {"essential": True, "value": settings.oidc_client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
    }
    try:
        decoded = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]
        params = {"nonce": nonce, "client_id": settings.oidc_client_id}
        CodeIDToken(decoded.claims, decoded.header, wanted, params).validate(int(now.timestamp()), LEEWAY_S)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotAuthenticatedError(
            f"the token of the provider is not good: {error or type(error).__name__}"
        ) from error
    return dict(decoded.claims)


def _read(answer: outbound.Answer, kind: type[T]) -> T:
    """Read a JSON answer of the provider."""
    if answer.status != 200:
        raise UnavailableError(f"the provider answered with status {answer.status}")
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except msgspec.DecodeError as error:
        raise UnavailableError(f"the provider answered something else than expected: {error}") from error
