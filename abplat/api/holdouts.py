"""Routes of holdouts."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.holdouts import HOLDOUT
from abplat.services import holdouts

blueprint = make_blueprint("holdouts", holdouts, HOLDOUT)
