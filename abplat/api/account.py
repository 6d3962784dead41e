"""Routes of one's own account, for personal tokens. New ones, and passwords, take the account page."""

from __future__ import annotations

from flask import Response, g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.people import AccountSchema, SessionList, TokenList
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import VIEWER
from abplat.services import tokens, web_sessions

blueprint = ApiBlueprint("account", __name__, url_prefix="/v1/account", description="One's own account")


@blueprint.get("")
@require_key(ADMIN, by_person=True)
@blueprint.response(200, AccountSchema)
@blueprint.doc(operationId="get_account", summary="Read whose token this is")
def get() -> Answer:
    """Answer who sends the token, with the roles they have now."""
    return g.key.person


@blueprint.get("/sessions")
@require_key(ADMIN, by_person=True)
@blueprint.response(200, SessionList)
@blueprint.doc(operationId="list_sessions", summary="List where one is signed in")
def list_sessions() -> Answer:
    """Answer the sessions of the token's owner, the latest first."""
    now = current_platform().clock()
    return {"items": web_sessions.list_(current_session(), g.key.person.id, now=now)}


@blueprint.delete("/sessions/<name>")
@require_key(ADMIN, role=VIEWER, by_person=True)
@blueprint.response(204)
@blueprint.doc(operationId="end_session", summary="Sign out somewhere")
def end_session(name: str) -> Answer:
    """End one session."""
    web_sessions.end_named(current_session(), g.key.person.id, name)
    return Response(status=204)


@blueprint.get("/tokens")
@require_key(ADMIN, by_person=True)
@blueprint.response(200, TokenList)
@blueprint.doc(operationId="list_tokens", summary="List one's personal tokens")
def list_tokens() -> Answer:
    """Answer the tokens that are good, without their secrets."""
    return {"items": tokens.list_(current_session(), g.key.person.id, now=current_platform().clock())}


@blueprint.delete("/tokens/<selector>")
@require_key(ADMIN, role=VIEWER, by_person=True)
@blueprint.response(204)
@blueprint.doc(operationId="revoke_token", summary="Make a personal token useless")
def revoke_token(selector: str) -> Answer:
    """Revoke a token; a running server follows within two seconds."""
    tokens.revoke(current_session(), g.key.person.id, selector, now=current_platform().clock())
    return Response(status=204)
