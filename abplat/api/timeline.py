"""GET /v1/timeline: the experiments over time, and which of them collide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import marshmallow as ma
from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.services import timelines
from abplat.services.annotations import list_between

blueprint = ApiBlueprint("timeline", __name__, url_prefix="/v1/timeline", description="Experiments over time")


class TimelineQuery(StrictSchema):
    """Between when."""

    since = ma.fields.AwareDateTime(
        load_default=None, metadata={"description": "13 weeks ago where left out"}
    )
    until = ma.fields.AwareDateTime(load_default=None, metadata={"description": "In 8 weeks where left out"})


class SpanSchema(StrictSchema):
    """One experiment over time."""

    key = ma.fields.String()
    title = ma.fields.String()
    state = ma.fields.String()
    journey = ma.fields.String()
    begins = ma.fields.AwareDateTime()
    ends = ma.fields.AwareDateTime(allow_none=True, metadata={"description": "As it was or is planned"})
    is_planned = ma.fields.Boolean()
    layer = ma.fields.String(allow_none=True)
    slot = ma.fields.List(ma.fields.Integer(), allow_none=True)
    included = ma.fields.Integer()
    touchpoints = ma.fields.List(ma.fields.String())
    owner = ma.fields.String()


class CollisionSchema(StrictSchema):
    """Two experiments that may spoil or strengthen each other."""

    first = ma.fields.String()
    second = ma.fields.String()
    journey = ma.fields.String()
    begins = ma.fields.AwareDateTime()
    ends = ma.fields.AwareDateTime(allow_none=True)
    touchpoints = ma.fields.List(ma.fields.String())
    share = ma.fields.Float(metadata={"description": "Of customers in both, targeting aside"})
    sentence = ma.fields.String()


class HappeningSchema(StrictSchema):
    """Something else that happened: a release, an outage, a campaign."""

    key = ma.fields.String()
    title = ma.fields.String()
    kind = ma.fields.String()
    starts = ma.fields.AwareDateTime()
    ends = ma.fields.AwareDateTime(allow_none=True)
    channel = ma.fields.String(allow_none=True)
    touchpoint = ma.fields.String(allow_none=True)
    text = ma.fields.String()


class TimelineSchema(StrictSchema):
    """Experiments over time and their collisions."""

    experiments = ma.fields.List(ma.fields.Nested(SpanSchema))
    collisions = ma.fields.List(ma.fields.Nested(CollisionSchema))
    annotations = ma.fields.List(ma.fields.Nested(HappeningSchema))


@blueprint.get("")
@require_key(ADMIN)
@blueprint.arguments(TimelineQuery, location="query")
@blueprint.response(200, TimelineSchema)
@blueprint.doc(operationId="get_timeline", summary="List experiments over time, and which of them collide")
def get(query: dict[str, Any]) -> Answer:
    """Answer what ran, runs and is planned between two instants."""
    now = current_platform().clock()
    since, until = query["since"] or now - timedelta(weeks=13), query["until"] or now + timedelta(weeks=8)
    session, project = current_session(), g.key.project_key
    found = timelines.list_timeline(session, project, since=since, until=until, now=now)
    return {
        "experiments": [each._asdict() for each in found.spans],
        "collisions": [each._asdict() for each in found.collisions],
        "annotations": [each._asdict() for each in list_between(session, project, since=since, until=until)],
    }
