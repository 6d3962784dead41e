"""Routes of identify, identity tokens, merge, split and conflicts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import g

from abplat.api.auth import KEY_IN_QUERY, require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.errors import STATUS
from abplat.api.schemas.identities import (
    ConflictsPage,
    ConflictsQuery,
    IdentifyBatchRequest,
    IdentifyBatchResponse,
    IdentifyRequest,
    IdentifyResponse,
    MergedResponse,
    MergeRequest,
    SplitRequest,
    TokenRequest,
    TokenResponse,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN, CLIENT, SERVER
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.domain.roles import ANALYST
from abplat.errors import AbplatError, NotAllowedError
from abplat.services import identities, identity_tokens, ledger
from abplat.services.identities import Desk
from abplat.services.ledger import Identified

blueprint = ApiBlueprint("identities", __name__, url_prefix="/v1", description="Who is who")


def make_desk() -> Desk:
    """Return what identify works with in this request."""
    platform, project = current_platform(), g.key.project_key
    document = platform.configurations.document(project)
    return Desk(
        intake=platform.intake,
        sessions=platform.sessions,
        project=project,
        configuration=document,
        clock=platform.clock,
        joined=lambda: platform.holdings.forget(project),
    )


@blueprint.post("/identify")
@require_key(SERVER, CLIENT, in_query=True)
@blueprint.arguments(IdentifyRequest)
@blueprint.response(200, IdentifyResponse)
@blueprint.doc(
    operationId="identify", summary="Join an anonymous id with a known one", parameters=[KEY_IN_QUERY]
)
def identify(document: Mapping[str, Any]) -> Answer:
    """Keep the join as a fact and answer the variants that hold for the customer from now on."""
    _require_proof(document)
    return identities.identify(make_desk(), document)._asdict()


@blueprint.post("/identify/batch")
@require_key(SERVER)
@blueprint.arguments(IdentifyBatchRequest)
@blueprint.response(200, IdentifyBatchResponse)
@blueprint.doc(operationId="identify_batch", summary="Join several pairs of ids")
def identify_batch(document: Mapping[str, Any]) -> Answer:
    """Judge each identification alone and keep the good ones in one transaction."""
    return {"results": [_describe(each) for each in identities.identify_batch(make_desk(), document)]}


@blueprint.post("/identity-tokens")
@require_key(SERVER, ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(TokenRequest)
@blueprint.response(200, TokenResponse)
@blueprint.doc(operationId="create_identity_token", summary="Sign a token that says who somebody is")
def create_token(document: Mapping[str, Any]) -> Answer:
    """Sign a token that carries an identity from page to app to agent desktop."""
    now = current_platform().clock()
    return identity_tokens.issue(current_session(), g.key.project_key, document, now=now)._asdict()


@blueprint.post("/identities/merge")
@require_key(ADMIN)
@blueprint.arguments(MergeRequest)
@blueprint.response(200, MergedResponse)
@blueprint.doc(operationId="merge_identities", summary="Let two ids be one customer")
def merge(document: Mapping[str, Any]) -> Answer:
    """Join two ids whatever the policy says; a split of the same two takes it back."""
    now = current_platform().clock()
    return identities.merge(current_session(), g.key.project_key, document, now=now)._asdict()


@blueprint.post("/identities/split")
@require_key(ADMIN)
@blueprint.arguments(SplitRequest)
@blueprint.response(200, MergedResponse)
@blueprint.doc(operationId="split_identities", summary="Take back the join of two ids")
def split(document: Mapping[str, Any]) -> Answer:
    """Take back a join, whoever made it; a merge of the same two restores it."""
    now = current_platform().clock()
    return identities.split(current_session(), g.key.project_key, document, now=now)._asdict()


@blueprint.get("/identities/conflicts")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(ConflictsQuery, location="query")
@blueprint.response(200, ConflictsPage)
@blueprint.doc(operationId="list_conflicts", summary="List assignments that gave way to earlier ones")
def list_conflicts(query: dict[str, Any]) -> Answer:
    """Answer conflicts, youngest first, each with both records."""
    connection = current_session().connection()
    found = ledger.list_conflicts(connection, g.key.project_key, **query)
    return {"items": found, "next": found[-1]["id"] if len(found) == query["limit"] else None}


def _require_proof(document: Mapping[str, Any]) -> None:
    """Let a client key, which is public, identify only whom a signed token names."""
    if g.key.kind == CLIENT and (not document.get("identity_token") or "known" in document):
        raise NotAllowedError(
            "a client key is public: send identity_token and not known, or use a server key"
        )


def _describe(answer: Identified | AbplatError) -> dict[str, Any]:
    """Describe one result of a batch."""
    if isinstance(answer, Identified):
        return {"status": 200, **answer._asdict()}
    errors = [problem._asdict() for problem in answer.problems]
    return {"status": STATUS[answer.code], "code": answer.code, "detail": answer.message, "errors": errors}
