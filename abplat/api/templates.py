"""Routes of templates."""

from __future__ import annotations

from abplat.api.definitions import make_blueprint
from abplat.api.schemas.templates import TEMPLATE
from abplat.services import templates

blueprint = make_blueprint("templates", templates, TEMPLATE)
