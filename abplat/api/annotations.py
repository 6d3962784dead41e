"""Routes of annotations: what else happened while experiments ran."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.annotations import ANNOTATION
from abplat.services import annotations as verbs  # the future has taken the name of the noun

blueprint = make_blueprint("annotations", verbs, ANNOTATION)
