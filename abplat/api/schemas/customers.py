"""Schemas of what customers ask for."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import DocumentSchema, StrictSchema, choice_field, text_field
from abplat.services.customers import KINDS


class CustomerRequestRequest(DocumentSchema):
    """Whose data, and why."""

    id = text_field("Typed id of the customer, such as cust:7; every id joined with it goes along", 256)
    reason = text_field("Why, for the audit trail, such as the number of a letter", 1_000)


class CustomerReceipt(StrictSchema):
    """What was found, in numbers."""

    ids = fields.Integer(metadata={"description": "Ids that belong to the customer"})
    rows = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "Rows erased or copied, by place"},
    )
    still_named_in = fields.List(
        fields.String(), metadata={"description": "Definitions in which people wrote the id themselves"}
    )


class CustomerRequestSchema(StrictSchema):
    """A request; it never tells the id."""

    id = fields.String()
    kind = choice_field(KINDS, "What was asked for")
    state = choice_field(("queued", "done"), "Whether the worker has done it")
    subject = fields.String(metadata={"description": "Pseudonym of the customer, as in the audit trail"})
    reason = fields.String()
    requested_by = fields.String()
    requested_at = fields.AwareDateTime()
    finished_at = fields.AwareDateTime(allow_none=True)
    receipt = fields.Nested(CustomerReceipt, allow_none=True)
    has_copy = fields.Boolean(metadata={"description": "The copy of an export can be fetched, for a day"})


class CustomerRequestsQuery(StrictSchema):
    """Which requests to list."""

    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))
    before = fields.String(load_default=None)


class CustomerRequestsPage(StrictSchema):
    """Requests, the youngest first; ``next`` is the ``before`` of the next page."""

    items = fields.List(fields.Nested(CustomerRequestSchema))
    next = fields.String(allow_none=True)
