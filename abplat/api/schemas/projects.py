"""Schemas of projects."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from abplat.api.schemas.definitions import DocumentSchema, StrictSchema, duration_field, key_field, text_field
from abplat.domain.approvals import ACTIONS


class ApprovalsSetting(StrictSchema):
    """Actions on experiments that a second person must agree to."""

    required = fields.List(fields.String(validate=validate.OneOf(ACTIONS)))


class ProjectFields(Schema):
    """The walls between teams."""

    key = key_field(required=True)
    title = text_field("Name for people", required=True)
    fill_standing = fields.Boolean(
        metadata={"description": "Tell targeting where the customer stands, when the caller does not"}
    )
    approvals = fields.Nested(
        ApprovalsSetting,
        metadata={"description": "What a second person must agree to; a key may only add to it"},
    )
    keep_facts = duration_field("How long facts are kept; for ever where it is left out", allow_none=True)


class ProjectRequest(DocumentSchema, ProjectFields):
    """A project to create."""


class ProjectChange(DocumentSchema, ProjectFields):
    """Changes of a project."""


class ProjectResponse(StrictSchema, ProjectFields):
    """A project."""

    revision = fields.Integer()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()


class NewProjectResponse(ProjectResponse):
    """A project just created, with its first admin key: shown now and never again."""

    admin_key = fields.String()


class ProjectPage(StrictSchema):
    """The projects that a key can see: its own."""

    items = fields.List(fields.Nested(ProjectResponse))
    next_cursor = fields.String(allow_none=True)
