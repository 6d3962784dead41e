"""Schemas of people, comments, approvals and the audit trail."""

from __future__ import annotations

from marshmallow import fields, validate

from abplat.api.schemas.definitions import DocumentSchema, StrictSchema, choice_field, key_field
from abplat.domain.approvals import ACTIONS, STATES
from abplat.domain.fields import MAX_TEXT
from abplat.domain.roles import ROLES


class MemberSchema(StrictSchema):
    """A person and their role in the project."""

    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    role = choice_field(ROLES, "Each may do what those before it may")
    is_disabled = fields.Boolean()


class MemberList(StrictSchema):
    """Everybody who belongs to the project, by name."""

    items = fields.List(fields.Nested(MemberSchema))


class InvitationSchema(DocumentSchema):
    """Whom to let in."""

    email = fields.String(required=True)
    role = choice_field(ROLES, "What they may do", required=True)
    name = fields.String()


class InvitedSchema(StrictSchema):
    """Who was let in; for who is new a link, shown now and never again."""

    member = fields.Nested(MemberSchema)
    link = fields.String(allow_none=True, metadata={"description": "Works once, for seven days"})


class RoleSchema(StrictSchema):
    """The role that somebody is given."""

    role = choice_field(ROLES, "In place of the one they have", required=True)


class UserSchema(StrictSchema):
    """A person as the installation knows them."""

    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    is_admin = fields.Boolean(metadata={"description": "Administers every project"})
    is_disabled = fields.Boolean(metadata={"description": "May not come in"})
    has_password = fields.Boolean()
    created_at = fields.AwareDateTime()


class UserList(StrictSchema):
    """Everybody there is."""

    items = fields.List(fields.Nested(UserSchema))


class UserChange(DocumentSchema):
    """What changes of a person."""

    is_admin = fields.Boolean()
    is_disabled = fields.Boolean()


class LinkSchema(StrictSchema):
    """A one-time link, shown now and never again."""

    link = fields.String()


class AccountSchema(StrictSchema):
    """Whose token it is."""

    id = fields.Integer()
    email = fields.String()
    name = fields.String()
    is_admin = fields.Boolean()
    roles = fields.Dict(keys=fields.String(), values=fields.String())


class SessionSchema(StrictSchema):
    """Where somebody is signed in."""

    name = fields.String()
    address = fields.String()
    agent = fields.String()
    created_at = fields.AwareDateTime()
    seen_at = fields.AwareDateTime()
    is_current = fields.Boolean()


class SessionList(StrictSchema):
    """The sessions of a person."""

    items = fields.List(fields.Nested(SessionSchema))


class TokenSchema(StrictSchema):
    """A personal token, without its secret."""

    selector = fields.String()
    project = fields.String()
    title = fields.String()
    created_at = fields.AwareDateTime()
    expires_at = fields.AwareDateTime()
    last_used_at = fields.AwareDateTime(allow_none=True)


class TokenList(StrictSchema):
    """The tokens of a person."""

    items = fields.List(fields.Nested(TokenSchema))


class CommentRequest(DocumentSchema):
    """What somebody says."""

    body = fields.String(
        required=True, metadata={"description": f"Plain text, at most {MAX_TEXT} characters"}
    )


class CommentSchema(StrictSchema):
    """A comment; taken back its text is empty."""

    id = fields.Integer()
    experiment = fields.String()
    author = fields.String()
    body = fields.String()
    created_at = fields.AwareDateTime()
    removed_at = fields.AwareDateTime(allow_none=True)


class CommentList(StrictSchema):
    """The comments on an experiment, oldest first."""

    items = fields.List(fields.Nested(CommentSchema))


class ApprovalAsked(DocumentSchema):
    """What to approve."""

    action = choice_field(ACTIONS[:-1], "What is to be done", required=True)
    body = fields.Dict(keys=fields.String(), metadata={"description": "As the call of the action takes it"})
    note = fields.String(metadata={"description": "Why"})


