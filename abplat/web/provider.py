"""The page on which the sign-in through a provider of identities is set up."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template

from abplat.domain.roles import ADMIN
from abplat.services import oidc_setup
from abplat.web.door import require_role
from abplat.web.forms import public_url
from abplat.web.setup_check import TICKS
from abplat.web.writing import current_platform

SETTINGS: Final = (
    ("ABPLAT_PUBLIC_URL", "https://abplat.example.com"),
    ("ABPLAT_OIDC_ISSUER", "https://accounts.example.com"),
    ("ABPLAT_OIDC_CLIENT_ID", "abplat"),
    ("ABPLAT_OIDC_CLIENT_SECRET", "..."),
    ("ABPLAT_OIDC_TITLE", "our directory"),
)
"""What is set in the environment, with examples."""


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/people/provider", "show_provider", show_provider)
    pages.add_url_rule("/people/provider", "ask_provider", ask_provider, methods=["POST"])


@require_role(ADMIN)
def show_provider() -> str:
    """Show what is set and what to register."""
    return _render(ask=False)


@require_role(ADMIN)
def ask_provider() -> str:
    """Ask the provider what it says of itself."""
    return _render(ask=True)


def _render(*, ask: bool) -> str:
    """Make the page."""
    found = oidc_setup.describe(current_platform().settings, public_url(), ask=ask)
    items = [(item, TICKS[item.state]) for item in found.items]
    return render_template("provider.html", setup=found, items=items, settings=SETTINGS)
