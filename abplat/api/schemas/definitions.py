"""Schemas that every noun shares.

A request schema describes a definition for the OpenAPI document and refuses what is not an
object; every rule inside is judged by ``abplat.domain``, for REST and for files alike, so that a
caller gets the whole list of faults at once, unknown fields among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from abplat.domain.fields import KEY_PATTERN, MAX_TITLE


def key_field(**over: Any) -> fields.String:
    """Return the field of a key."""
    described = {"description": "1 to 64 letters, digits, dots, underscores or hyphens"}
    return fields.String(validate=validate.Regexp(f"^{KEY_PATTERN}$"), metadata=described, **over)


def text_field(description: str, longest: int = MAX_TITLE, **over: Any) -> fields.String:
    """Return the field of a text that says something."""
    return fields.String(
        validate=validate.Length(min=1, max=longest), metadata={"description": description}, **over
    )


def choice_field(choices: tuple[str, ...], description: str, **over: Any) -> fields.String:
    """Return the field of one word of a list."""
    return fields.String(validate=validate.OneOf(choices), metadata={"description": description}, **over)


def duration_field(description: str, **over: Any) -> fields.String:
    """Return the field of a duration."""
    return fields.String(metadata={"description": f"{description}, such as 7d (s, m, h, d, w)"}, **over)


class StrictSchema(Schema):
    """Base of all schemas: unknown fields are refused."""

    class Meta:
        """Refuse unknown fields."""

        unknown = RAISE


class DocumentSchema(StrictSchema):
    """Base of request schemas whose rules the domain judges."""

    def load(self, data: Any, *, many: bool | None = None, **options: Any) -> Any:  # noqa: ARG002
        """Hand the document on as it was sent."""
        if not isinstance(data, Mapping):
            raise ValidationError(
                {"_schema": ["the body is not a JSON object; send the fields of the definition"]}
            )
        return data


class StoredSchema(StrictSchema):
    """What the server knows of a definition."""

    revision = fields.Integer(metadata={"description": "Grows with each change; the ETag is this number"})
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    archived_at = fields.AwareDateTime(allow_none=True)


class VersionedSchema(StoredSchema):
    """What the server knows of a definition whose versions are kept."""

    version = fields.Integer(metadata={"description": "Grows when what decides changes"})


class DefinitionVersions(StrictSchema):
    """Every version of a definition, oldest first."""

    items = fields.List(fields.Dict(keys=fields.String()))


class PageQuery(StrictSchema):
    """Where a page of a list starts and how long it is."""

    limit = fields.Integer(
        load_default=50, strict=False, validate=validate.Range(1, 200), metadata={"description": "1 to 200"}
    )
    cursor = fields.String(
        load_default="",
        validate=validate.Length(max=200),
        metadata={"description": "The next_cursor of the page before"},
    )


class NounSchemas(NamedTuple):
    """The schemas of one noun: different classes for what is sent and what is answered."""

    request: type[DocumentSchema]
    change: DocumentSchema
    response: type[StrictSchema]
    page: type[StrictSchema]


def make_schemas(name: str, described: type[Schema], known: type[Schema] = StoredSchema) -> NounSchemas:
    """Make the schemas of a noun from its fields and from what the server knows of it."""
    request = type(f"{name}Request", (DocumentSchema, described), {})
    change = type(f"{name}Change", (DocumentSchema, described), {})
    response = type(f"{name}Response", (known, described), {})
    page = type(
        f"{name}Page",
        (StrictSchema,),
        {
            "items": fields.List(fields.Nested(response)),
            "next_cursor": fields.String(
                allow_none=True, metadata={"description": "Ask with it for the next page; null on the last"}
            ),
        },
    )
    return NounSchemas(request, change(partial=True), response, page)


class ProblemItem(StrictSchema):
    """One fault: where, what and by which rule."""

    path = fields.String(required=True)
    message = fields.String(required=True)
    code = fields.String(required=True)


class ProblemSchema(StrictSchema):
    """The body of every error (RFC 9457)."""

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "Stable name of the error"})
    errors = fields.List(fields.Nested(ProblemItem), required=True)
    request_id = fields.String(required=True)
