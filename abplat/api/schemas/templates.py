"""Schemas of templates."""

from __future__ import annotations

from marshmallow import Schema, fields

from abplat.api.schemas.definitions import key_field, make_schemas, text_field


class TemplateFields(Schema):
    """Part of an experiment under a name."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    owner = text_field("Who answers for it", required=True)
    experiment = fields.Dict(
        keys=fields.String(), metadata={"description": "Fields of an experiment; what a document says, holds"}
    )
    max_metrics = fields.Integer(metadata={"description": "The most metrics that an experiment may watch"})


TEMPLATE = make_schemas("Template", TemplateFields)
