"""Routes of reports: the stored document as it is, and the same as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from flask import Response, g, request

from abplat.api.auth import require_key
from abplat.api.definitions import ApiBlueprint
from abplat.api.session import current_session
from abplat.db.models.reports import StoredReport
from abplat.domain.keys import ADMIN
from abplat.domain.report import Effect, MetricResult, Report, VariantValue, decode_report
from abplat.services import reports

blueprint = ApiBlueprint("reports", __name__, url_prefix="/v1/experiments", description="Reports")

COLUMNS = (
    "experiment", "as_of", "metric", "title", "kind", "role", "direction", "unit", "variant", "n", "total",
    "value", "effect", "se", "ci_lower", "ci_upper", "rel_effect", "rel_ci_lower", "rel_ci_upper", "p_value",
    "verdict", "method", "reason",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@blueprint.get("/<key>/report", defaults={"suffix": ""})
@blueprint.get("/<key>/report<any('.json', '.csv'):suffix>")
@require_key(ADMIN)
@blueprint.doc(operationId="get_report", summary="Read the youngest report of an experiment")
def get_report(key: str, suffix: str) -> Response:
    """Answer the Report as stored, byte for byte; as CSV one row per metric and variant."""
    session, project = current_session(), g.key.project_key
    stored = reports.get(session, project, key)
    response = _as_csv(stored) if suffix == ".csv" else Response(stored.document, mimetype="application/json")
    response.set_etag(f"{stored.hash}{suffix}")
    response.headers["Cache-Control"] = "private, no-cache"
    return response.make_conditional(request)  # type: ignore[return-value]


def _as_csv(stored: StoredReport) -> Response:
    """Write the metrics of a report as a table that a spreadsheet opens without running anything."""
    sheet = io.StringIO(newline="")
    writer = csv.writer(sheet)
    writer.writerow(COLUMNS)
    writer.writerows(_rows(decode_report(stored.document)))
    response = Response(sheet.getvalue().encode(), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{stored.experiment}.csv"'
    return response


def _rows(report: Report) -> Iterator[list[Any]]:
    """Yield a row per metric and variant."""
    for metric in report.metrics:
        effects = {effect.variant: effect for effect in metric.effects}
        for value in metric.values:
            yield [_cell(entry) for entry in _row(report, metric, value, effects.get(value.variant))]


def _row(report: Report, metric: MetricResult, value: VariantValue, effect: Effect | None) -> list[Any]:
    """Return the cells of one metric in one arm; the control has no effect."""
    left: list[Any] = [report.experiment.key, report.inputs.as_of, metric.key, metric.title, metric.kind, metric.role]
    left += [metric.direction, metric.unit, value.variant, value.n, value.total, value.value]
    names = COLUMNS[len(left) : -1]
    right = [getattr(effect, name) if effect else None for name in names]
    return [*left, *right, value.reason or (effect.reason if effect else None)]


def _cell(entry: Any) -> Any:
    """Return a cell; a text that a spreadsheet would run is marked as text."""
    return f"'{entry}" if isinstance(entry, str) and entry.startswith(_FORMULA) else entry
