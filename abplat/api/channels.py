"""Routes of channels."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.channels import CHANNEL
from abplat.services import channels

blueprint = make_blueprint("channels", channels, CHANNEL)
