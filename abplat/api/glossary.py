"""GET /v1/glossary: the words of the pages, in plain words."""

from __future__ import annotations

import marshmallow as ma

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.domain.glossary import TERMS
from abplat.domain.keys import ADMIN, CLIENT, SERVER

blueprint = ApiBlueprint("glossary", __name__, url_prefix="/v1/glossary", description="Words in plain words")


class TermSchema(StrictSchema):
    """One word."""

    key = ma.fields.String()
    title = ma.fields.String()
    meaning = ma.fields.String()
    why = ma.fields.String(metadata={"description": "What to do with it; may be empty"})
    see = ma.fields.List(ma.fields.String(), metadata={"description": "Keys of words that go with it"})


class TermList(StrictSchema):
    """All words."""

    items = ma.fields.List(ma.fields.Nested(TermSchema))


@blueprint.get("")
@require_key(CLIENT, SERVER, ADMIN)
@blueprint.response(200, TermList)
@blueprint.doc(operationId="list_terms", summary="Explain the words of pages and reports")
def list_() -> Answer:
    """Answer every word in plain words."""
    return {"items": [term._asdict() for term in TERMS]}
