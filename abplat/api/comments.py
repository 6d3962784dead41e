"""Routes of comments."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.people import CommentList, CommentRequest, CommentSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.domain.roles import VIEWER
from abplat.services import comments

blueprint = ApiBlueprint("comments", __name__, url_prefix="/v1", description="Comments on experiments")


@blueprint.get("/experiments/<key>/comments")
@require_key(ADMIN)
@blueprint.response(200, CommentList)
@blueprint.doc(operationId="list_comments", summary="List the comments on an experiment")
def list_(key: str) -> Answer:
    """Answer every comment, oldest first."""
    return {"items": comments.list_(current_session(), g.key.project_key, key)}


@blueprint.post("/experiments/<key>/comments")
@require_key(ADMIN, role=VIEWER)
@blueprint.arguments(CommentRequest)
@blueprint.response(201, CommentSchema)
@blueprint.doc(operationId="add_comment", summary="Comment on an experiment")
def add(document: dict[str, Any], key: str) -> Answer:
    """Say something of an experiment."""
    now = current_platform().clock()
    return comments.add(current_session(), g.key.project_key, key, document, now=now)


@blueprint.delete("/comments/<int:number>")
@require_key(ADMIN, role=VIEWER)
@blueprint.response(200, CommentSchema)
@blueprint.doc(operationId="remove_comment", summary="Take a comment back")
def remove(number: int) -> Answer:
    """Take one's own comment back; an administrator takes back any."""
    now, is_admin = current_platform().clock(), g.key.role == ADMIN_ROLE
    return comments.remove(current_session(), g.key.project_key, number, now=now, is_admin=is_admin)
