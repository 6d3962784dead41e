"""Routes of reports: the stored document as it is, and the same as a table."""

from __future__ import annotations

import marshmallow as ma
from flask import Response, g, request

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.definitions import StrictSchema
from abplat.api.session import current_session
from abplat.db.models.reports import StoredReport
from abplat.domain.keys import ADMIN
from abplat.domain.report import decode_report
from abplat.services import reports
from abplat.services.notebook import write_notebook
from abplat.services.report_parquet import write_parquet
from abplat.services.report_parts import METRICS, PARTS, write_part

blueprint = ApiBlueprint("reports", __name__, url_prefix="/v1/experiments", description="Reports")


@blueprint.get("/<key>/report", defaults={"suffix": ""})
@blueprint.get("/<key>/report<any('.json', '.csv', '.parquet', '.ipynb'):suffix>")
@require_key(ADMIN)
@blueprint.doc(
    operationId="get_report",
    summary="Read the youngest report of an experiment",
    parameters=[
        {
            "name": "part",
            "in": "query",
            "schema": {"type": "string", "default": METRICS, "enum": [METRICS, *PARTS]},
            "description": "As CSV: the metric table, or a section of the report",
        },
        {
            "name": "hash",
            "in": "query",
            "schema": {"type": "string"},
            "description": "Which report: its hash, or eight letters of it; the youngest where left out",
        },
    ],
)
def get_report(key: str, suffix: str) -> Response:
    """Answer the Report as stored, byte for byte; as CSV one row per metric and variant, or one part of it."""
    session, project = current_session(), g.key.project_key
    wanted = request.args.get("hash")
    stored = (
        reports.find(session, project, key, wanted[:64]) if wanted else reports.get(session, project, key)
    )
    part = request.args.get("part", METRICS)
    response = _render(stored, part, suffix)
    response.set_etag(f"{stored.hash}{suffix}{'' if part == METRICS else '-' + part[:64]}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)  # type: ignore[return-value]


class LookSchema(StrictSchema):
    """One look at an experiment: a report that is kept."""

    hash = ma.fields.String(metadata={"description": "Names the report for ever"})
    as_of = ma.fields.AwareDateTime()
    created_at = ma.fields.AwareDateTime()


class LookList(StrictSchema):
    """The looks at an experiment."""

    items = ma.fields.List(ma.fields.Nested(LookSchema))


@blueprint.get("/<key>/reports")
@require_key(ADMIN)
@blueprint.response(200, LookList)
@blueprint.doc(operationId="list_reports", summary="List the reports of an experiment, youngest first")
def list_reports(key: str) -> Answer:
    """Answer every look that is kept, the last fifty; each can be read by its hash."""
    found = reports.list_(current_session(), g.key.project_key, key)
    return {"items": [{"hash": row.hash, "as_of": row.as_of, "created_at": row.created_at} for row in found]}


def _render(stored: StoredReport, part: str, suffix: str) -> Response:
    """Write a report in the format that the end of the address names."""
    if suffix == ".csv":
        return _as_csv(stored, part)
    if suffix == ".parquet":
        table = write_parquet(decode_report(stored.document))
        named = {"Content-Disposition": f'attachment; filename="{stored.experiment}.parquet"'}
        return Response(table, mimetype="application/vnd.apache.parquet", headers=named)
    if suffix == ".ipynb":
        text = write_notebook(decode_report(stored.document), stored.hash)
        named = {"Content-Disposition": f'attachment; filename="{stored.experiment}.ipynb"'}
        return Response(text, mimetype="application/x-ipynb+json", headers=named)
    return Response(stored.document, mimetype="application/json")


def _as_csv(stored: StoredReport, part: str) -> Response:
    """Write a part of a report as a table that a spreadsheet opens without running anything."""
    table = write_part(decode_report(stored.document), part)
    response = Response(table.encode(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{stored.experiment}.csv"'
    return response
