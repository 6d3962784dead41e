"""Routes of layers."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.layers import LAYER, LayerSlots, SlotQuery
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.services import layers

blueprint = make_blueprint("layers", layers, LAYER)


@blueprint.get("/<key>/slots")
@require_key(ADMIN)
@blueprint.arguments(SlotQuery, location="query")
@blueprint.response(200, LayerSlots)
@blueprint.doc(operationId="list_layer_slots", summary="List the slots of a layer")
def list_slots(query: dict[str, Any], key: str) -> Answer:
    """Answer who occupies the layer, what is free, and a free slot of the size asked for."""
    return layers.list_slots(current_session(), g.key.project_key, key, query["size"])
