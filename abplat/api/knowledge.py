"""GET /v1/knowledge: what was learned from experiments that are over."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema, text_field
from abplat.api.session import current_session
from abplat.domain.conclusions import OUTCOMES
from abplat.domain.keys import ADMIN
from abplat.services import knowledge
from abplat.services.knowledge import Search

blueprint = ApiBlueprint("knowledge", __name__, url_prefix="/v1/knowledge", description="What was learned")


class KnowledgeQuery(StrictSchema):
    """What is looked for."""

    q = text_field(
        "Words; each must begin some word of title, hypothesis, note, metrics, journey or owner",
        load_default="",
    )
    outcome = ma.fields.String(load_default="", validate=ma.validate.OneOf(("", *OUTCOMES)))
    journey = text_field("Key of a journey", load_default="")
    metric = text_field("Key of a metric", load_default="")
    owner = text_field("Who answered for it", load_default="")
    like = text_field("Key of an experiment: those that resemble it", load_default="")
    limit = ma.fields.Integer(load_default=20, validate=ma.validate.Range(1, knowledge.MOST))
    offset = ma.fields.Integer(load_default=0, validate=ma.validate.Range(0, 1_000_000))


class LessonSchema(StrictSchema):
    """What was learned from one experiment."""

    key = ma.fields.String()
    title = ma.fields.String()
    owner = ma.fields.String()
    hypothesis = ma.fields.String()
    journey = ma.fields.String()
    journey_title = ma.fields.String()
    outcome = ma.fields.String()
    note = ma.fields.String(metadata={"description": "What was learned, in words"})
    shipped = ma.fields.String(allow_none=True)
    against_verdict = ma.fields.Boolean()
    concluded_at = ma.fields.AwareDateTime()
    metrics = ma.fields.List(ma.fields.String())
    verdict = ma.fields.String(allow_none=True, metadata={"description": "Of the report it rests on"})
    goal = ma.fields.String(allow_none=True)
    rel_effect = ma.fields.Float(allow_none=True, metadata={"description": "On the goal, as a share"})
    rel_ci_lower = ma.fields.Float(allow_none=True)
    rel_ci_upper = ma.fields.Float(allow_none=True)


class LessonsPage(StrictSchema):
    """Lessons, the best answers first, and how many there are."""

    items = ma.fields.List(ma.fields.Nested(LessonSchema))
    total = ma.fields.Integer()


@blueprint.get("")
@require_key(ADMIN)
@blueprint.arguments(KnowledgeQuery, location="query")
@blueprint.response(200, LessonsPage)
@blueprint.doc(operationId="search_knowledge", summary="Search what was learned")
def search(query: dict[str, Any]) -> Answer:
    """Answer concluded experiments with their lesson and the effect on their goal."""
    limit, offset = query.pop("limit"), query.pop("offset")
    wanted = Search(text=query.pop("q"), **query)
    found = knowledge.search(current_session(), g.key.project_key, wanted, limit=limit, offset=offset)
    return {"items": [each._asdict() for each in found.lessons], "total": found.total}
