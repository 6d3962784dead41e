"""Routes of metrics."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.definitions import DefinitionVersions
from abplat.api.schemas.metric_effects import MetricEffectList
from abplat.api.schemas.metrics import (
    METRIC,
    HistoryQueued,
    HistoryRequestSchema,
    KindList,
    MetricHistorySchema,
    MetricUses,
    StandingList,
    StandingRequest,
    StandingSchema,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import APPROVER
from abplat.services import metric_effects, metric_standings, metrics

blueprint = make_blueprint("metrics", metrics, METRIC)


@blueprint.get("/kinds")
@require_key(ADMIN)
@blueprint.response(200, KindList)
@blueprint.doc(operationId="list_metric_kinds", summary="List the kinds of metrics")
def list_kinds() -> Answer:
    """Answer what each kind counts, over whom, how it is compared, and its default margin."""
    return {"items": metrics.list_kinds()}


@blueprint.get("/<key>/versions")
@require_key(ADMIN)
@blueprint.response(200, DefinitionVersions)
@blueprint.doc(operationId="list_metric_versions", summary="List the versions of a metric")
def list_versions(key: str) -> Answer:
    """Answer every version, oldest first."""
    return {"items": metrics.list_versions(current_session(), g.key.project_key, key)}


@blueprint.get("/<key>/uses")
@require_key(ADMIN)
@blueprint.response(200, MetricUses)
@blueprint.doc(operationId="list_metric_uses", summary="List what uses a metric")
def list_uses(key: str) -> Answer:
    """Answer the experiments, templates and composites that count it."""
    return {"items": metrics.list_uses(current_session(), g.key.project_key, key)}


@blueprint.post("/<key>/history")
@require_key(ADMIN)
@blueprint.arguments(HistoryRequestSchema)
@blueprint.response(202, HistoryQueued)
@blueprint.doc(operationId="request_metric_history", summary="Ask what the past says of a metric")
def request_history(document: dict[str, Any], key: str) -> Answer:
    """Queue the reading; asking again while one waits changes nothing."""
    session, now = current_session(), current_platform().clock()
    return {"job": metrics.request_history(session, g.key.project_key, key, document, now=now)}


@blueprint.get("/<key>/history")
@require_key(ADMIN)
@blueprint.response(200, MetricHistorySchema)
@blueprint.doc(operationId="get_metric_history", summary="Read what the past says of a metric")
def get_history(key: str) -> Answer:
    """Answer what the worker found last: trend, noise, sensitivity, false positives."""
    return metrics.get_history(current_session(), g.key.project_key, key)


@blueprint.get("/<key>/effects")
@require_key(ADMIN)
@blueprint.response(200, MetricEffectList)
@blueprint.doc(operationId="list_metric_effects", summary="List what experiments did to a metric")
def list_effects(key: str) -> Answer:
    """Answer the effects that the latest report of each experiment tells, with the value in control."""
    found = metric_effects.list_effects(current_session(), g.key.project_key, key)
    return {"items": [each._asdict() for each in found]}


@blueprint.get("/standings")
@require_key(ADMIN)
@blueprint.response(200, StandingList)
@blueprint.doc(operationId="list_metric_standings", summary="List which metrics are certified")
def list_standings() -> Answer:
    """Answer of every metric whether it is a draft, certified or retired, by whom and since when."""
    found = metric_standings.list_(current_session(), g.key.project_key)
    return {"items": [{"metric": key, **each._asdict()} for key, each in found.items()]}


@blueprint.get("/<key>/standing")
@require_key(ADMIN)
@blueprint.response(200, StandingSchema)
@blueprint.doc(operationId="get_metric_standing", summary="Say whether a metric is certified")
def get_standing(key: str) -> Answer:
    """Answer whether a metric is a draft, certified or retired, by whom and since when."""
    return {"metric": key, **metric_standings.get(current_session(), g.key.project_key, key)._asdict()}


@blueprint.put("/<key>/standing")
@require_key(ADMIN, role=APPROVER)
@blueprint.arguments(StandingRequest)
@blueprint.response(200, StandingSchema)
@blueprint.doc(operationId="put_metric_standing", summary="Certify or retire a metric")
def put_standing(document: dict[str, Any], key: str) -> Answer:
    """Say of a metric as it is defined now that it is a draft, certified or retired; audited."""
    session, now = current_session(), current_platform().clock()
    found = metric_standings.put(session, g.key.project_key, key, document, now=now)
    return {"metric": key, **found._asdict()}
