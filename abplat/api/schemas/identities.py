"""Schemas of identify, identity tokens, merge, split and conflicts."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import DocumentSchema, ProblemItem, StrictSchema, text_field
from abplat.domain.components import OUTCOMES
from abplat.domain.identities import MAX_ID
from abplat.domain.identity_tokens import MAX_LENGTH
from abplat.services.identities import MAX_BATCH


def token_field() -> fields.String:
    """Return the field of an identity token."""
    return text_field("Signed by POST /v1/identity-tokens", MAX_LENGTH, allow_none=True)


class IdentifyRequest(DocumentSchema):
    """An anonymous id that turned out to be a known one."""

    may_be_plain = True
    """Pages say it without a header of their own, so that no leave has to be asked beforehand."""

    anonymous = text_field("Typed id, such as anon:w1", MAX_ID, required=True)
    known = text_field("Typed id, such as cust:7; may be left out with an identity token", MAX_ID)
    identity_token = token_field()
    ts = fields.String(allow_none=True, metadata={"description": "When, with an offset; now when left out"})
    id = text_field("Id of the event; the same id counts once", MAX_ID, allow_none=True)
    channel = text_field("Channel of the log-in", MAX_ID, allow_none=True)
    assignments = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What the device has shown so far: experiment and variant"},
    )
    assigned_at = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "When each was shown first: experiment and instant; ts when left out"},
    )
    phases = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={
            "description": "Which phase of the experiment decided each: what is from before a reset is void"
        },
    )


class IdentifyBatchRequest(DocumentSchema):
    """Several identifications, each judged alone."""

    identifications = fields.List(
        fields.Nested(IdentifyRequest), required=True, validate=validate.Length(1, MAX_BATCH)
    )


class IdentifyResponse(StrictSchema):
    """What holds for the customer from now on."""

    unit = fields.String(metadata={"description": "What is decided for: the customer where one is known"})
    pins = fields.Dict(
        keys=fields.String(), values=fields.String(), metadata={"description": "Variant per experiment"}
    )
    shared = fields.Boolean(metadata={"description": "One of the two ids belongs to several customers"})
    conflicts = fields.List(
        fields.String(), metadata={"description": "Experiments where the ids had met different variants"}
    )
    outcome = fields.String(
        validate=validate.OneOf(OUTCOMES), metadata={"description": "What became of the join"}
    )


class IdentifyResult(IdentifyResponse):
    """The answer to one identification of a batch: what holds, or why it was refused."""

    status = fields.Integer(metadata={"description": "200, or what POST /v1/identify would have answered"})
    code = fields.String()
    detail = fields.String()
    errors = fields.List(fields.Nested(ProblemItem))


class IdentifyBatchResponse(StrictSchema):
    """One result per identification, in their order."""

    results = fields.List(fields.Nested(IdentifyResult))


class TokenRequest(DocumentSchema):
    """Whom a token shall speak for."""

    id = text_field("Typed id; a personal one is replaced by the customer's", MAX_ID, required=True)
    expires_in = fields.String(metadata={"description": "A duration up to 1d; 30m when left out"})


class TokenResponse(StrictSchema):
    """A token and what it says."""

    identity_token = fields.String()
    id = fields.String(metadata={"description": "The id in the token"})
    expires_at = fields.AwareDateTime()


class MergeRequest(DocumentSchema):
    """Two ids that are one customer."""

    id = text_field("Typed id", MAX_ID, required=True)
    into = text_field("Typed id that names both from now on", MAX_ID, required=True)
    reason = text_field("Why, for the audit trail", 1_000, required=True)


class SplitRequest(DocumentSchema):
    """Two ids that are not one customer after all."""

    id = text_field("Typed id", MAX_ID, required=True)
    from_ = text_field("The id it was joined with", MAX_ID, required=True, data_key="from")
    reason = text_field("Why, for the audit trail", 1_000, required=True)


class MergedResponse(StrictSchema):
    """Who belongs together now."""

    changed = fields.Boolean()
    unit = fields.String(metadata={"description": "Who the first id belongs to"})
    ids = fields.List(fields.String())
    conflicts = fields.List(
        fields.String(), metadata={"description": "Experiments where the ids have met different variants"}
    )


class ConflictsQuery(StrictSchema):
    """Which conflicts to show."""

    experiment = text_field("Key of an experiment", 64, load_default=None)
    limit = fields.Integer(load_default=50, validate=validate.Range(1, 500))
    before = fields.Integer(load_default=None, validate=validate.Range(1, 2**63 - 1))


class ConflictSchema(StrictSchema):
    """An assignment that gave way to an earlier one of the same customer."""

    id = fields.Integer()
    experiment = fields.String()
    unit = fields.String(metadata={"description": "Whose assignment gave way"})
    variant = fields.String()
    assigned_at = fields.AwareDateTime()
    kept_unit = fields.String()
    kept_variant = fields.String(metadata={"description": "What is served everywhere"})
    kept_assigned_at = fields.AwareDateTime()
    found_at = fields.AwareDateTime()


class ConflictsPage(StrictSchema):
    """Conflicts, youngest first; ``next`` is the ``before`` of the next page."""

    items = fields.List(fields.Nested(ConflictSchema))
    next = fields.Integer(allow_none=True)
