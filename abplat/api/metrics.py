"""Routes of metrics."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.metrics import METRIC
from abplat.services import metrics

blueprint = make_blueprint("metrics", metrics, METRIC)
