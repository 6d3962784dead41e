"""Routes of layers."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.layers import LAYER
from abplat.services import layers

blueprint = make_blueprint("layers", layers, LAYER)
