"""Routes of touchpoints."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.touchpoints import TOUCHPOINT
from abplat.services import touchpoints

blueprint = make_blueprint("touchpoints", touchpoints, TOUCHPOINT)
