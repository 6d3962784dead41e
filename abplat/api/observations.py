"""Routes of observations: evidence items and external series."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.observations import OBSERVATION
from abplat.services import observations

blueprint = make_blueprint("observations", observations, OBSERVATION)
