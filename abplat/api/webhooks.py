"""Routes of webhooks."""

from __future__ import annotations

from typing import Any

from flask import Response, g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.webhooks import (
    DeliveryList,
    DeliverySchema,
    NewWebhook,
    WebhookChange,
    WebhookList,
    WebhookRequest,
    WebhookSchema,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.services import webhooks

blueprint = ApiBlueprint("webhooks", __name__, url_prefix="/v1", description="Messages to elsewhere")


@blueprint.get("/webhooks")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(200, WebhookList)
@blueprint.doc(operationId="list_webhooks", summary="List the webhooks")
def list_() -> Answer:
    """Answer the webhooks of the project, without their secrets."""
    return {"items": webhooks.list_(current_session(), g.key.project_key)}


@blueprint.post("/webhooks")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(WebhookRequest)
@blueprint.response(201, NewWebhook)
@blueprint.doc(operationId="create_webhook", summary="Add a webhook")
def create(document: dict[str, Any]) -> Answer:
    """Add a webhook; its secret is shown once."""
    now = current_platform().clock()
    return webhooks.create(current_session(), g.key.project_key, document, now=now)


@blueprint.patch("/webhooks/<int:number>")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(WebhookChange)
@blueprint.response(200, WebhookSchema)
@blueprint.doc(operationId="update_webhook", summary="Change a webhook")
def update(document: dict[str, Any], number: int) -> Answer:
    """Change where to send what."""
    now = current_platform().clock()
    return webhooks.update(current_session(), g.key.project_key, number, document, now=now)


@blueprint.delete("/webhooks/<int:number>")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(204)
@blueprint.doc(operationId="remove_webhook", summary="Take a webhook out of use")
def remove(number: int) -> Answer:
    """Send nothing more there; the log stays."""
    webhooks.remove(current_session(), g.key.project_key, number, now=current_platform().clock())
    return Response(status=204)


@blueprint.post("/webhooks/<int:number>/test")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(202, DeliverySchema)
@blueprint.doc(operationId="test_webhook", summary="Send a test message")
def try_out(number: int) -> Answer:
    """Queue a test message; the log says what became of it."""
    return webhooks.try_out(current_session(), g.key.project_key, number, now=current_platform().clock())


@blueprint.get("/webhooks/<int:number>/deliveries")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(200, DeliveryList)
@blueprint.doc(operationId="list_webhook_deliveries", summary="List what was sent to a webhook")
def list_of_webhook(number: int) -> Answer:
    """Answer the last messages to a webhook, the latest first."""
    return {"items": webhooks.list_deliveries(current_session(), g.key.project_key, number)}


@blueprint.get("/deliveries")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.response(200, DeliveryList)
@blueprint.doc(operationId="list_deliveries", summary="List what was sent, by webhook and by mail")
def list_deliveries() -> Answer:
    """Answer the last messages of the project, the latest first."""
    return {"items": webhooks.list_deliveries(current_session(), g.key.project_key)}