class ApprovalStored(StrictSchema):
    """A request for approval."""

    id = fields.Integer()
    experiment = fields.String()
    action = choice_field(ACTIONS, "What is to be done")
    body = fields.Dict(keys=fields.String())
    note = fields.String()
    state = choice_field(STATES, "open and approved ones may still lead to something")
    authors = fields.List(fields.String(), metadata={"description": "None of them may approve"})
    asked_at = fields.AwareDateTime()
    changed_at = fields.AwareDateTime()
    decided_by = fields.String(allow_none=True)
    decision_note = fields.String(allow_none=True)
    fingerprint = fields.String(metadata={"description": "Of what would be served and judged by"})


class ApprovalList(StrictSchema):
    """Requests, the latest first."""

    items = fields.List(fields.Nested(ApprovalStored))


class ApprovalQuery(StrictSchema):
    """Which requests are wanted."""

    waiting = fields.Boolean(load_default=False)
    experiment = key_field(load_default=None)


class DecisionSchema(StrictSchema):
    """What somebody says of a request."""

    may_be_absent = True
    note = fields.String(load_default="", validate=validate.Length(max=MAX_TEXT))
    seen = fields.String(
        load_default=None,
        allow_none=True,
        metadata={"description": "The fingerprint that was looked at; refused where it is another by now"},
    )


class AuditQuery(StrictSchema):
    """Which entries are wanted: who, what and when."""

    actor = fields.String(load_default=None, validate=validate.Length(max=256))
    verb = fields.String(load_default=None, validate=validate.Length(max=16))
    noun = fields.String(load_default=None, validate=validate.Length(max=32))
    key = fields.String(load_default=None, validate=validate.Length(max=64))
    since = fields.AwareDateTime(load_default=None)
    until = fields.AwareDateTime(load_default=None)
    before = fields.Integer(load_default=None, strict=False, validate=validate.Range(1, 2**53))
    limit = fields.Integer(load_default=50, strict=False, validate=validate.Range(1, 200))


class AuditEntrySchema(StrictSchema):
    """One write."""

    id = fields.Integer()
    at = fields.AwareDateTime()
    actor = fields.String()
    address = fields.String(allow_none=True)
    verb = fields.String()
    noun = fields.String()
    key = fields.String()
    before = fields.Raw(allow_none=True)
    after = fields.Raw(allow_none=True)
    position = fields.Integer(allow_none=True, metadata={"description": "Place in the chain of the project"})
    previous = fields.String(allow_none=True, metadata={"description": "Hash of the entry before"})
    hash = fields.String(allow_none=True, metadata={"description": "SHA-256 over entry, place and previous"})


class AuditPage(StrictSchema):
    """Entries, the latest first."""

    items = fields.List(fields.Nested(AuditEntrySchema))
    next_before = fields.Integer(allow_none=True, metadata={"description": "Ask with it for older ones"})


class AuditVerifyQuery(StrictSchema):
    """What is held against the chain."""

    expect = fields.String(
        load_default=None,
        validate=validate.Length(max=64),
        metadata={"description": "A head that was noted earlier: a chain cut short no longer holds it"},
    )


class AuditFaultSchema(StrictSchema):
    """One place at which the chain does not hold."""

    code = fields.String(
        metadata={"description": "changed, broken, missing, unsealed or strange_head"},
    )
    position = fields.Integer(allow_none=True)
    entry = fields.Integer(allow_none=True)
    message = fields.String()


class AuditVerification(StrictSchema):
    """What a walk along the chain has found."""

    project = fields.String()
    is_whole = fields.Boolean()
    n_entries = fields.Integer()
    head = fields.String(metadata={"description": "Hash of the last entry; keep it elsewhere"})
    n_faults = fields.Integer()
    faults = fields.List(
        fields.Nested(AuditFaultSchema), metadata={"description": "The first hundred of them"}
    )


class ProviderItem(StrictSchema):
    """One thing that was looked at."""

    key = fields.String()
    title = fields.String()
    state = fields.String(metadata={"description": "passed, failed or unknown"})
    why = fields.String()
    fix = fields.String()


class ProviderSchema(StrictSchema):
    """How people sign in through a provider of identities."""

    issuer = fields.String()
    client_id = fields.String()
    has_secret = fields.Boolean()
    title = fields.String()
    redirect_uri = fields.String(metadata={"description": "Register it at the provider"})
    is_set_up = fields.Boolean()
    items = fields.List(fields.Nested(ProviderItem))
