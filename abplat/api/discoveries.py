"""Routes of discoveries: ask for a look at the events, read what it found; the worker looks."""

from __future__ import annotations

from flask import g
from marshmallow import fields

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ANALYST
from abplat.services import discoveries

blueprint = ApiBlueprint("discoveries", __name__, url_prefix="/v1", description="Discoveries")


class DiscoveryQueued(StrictSchema):
    """The job that will look."""

    job = fields.Integer(metadata={"description": "Number of the job"})


class EndPointSchema(StrictSchema):
    """An event that customers begin or end with."""

    event = fields.String()
    n = fields.Integer(metadata={"description": "Episodes that begin, or end, with it"})
    n_with = fields.Integer(metadata={"description": "Episodes that contain it"})


class FrequentPathSchema(StrictSchema):
    """A sequence of events without consecutive repeats."""

    events = fields.List(fields.String())
    n = fields.Integer()


class ProposalSchema(StrictSchema):
    """A typical journey as a definition ready to edit."""

    definition = fields.Dict(metadata={"description": "A journey as POST /v1/journeys takes it"})
    n_started = fields.Integer()
    n_completed = fields.Integer()
    median_seconds = fields.Float(allow_none=True)
    why = fields.String()


class UnknownTouchpointSchema(StrictSchema):
    """A kind of event that the registry does not know."""

    event = fields.String()
    channel = fields.String(allow_none=True)
    n_events = fields.Integer()
    n_ids = fields.Integer()
    first_at = fields.String()
    last_at = fields.String()
    journeys = fields.List(fields.String(), metadata={"description": "Journeys that read it all the same"})


class UnregisteredSchema(UnknownTouchpointSchema):
    """The same with a definition to edit."""

    definition = fields.Dict(
        allow_none=True, metadata={"description": "A touchpoint as POST /v1/touchpoints takes it"}
    )


class DiscoverySchema(StrictSchema):
    """What one look at the events found."""

    project = fields.String()
    as_of = fields.String()
    since = fields.String(allow_none=True)
    created_at = fields.AwareDateTime()
    n_customers = fields.Integer()
    n_events = fields.Integer()
    n_episodes = fields.Integer()
    is_sample = fields.Boolean()
    entries = fields.List(fields.Nested(EndPointSchema))
    ends = fields.List(fields.Nested(EndPointSchema))
    paths = fields.List(fields.Nested(FrequentPathSchema))
    proposals = fields.List(fields.Nested(ProposalSchema))
    unknown_touchpoints = fields.List(fields.Nested(UnknownTouchpointSchema))


class UnregisteredPage(StrictSchema):
    """Kinds of events that the registry does not know, frequent ones first."""

    as_of = fields.String()
    created_at = fields.AwareDateTime()
    items = fields.List(fields.Nested(UnregisteredSchema))


@blueprint.post("/discoveries")
@require_key(ADMIN, role=ANALYST)
@blueprint.response(202, DiscoveryQueued)
@blueprint.doc(operationId="create_discovery", summary="Ask for journeys and touchpoints found in the events")
def create() -> Answer:
    """Queue a look at the events; asking again while one waits changes nothing."""
    session, now = current_session(), current_platform().clock()
    return {"job": discoveries.request(session, g.key.project_key, now=now)}


@blueprint.get("/discoveries/latest")
@require_key(ADMIN)
@blueprint.response(200, DiscoverySchema)
@blueprint.doc(operationId="get_discovery", summary="Read what was found in the events last")
def get() -> Answer:
    """Answer entries, ends, frequent paths, proposed journeys and unknown touchpoints."""
    return discoveries.get(current_session(), g.key.project_key)


@blueprint.get("/unknown-touchpoints")
@require_key(ADMIN)
@blueprint.response(200, UnregisteredPage)
@blueprint.doc(operationId="list_unknown_touchpoints", summary="List kinds of events that the registry lacks")
def list_unknown() -> Answer:
    """Answer what the last look found and nobody has registered since."""
    return discoveries.list_unknown(current_session(), g.key.project_key)
