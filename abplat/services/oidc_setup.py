"""Help to set up the sign-in through a provider of identities: what is set, what to register, and what is amiss."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Final, NamedTuple

from abplat.config import Settings
from abplat.domain.checklist_facts import FAILED, PASSED, UNKNOWN
from abplat.errors import AbplatError
from abplat.services import oidc

ANSWER_PATH: Final = "/sign-in/oidc/answer"
"""Where the provider sends people back to."""
_PACKAGES: Final = ("authlib", "joserfc")


class Item(NamedTuple):
    """One thing that was looked at: what it is, whether it is good, and how to mend it."""

    key: str
    title: str
    state: str
    why: str
    fix: str = ""


class ProviderSetup(NamedTuple):
    """The settings as they are; the secret itself is never told."""

    issuer: str
    client_id: str
    has_secret: bool
    title: str
    redirect_uri: str
    is_set_up: bool
    items: tuple[Item, ...]


def describe(settings: Settings, public_url: str, *, ask: bool = False) -> ProviderSetup:
    """Describe the settings, and look for what would keep people out.

    Args:
        settings: Of the installation.
        public_url: At which people reach it.
        ask: Whether to ask the provider what it says of itself.
    """
    items = list(_look(settings, public_url))
    if ask and oidc.is_set_up(settings):
        items.append(_ask(settings))
    return ProviderSetup(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        has_secret=bool(settings.oidc_client_secret),
        title=settings.oidc_title,
        redirect_uri=f"{public_url.rstrip('/')}{ANSWER_PATH}",
        is_set_up=oidc.is_set_up(settings),
        items=tuple(items),
    )


def _look(settings: Settings, public_url: str) -> Iterator[Item]:
    """Yield what can be seen without the provider."""
    if oidc.is_set_up(settings):
        yield Item("settings", "The provider is named", PASSED, f"{settings.oidc_issuer} is asked.")
    else:
        fix = "Set ABPLAT_OIDC_ISSUER and ABPLAT_OIDC_CLIENT_ID, and start abplat again."
        yield Item("settings", "The provider is named", UNKNOWN, "Issuer or client id is not set.", fix)
    missing = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        fix = "Install abplat[oidc]."
        yield Item("packages", "What it needs is installed", FAILED, f"{', '.join(missing)} is missing.", fix)
    else:
        yield Item("packages", "What it needs is installed", PASSED, "The extra oidc is there.")
    if settings.public_url:
        why = f"People reach abplat at {public_url}."
        state, fix = PASSED, ""
        if not public_url.startswith("https:"):
            state, fix = (
                UNKNOWN,
                "Most providers send people back to https alone; put a proxy with TLS before it.",
            )
        yield Item("public_url", "The address for people is set", state, why, fix)
    else:
        fix = "Set ABPLAT_PUBLIC_URL: else the address to come back to is that of each request."
        state = FAILED if oidc.is_set_up(settings) else UNKNOWN
        yield Item("public_url", "The address for people is set", state, "ABPLAT_PUBLIC_URL is empty.", fix)
    kind = (
        "A secret is set." if settings.oidc_client_secret else "No secret is set: a public client, with PKCE."
    )
    yield Item("secret", "How the provider knows abplat", PASSED, kind)


def _ask(settings: Settings) -> Item:
    """Ask the provider what it says of itself."""
    title = "The provider answers"
    try:
        found = oidc.discover(settings)
    except AbplatError as error:
        fix = "Compare the issuer to the letter; a private host must be named in ABPLAT_OUTBOUND_ALLOWED."
        return Item("provider", title, FAILED, f"{error.message}.", fix)
    return Item("provider", title, PASSED, f"People are sent to {found.authorization_endpoint}.")
