"""Routes of projects."""

from __future__ import annotations

from typing import Any

from flask import g, url_for

from abplat.api.auth import require_key
from abplat.api.definitions import IF_MATCH, Answer, ApiBlueprint, tagged
from abplat.api.etags import expected_revision, make_etag
from abplat.api.schemas.definitions import PageQuery
from abplat.api.schemas.projects import (
    NewProjectResponse,
    ProjectChange,
    ProjectPage,
    ProjectRequest,
    ProjectResponse,
)
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ADMIN as ADMIN_ROLE
from abplat.errors import NotAllowedError, NotFoundError
from abplat.services import keys, projects

blueprint = ApiBlueprint("projects", __name__, url_prefix="/v1/projects", description="Projects")


def _own(key: str) -> str:
    """Return the key of a project if it is the caller's own; any other is not there."""
    if key != g.key.project_key:
        raise NotFoundError(f"there is no project {key[:64]!r}")
    return key


@blueprint.get("")
@require_key(ADMIN)
@blueprint.arguments(PageQuery, location="query")
@blueprint.response(200, ProjectPage)
@blueprint.doc(operationId="list_projects", summary="List the projects of the key")
def list_(query: dict[str, Any]) -> Answer:  # noqa: ARG001  # there is one page, but its query is checked
    """Answer the one project that the key belongs to."""
    return {"items": [projects.get(current_session(), g.key.project_key)], "next_cursor": None}


@blueprint.post("")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(ProjectRequest)
@blueprint.response(201, NewProjectResponse)
@blueprint.doc(operationId="create_project", summary="Create a project")
def create(document: dict[str, Any]) -> Answer:
    """Create a project with its first admin key, which is shown once."""
    if g.key.project_key != projects.BOOTSTRAP:
        message = f"only an admin key of the project {projects.BOOTSTRAP} may create projects"
        raise NotAllowedError(message)
    session, now = current_session(), current_platform().clock()
    created = projects.create(session, document, now=now)
    token = keys.create(session, created["key"], ADMIN, now=now).token
    headers = {
        "ETag": make_etag(created["revision"]),
        "Location": url_for("projects.get", key=created["key"]),
    }
    return {**created, "admin_key": token}, 201, headers


@blueprint.get("/<key>")
@require_key(ADMIN)
@blueprint.response(200, ProjectResponse)
@blueprint.doc(operationId="get_project", summary="Read a project")
def get(key: str) -> Answer:
    """Answer the project of the key."""
    return tagged(projects.get(current_session(), _own(key)))


@blueprint.patch("/<key>")
@require_key(ADMIN, role=ADMIN_ROLE)
@blueprint.arguments(ProjectChange(partial=True))
@blueprint.response(200, ProjectResponse)
@blueprint.doc(operationId="update_project", summary="Change a project", parameters=[IF_MATCH])
def update(changes: dict[str, Any], key: str) -> Answer:
    """Change the title."""
    revision = expected_revision()
    session, now = current_session(), current_platform().clock()
    return tagged(projects.update(session, _own(key), changes, now=now, revision=revision))
