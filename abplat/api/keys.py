"""Routes of API keys: of the caller's own project, for its admin keys and administrators."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.keys import KeyList, KeySchema, NewKeyRequest, NewKeySchema, RotateRequest
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN, NewKey
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.services import keys

blueprint = ApiBlueprint("keys", __name__, url_prefix="/v1/keys", description="API keys of the project")


@blueprint.get("")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(200, KeyList)
@blueprint.doc(operationId="list_keys", summary="List the keys of the project")
def list_keys() -> Answer:
    """Answer every key without its secret, with its last use."""
    now = current_platform().clock()
    found = keys.list_(current_session(), _own_project())
    return {"items": [keys.describe(key, now) for key in found]}


@blueprint.post("")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(NewKeyRequest)
@blueprint.response(201, NewKeySchema)
@blueprint.doc(operationId="create_key", summary="Make a key")
def create_key(document: dict[str, Any]) -> Answer:
    """Make a key and answer its token, once."""
    new = keys.create(current_session(), _own_project(), document["kind"], now=current_platform().clock())
    return _describe_new(new)


@blueprint.post("/<selector>/rotate")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(RotateRequest, required=False)
@blueprint.response(201, NewKeySchema)
@blueprint.doc(operationId="rotate_key", summary="Exchange a key for a new one")
def rotate_key(document: dict[str, Any], selector: str) -> Answer:
    """Make a key of the same kind; the old one is good until its grace is over."""
    grace, now = keys.read_grace(document["grace"]), current_platform().clock()
    return _describe_new(
        keys.rotate(current_session(), selector, grace=grace, now=now, project=_own_project()).new
    )


@blueprint.post("/<selector>/revoke")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(200, KeySchema)
@blueprint.doc(operationId="revoke_key", summary="Make a key useless")
def revoke_key(selector: str) -> Answer:
    """Make a key useless from now on; every process follows within two seconds."""
    now = current_platform().clock()
    return keys.describe(keys.revoke(current_session(), selector, now=now, project=_own_project()), now)


def _own_project() -> str:
    """Return the project of the call."""
    return str(g.key.project_key)


def _describe_new(new: NewKey) -> Answer:
    """Return a key just made, with its token."""
    now = current_platform().clock()
    row = next(key for key in keys.list_(current_session(), _own_project()) if key.selector == new.selector)
    return {**keys.describe(row, now), "token": new.token}
