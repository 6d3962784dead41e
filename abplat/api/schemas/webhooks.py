"""Schemas of webhooks."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.definitions import DocumentSchema, StrictSchema
from abplat.domain.notices import EVENTS


class WebhookRequest(DocumentSchema):
    """Where to send what."""

    url = fields.String(required=True, metadata={"description": "An https address on the open network"})
    events = fields.List(
        fields.String(), metadata={"description": f"Of {', '.join(EVENTS)}; all when left out"}
    )


class WebhookChange(DocumentSchema):
    """What changes of a webhook."""

    url = fields.String()
    events = fields.List(fields.String())


class WebhookSchema(StrictSchema):
    """A webhook, without its secret."""

    id = fields.Integer()
    url = fields.String()
    events = fields.List(fields.String())
    created_at = fields.AwareDateTime()


class NewWebhook(WebhookSchema):
    """A webhook just made, with its secret: shown now and never again."""

    secret = fields.String()


class WebhookList(StrictSchema):
    """The webhooks of the project."""

    items = fields.List(fields.Nested(WebhookSchema))


class DeliverySchema(StrictSchema):
    """A message, and what became of it."""

    id = fields.Integer()
    webhook = fields.Integer(allow_none=True)
    email = fields.String(allow_none=True)
    event = fields.String()
    message = fields.Dict(keys=fields.String())
    state = fields.String(metadata={"description": "waiting, sent or failed"})
    tries = fields.Integer()
    status = fields.Integer(allow_none=True)
    detail = fields.String()
    created_at = fields.AwareDateTime()
    next_at = fields.AwareDateTime(allow_none=True)
    finished_at = fields.AwareDateTime(allow_none=True)


class DeliveryList(StrictSchema):
    """Messages, the latest first."""

    items = fields.List(fields.Nested(DeliverySchema))
