"""Routes of journeys."""

from __future__ import annotations

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.journeys import JOURNEY, JourneyVersions, KpiLedger
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.services import journeys, kpi_ledger

blueprint = make_blueprint("journeys", journeys, JOURNEY)


@blueprint.get("/<key>/versions")
@require_key(ADMIN)
@blueprint.response(200, JourneyVersions)
@blueprint.doc(operationId="list_journey_versions", summary="List the versions of a journey")
def list_versions(key: str) -> Answer:
    """Answer every version, oldest first: a result names the one it was made with."""
    return {"items": journeys.list_versions(current_session(), g.key.project_key, key)}


@blueprint.get("/<key>/kpi-ledger")
@require_key(ADMIN)
@blueprint.response(200, KpiLedger)
@blueprint.doc(operationId="get_kpi_ledger", summary="Say how often each KPI agreed with the journey")
def get_kpi_ledger(key: str) -> Answer:
    """Answer a row per KPI, over the youngest report of every past experiment on the journey."""
    return {"items": kpi_ledger.read_ledger(current_session(), g.key.project_key, key)}
