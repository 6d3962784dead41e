"""Schemas of holdouts."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import choice_field, key_field, make_schemas, text_field
from abplat.api.schemas.layers import SaltStored
from abplat.domain.layers import BUCKETS, SCOPES


class HoldoutFields(Schema):
    """Customers kept out of a set of experiments."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    share = fields.Integer(
        required=True, validate=validate.Range(1, BUCKETS - 1), metadata={"description": f"Of {BUCKETS}"}
    )
    scope = choice_field(SCOPES, "Experiments that name it, those of its layer, or all")
    layer = key_field(allow_none=True)


HOLDOUT = make_schemas("Holdout", HoldoutFields, SaltStored)
