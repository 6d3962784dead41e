"""Routes of reports: the stored document as it is, and the same as a table."""

from __future__ import annotations

from flask import Response, g, request

from abplat.api.auth import require_key
from abplat.api.definitions import ApiBlueprint
from abplat.api.session import current_session
from abplat.db.models.reports import StoredReport
from abplat.domain.keys import ADMIN
from abplat.domain.report import decode_report
from abplat.services import reports
from abplat.services.report_sections import METRICS
from abplat.services.report_table import write_csv

blueprint = ApiBlueprint("reports", __name__, url_prefix="/v1/experiments", description="Reports")


@blueprint.get("/<key>/report", defaults={"suffix": ""})
@blueprint.get("/<key>/report<any('.json', '.csv'):suffix>")
@require_key(ADMIN)
@blueprint.doc(operationId="get_report", summary="Read the youngest report of an experiment")
def get_report(key: str, suffix: str) -> Response:
    """Answer the Report as stored, byte for byte; as CSV one row per metric and variant, or another table."""
    session, project = current_session(), g.key.project_key
    stored = reports.get(session, project, key)
    table = request.args.get("table", METRICS)
    response = (
        _as_csv(stored, table) if suffix == ".csv" else Response(stored.document, mimetype="application/json")
    )
    response.set_etag(f"{stored.hash}{suffix}" if table == METRICS else f"{stored.hash}.{table}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)  # type: ignore[return-value]


def _as_csv(stored: StoredReport, name: str) -> Response:
    """Write a table of a report that a spreadsheet opens without running anything."""
    table = write_csv(decode_report(stored.document), name)
    response = Response(table.encode(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{stored.experiment}.csv"'
    return response
