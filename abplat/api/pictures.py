"""Routes of pictures: what a variant looks like in a channel."""

from __future__ import annotations

from typing import Final

from flask import Response, g, request

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.pictures import PictureList, PictureSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.pictures import MEDIA_TYPES
from abplat.services import pictures
from abplat.services.pictures import Place

blueprint = ApiBlueprint("pictures", __name__, url_prefix="/v1", description="Pictures of variants")
_FILE: Final = {"schema": {"type": "string", "format": "binary"}}
_ITEM: Final = "/experiments/<key>/pictures/<variant>/<channel>"
SAFE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@blueprint.get("/experiments/<key>/pictures")
@require_key(ADMIN)
@blueprint.response(200, PictureList)
@blueprint.doc(operationId="list_pictures", summary="List the pictures of an experiment")
def list_(key: str) -> Answer:
    """Answer which variants have a picture in which channels."""
    return {"items": pictures.list_(current_session(), g.key.project_key, key)}


@blueprint.get(_ITEM)
@require_key(ADMIN)
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="image/*")
@blueprint.doc(operationId="get_picture", summary="Read a picture")
def get(key: str, variant: str, channel: str) -> Response:
    """Answer the file."""
    found = pictures.get(current_session(), g.key.project_key, Place(key, variant, channel))
    return Response(found.body, content_type=found.media_type, headers=SAFE)


@blueprint.put(_ITEM)
@require_key(ADMIN)
@blueprint.response(200, PictureSchema)
@blueprint.doc(
    operationId="put_picture",
    summary="Keep a picture",
    requestBody={"required": True, "content": dict.fromkeys(MEDIA_TYPES, _FILE)},
)
def put(key: str, variant: str, channel: str) -> Answer:
    """Keep the body as the picture of a variant in a channel; its content says what it is, not its header."""
    session, now = current_session(), current_platform().clock()
    place = Place(key, variant, channel)
    return pictures.put(session, g.key.project_key, place, request.get_data(cache=False), now=now)


@blueprint.delete(_ITEM)
@require_key(ADMIN)
@blueprint.response(204)
@blueprint.doc(operationId="remove_picture", summary="Take a picture away")
def remove(key: str, variant: str, channel: str) -> None:
    """Take a picture away."""
    now = current_platform().clock()
    pictures.remove(current_session(), g.key.project_key, Place(key, variant, channel), now=now)
