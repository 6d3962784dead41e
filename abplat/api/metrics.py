"""Routes of metrics."""

from __future__ import annotations

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, make_blueprint
from abplat.api.schemas.definitions import DefinitionVersions
from abplat.api.schemas.metric_effects import MetricEffectList
from abplat.api.schemas.metrics import METRIC, KindList, MetricUses
from abplat.api.session import current_session
from abplat.domain.keys import ADMIN
from abplat.services import metric_effects, metrics

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


@blueprint.get("/<key>/effects")
@require_key(ADMIN)
@blueprint.response(200, MetricEffectList)
@blueprint.doc(operationId="list_metric_effects", summary="List what experiments did to a metric")
def list_effects(key: str) -> Answer:
    """Answer the effects that the latest report of each experiment tells, with the value in control."""
    found = metric_effects.list_effects(current_session(), g.key.project_key, key)
    return {"items": [each._asdict() for each in found]}
