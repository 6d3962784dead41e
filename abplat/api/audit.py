"""Routes of the audit trail: reading only; nobody can write it but by doing something."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.people import AuditPage, AuditQuery, AuditVerification, AuditVerifyQuery
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ANALYST
from abplat.services import audit_trail
from abplat.services.audit_trail import AuditFilter

blueprint = ApiBlueprint("audit", __name__, url_prefix="/v1", description="Who did what, when")


@blueprint.get("/audit")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, AuditPage)
@blueprint.doc(operationId="list_audit", summary="Read the audit trail")
def list_(query: dict[str, Any]) -> Answer:
    """Answer what was done in the project, the latest first, with before and after."""
    limit = query["limit"]
    found = audit_trail.list_(current_session(), g.key.project_key, _filter(query), limit=limit)
    return {"items": found, "next_before": found[-1]["id"] if len(found) == limit else None}


@blueprint.get("/audit.csv")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, {"type": "string"}, content_type="text/csv")
@blueprint.doc(operationId="export_audit_csv", summary="Read the audit trail as a table")
def export_csv(query: dict[str, Any]) -> Response:
    """Answer up to 100,000 entries, one per row; no cell can run as a formula."""
    return _file(audit_trail.write_csv(_list_all(query)), "text/csv; charset=utf-8")


@blueprint.get("/audit.jsonl")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, {"type": "string"}, content_type="application/x-ndjson")
@blueprint.doc(operationId="export_audit_jsonl", summary="Read the audit trail as JSON, one object per line")
def export_jsonl(query: dict[str, Any]) -> Response:
    """Answer up to 100,000 entries, one JSON object per line."""
    return _file(audit_trail.write_json(_list_all(query)), "application/x-ndjson")


@blueprint.get("/audit/verify")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(AuditVerifyQuery, location="query")
@blueprint.response(200, AuditVerification)
@blueprint.doc(operationId="verify_audit", summary="Check the chain of the audit trail")
def verify(query: dict[str, Any]) -> Answer:
    """Walk along the chain of the project; faults name what was changed, removed or slipped in."""
    found = audit_trail.verify(current_session(), g.key.project_key, expected=query["expect"])
    return {**msgspec.to_builtins(found), "is_whole": found.is_whole}


def _file(body: str | bytes, kind: str) -> Response:
    """Answer with a file that says where the chain stands: ``Abplat-Audit-Head: POSITION HASH``."""
    head = audit_trail.read_head(current_session(), g.key.project_key)
    return Response(
        body, content_type=kind, headers={"Abplat-Audit-Head": f"{head['position']} {head['head']}"}
    )


def _list_all(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all that a file holds."""
    wanted = _filter(query)
    return audit_trail.list_(current_session(), g.key.project_key, wanted, limit=audit_trail.MAX_EXPORTED)


def _filter(query: dict[str, Any]) -> AuditFilter:
    """Read which entries are wanted."""
    names = ("actor", "verb", "noun", "key", "since", "until")
    return AuditFilter(**{name: query[name] for name in names}, before_id=query["before"])
