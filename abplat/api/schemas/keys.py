"""Schemas of API keys."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import StrictSchema, choice_field
from abplat.domain.keys import KINDS


class NewKeyRequest(StrictSchema):
    """A key to make."""

    kind = fields.String(
        required=True, validate=validate.OneOf(KINDS), metadata={"description": "What it may do"}
    )


class RotateRequest(StrictSchema):
    """How to exchange a key."""

    may_be_absent = True

    grace = fields.String(
        load_default="1d",
        validate=validate.Length(1, 16),
        metadata={"description": "How long the old key is still good, such as 7d; 0 ends it now"},
    )


class KeySchema(StrictSchema):
    """What may be shown of a key."""

    selector = fields.String(metadata={"description": "Names the key; no secret"})
    kind = choice_field(KINDS, "What it may do")
    state = choice_field(("active", "ending", "revoked"), "ending: exchanged, and good until revoked_at")
    created_at = fields.AwareDateTime()
    last_used_at = fields.AwareDateTime(allow_none=True, metadata={"description": "To the hour"})
    revoked_at = fields.AwareDateTime(allow_none=True)


class NewKeySchema(KeySchema):
    """A key just made: the token is shown now and never again."""

    token = fields.String()


class KeyList(StrictSchema):
    """The keys of the project, oldest first."""

    items = fields.List(fields.Nested(KeySchema))
