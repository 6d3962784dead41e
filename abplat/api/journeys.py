"""Routes of journeys."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import g
from sqlalchemy.orm import Session

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.journeys import (
    JOURNEY,
    CountQuery,
    CountRequest,
    CountStored,
    JourneyVersions,
    KpiLedger,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.catalogue import JOURNEYS
from abplat.domain.journey_counts import CountOptions, parse_options
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ANALYST
from abplat.errors import NotFoundError
from abplat.services import journey_counts, journeys, kpi_ledger
from abplat.services.definitions import load_entries

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


@blueprint.post("/<key>/counts")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(CountRequest, required=False)
@blueprint.response(202, CountStored)
@blueprint.doc(operationId="count_journey", summary="Ask for counts of everybody on a journey")
def ask_counts(body: dict[str, Any], key: str) -> Answer:
    """Queue the count of the last days, of a segment, or of what began in one channel; the worker counts."""
    session, project = current_session(), g.key.project_key
    journey, options = _find(session, project, key), parse_options(body)
    journey_counts.ask(session, project, journey, now=current_platform().clock(), options=options)
    return _describe(session, project, journey, options)


@blueprint.get("/<key>/counts")
@require_key(ADMIN)
@blueprint.arguments(CountQuery, location="query")
@blueprint.response(200, CountStored)
@blueprint.doc(operationId="get_journey_counts", summary="Read counts of everybody on a journey")
def get_counts(query: dict[str, Any], key: str) -> Answer:
    """Answer the counts that were asked for with the same options."""
    session, project = current_session(), g.key.project_key
    return _describe(session, project, _find(session, project, key), parse_options(query))


def _find(session: Session, project: str, key: str) -> dict[str, Any]:
    """Return the definition of a journey that is in use."""
    journey = load_entries(session, project)[JOURNEYS].get(key)
    if journey is None:
        raise NotFoundError(f"this project has no journey {key[:64]!r}")
    return journey


def _describe(session: Session, project: str, journey: dict[str, Any], options: CountOptions) -> Answer:
    """Describe counts as they stand."""
    found = journey_counts.find(session, project, journey, options)
    if found is None:
        raise NotFoundError("nobody has asked for these counts yet; POST the same options first")
    return {**found._asdict(), "counts": msgspec.to_builtins(found.counts)}
