"""Routes of the people of a project."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.people import InvitationSchema, InvitedSchema, MemberList, MemberSchema, RoleSchema
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.services import people

blueprint = ApiBlueprint("people", __name__, url_prefix="/v1/people", description="People of the project")


@blueprint.get("")
@require_key(ADMIN)
@blueprint.response(200, MemberList)
@blueprint.doc(operationId="list_people", summary="List the people of the project")
def list_() -> Answer:
    """Answer everybody who belongs to the project, with their roles."""
    return {"items": people.list_members(current_session(), g.key.project_key)}


@blueprint.post("")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.arguments(InvitationSchema)
@blueprint.response(201, InvitedSchema)
@blueprint.doc(operationId="invite_person", summary="Let somebody into the project")
def invite(document: dict[str, Any]) -> Answer:
    """Give somebody a role; who is new to abplat gets a one-time link."""
    now, by_admin = current_platform().clock(), g.key.person.is_admin
    invited = people.invite(current_session(), g.key.project_key, document, now=now, by_admin=by_admin)
    return {"member": invited.member, "link": make_link(invited.token)}


@blueprint.put("/<int:number>")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.arguments(RoleSchema)
@blueprint.response(200, MemberSchema)
@blueprint.doc(operationId="set_role", summary="Give somebody of the project another role")
def set_role(body: dict[str, Any], number: int) -> Answer:
    """Change the role of somebody who belongs to the project."""
    session, project = current_session(), g.key.project_key
    people.get_member(session, project, number)
    return people.set_role(session, project, number, body["role"], now=current_platform().clock())


@blueprint.delete("/<int:number>")
@require_key(ADMIN, role=ADMIN_ROLE, by_person=True)
@blueprint.response(204)
@blueprint.doc(operationId="remove_person", summary="Take somebody out of the project")
def remove(number: int) -> Answer:
    """End what somebody may do in the project."""
    people.remove(current_session(), g.key.project_key, number, now=current_platform().clock())
    return Response(status=204)


def make_link(token: str | None) -> str | None:
    """Return the address of a one-time link."""
    base = (current_platform().settings.public_url or request.host_url).rstrip("/")
    return f"{base}/welcome/{token}" if token else None
