"""Schemas of what is done to experiments, and of what it means."""

from __future__ import annotations

from marshmallow import fields

from abplat.api.schemas.definitions import (
    DocumentSchema,
    StrictSchema,
    choice_field,
    key_field,
)
from abplat.domain.checklist import TICKS
from abplat.domain.conclusions import OUTCOMES
from abplat.domain.fields import MAX_TEXT
from abplat.domain.phases import PHASE_KINDS

_WEIGHTS = {"description": "Share of 10000 of every variant"}


class ActionSchema(DocumentSchema):
    """Base of the bodies of actions: the domain judges them once the experiment is found."""

    may_be_absent = True


class ReasonSchema(ActionSchema):
    """Why something is done."""

    reason = fields.String(
        metadata={"description": f"At most {MAX_TEXT} characters; kept in the audit trail"}
    )


class ConclusionSchema(ActionSchema):
    """What was learned, and what everybody gets from now on."""

    outcome = choice_field(OUTCOMES, "An A/A experiment is inconclusive, as it should be, or invalid")
    note = fields.String(metadata={"description": "What others should know"})
    shipped = key_field(allow_none=True)


class ConclusionStored(StrictSchema):
    """A conclusion with what it rests on."""

    outcome = choice_field(OUTCOMES, "How it ended")
    note = fields.String()
    shipped = key_field(allow_none=True)
    report = fields.String(allow_none=True, metadata={"description": "SHA-256 of the Report it rests on"})
    against_verdict = fields.Boolean(
        metadata={"description": "Whether something was shipped that the verdict does not support"}
    )


class PhaseSchema(ActionSchema):
    """A new phase of a running experiment."""

    reason = fields.String(required=True)
    weights = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata=_WEIGHTS)
    included = fields.Integer(metadata={"description": "Share of 10000; only grows, unless reset"})
    reset = fields.Boolean(metadata={"description": "Draw everybody anew with a new salt"})


class PhaseStored(StrictSchema):
    """One phase; it never changes."""

    number = fields.Integer()
    kind = choice_field(PHASE_KINDS, "What made it")
    salt = fields.String()
    weights = fields.Dict(keys=fields.String(), values=fields.Integer(), metadata=_WEIGHTS)
    included = fields.Integer()
    reason = fields.String()
    started_at = fields.AwareDateTime()
    counts_from = fields.AwareDateTime(
        metadata={"description": "Customers first exposed from here on belong to the analysis"}
    )


class PhaseList(StrictSchema):
    """All phases, oldest first."""

    items = fields.List(fields.Nested(PhaseStored))


class ApprovalSchema(ActionSchema):
    """Which step of the ramp is approved."""

    step = fields.Integer(required=True, metadata={"description": "ramp_step of the experiment"})


class CheckItemSchema(StrictSchema):
    """One item of the checklist."""

    key = fields.String()
    title = fields.String()
    state = choice_field(TICKS, "unknown is not failed")
    why = fields.String()
    fix = fields.String()
    is_blocking = fields.Boolean(metadata={"description": "A start is refused while it has failed"})


class Checklist(StrictSchema):
    """The checklist as it stands now."""

    items = fields.List(fields.Nested(CheckItemSchema))


class DeviationSchema(StrictSchema):
    """Something that was done otherwise than planned."""

    code = fields.String()
    at = fields.AwareDateTime()
    actor = fields.String()
    sentence = fields.String()


class DeviationList(StrictSchema):
    """All deviations, oldest first."""

    items = fields.List(fields.Nested(DeviationSchema))


class ConsequenceSchema(StrictSchema):
    """What one action means."""

    action = fields.String()
    states = fields.List(fields.String(), metadata={"description": "In which states it can be done"})
    flag = fields.String(metadata={"description": "What a decision answers afterwards"})
    customers = fields.String(metadata={"description": "What customers see"})
    exposures = fields.String()
    results = fields.String()
    resumable = fields.String()


class StateSchema(StrictSchema):
    """A state, and those that can follow."""

    state = fields.String()
    next = fields.List(fields.String())


class OutcomeSchema(StrictSchema):
    """How an experiment of a kind can end."""

    kind = fields.String()
    outcome = fields.String()
    sentence = fields.String()


class LifecycleAnswer(StrictSchema):
    """The life of an experiment as a table."""

    states = fields.List(fields.Nested(StateSchema))
    actions = fields.List(fields.Nested(ConsequenceSchema))
    outcomes = fields.List(fields.Nested(OutcomeSchema))
