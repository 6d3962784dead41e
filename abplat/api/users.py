"""Routes of the people of the whole installation; for its administrators."""

from __future__ import annotations

from typing import Any

from flask import g, request

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.people import make_link
from abplat.api.schemas.people import LinkSchema, ProviderSchema, UserChange, UserList, UserSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.errors import NotAllowedError
from abplat.services import oidc_setup, people

blueprint = ApiBlueprint("users", __name__, url_prefix="/v1/users", description="People of the installation")


@blueprint.get("")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.response(200, UserList)
@blueprint.doc(operationId="list_users", summary="List everybody there is")
def list_() -> Answer:
    """Answer everybody, by address."""
    _require_admin()
    return {"items": people.list_users(current_session())}


@blueprint.patch("/<int:number>")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.arguments(UserChange)
@blueprint.response(200, UserSchema)
@blueprint.doc(operationId="update_user", summary="Say who administers, and who may come in")
def update(document: dict[str, Any], number: int) -> Answer:
    """Change what somebody is to the installation."""
    _require_admin()
    return people.change_user(current_session(), number, document, now=current_platform().clock())


@blueprint.post("/<int:number>/link")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.response(200, LinkSchema)
@blueprint.doc(operationId="make_user_link", summary="Make somebody a link for a new password")
def make_password_link(number: int) -> Answer:
    """Make a one-time link with which somebody chooses a password."""
    _require_admin()
    now = current_platform().clock()
    return {"link": make_link(people.make_password_link(current_session(), number, now=now))}


@blueprint.get("/provider")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.response(200, ProviderSchema)
@blueprint.doc(operationId="get_provider", summary="Say how people sign in through a provider")
def get_provider() -> Answer:
    """Answer the settings, the address to register, and what would keep people out; never the secret."""
    return _describe_provider(ask=False)


@blueprint.post("/provider")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.response(200, ProviderSchema)
@blueprint.doc(operationId="ask_provider", summary="Ask the provider of identities what it says of itself")
def ask_provider() -> Answer:
    """Answer the same, with whether the provider answers."""
    return _describe_provider(ask=True)


def _describe_provider(*, ask: bool) -> Answer:
    """Describe the settings."""
    _require_admin()
    settings = current_platform().settings
    found = oidc_setup.describe(settings, settings.public_url or request.host_url, ask=ask)
    return {**found._asdict(), "items": [item._asdict() for item in found.items]}


def _require_admin() -> None:
    """Refuse whoever administers a project only.

    Raises:
        NotAllowedError: If they do not administer the installation.
    """
    if not g.key.person.is_admin:
        raise NotAllowedError("this call needs an administrator of the installation")
