"""The routes that every noun has; the module of each noun makes its blueprint here."""

from __future__ import annotations

from types import ModuleType
from typing import Any, TypeAlias

from flask import g, url_for
from flask_smorest import Blueprint

from abplat.api.auth import require_key
from abplat.api.etags import expected_revision, make_etag
from abplat.api.pages import describe_page, read_cursor
from abplat.api.parser import StrictParser
from abplat.api.schemas.definitions import NounSchemas, PageQuery
from abplat.api.session import current_platform, current_session
from abplat.domain.keys import ADMIN

Answer: TypeAlias = Any

IF_MATCH = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag that was read, or *",
}


class ApiBlueprint(Blueprint):
    """A blueprint that reads bodies and queries strictly."""

    ARGUMENTS_PARSER = StrictParser()


def tagged(document: dict[str, Any]) -> tuple[dict[str, Any], int, dict[str, str]]:
    """Answer a definition with its ETag."""
    return document, 200, {"ETag": make_etag(document["revision"])}


def make_blueprint(noun: str, service: ModuleType, schemas: NounSchemas) -> ApiBlueprint:
    """Make list, create, read, change and archive of a noun."""
    blueprint = ApiBlueprint(
        noun, f"abplat.api.{noun}", url_prefix=f"/v1/{noun}", description=noun.capitalize()
    )
    word = noun.removesuffix("s")
    _add_collection(blueprint, service, schemas, word)
    _add_item(blueprint, service, schemas, word)
    _add_archive(blueprint, service, schemas, word)
    return blueprint


def _add_collection(blueprint: ApiBlueprint, service: ModuleType, schemas: NounSchemas, word: str) -> None:
    """Add list and create."""

    @blueprint.get("")
    @require_key(ADMIN)
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, schemas.page)
    @blueprint.doc(operationId=f"list_{word}s", summary=f"List the {word}s")
    def list_(query: dict[str, Any]) -> Answer:
        """Answer a page in the order of keys, without archived ones."""
        after = read_cursor(query["cursor"])
        page = service.list_(current_session(), g.key.project_key, after=after, limit=query["limit"])
        return describe_page(page)

    @blueprint.post("")
    @require_key(ADMIN)
    @blueprint.arguments(schemas.request)
    @blueprint.response(201, schemas.response)
    @blueprint.doc(operationId=f"create_{word}", summary=f"Create a {word}")
    def create(document: dict[str, Any]) -> Answer:
        """Create one; every fault of the document is listed."""
        created = service.create(
            current_session(), g.key.project_key, document, now=current_platform().clock()
        )
        location = url_for(f"{blueprint.name}.get", key=created["key"])
        return created, 201, {"ETag": make_etag(created["revision"]), "Location": location}


def _add_item(blueprint: ApiBlueprint, service: ModuleType, schemas: NounSchemas, word: str) -> None:
    """Add read and change."""

    @blueprint.get("/<key>")
    @require_key(ADMIN)
    @blueprint.response(200, schemas.response)
    @blueprint.doc(operationId=f"get_{word}", summary=f"Read a {word}")
    def get(key: str) -> Answer:
        """Answer one with its ETag, archived ones too."""
        return tagged(service.get(current_session(), g.key.project_key, key))

    @blueprint.patch("/<key>")
    @require_key(ADMIN)
    @blueprint.arguments(schemas.change)
    @blueprint.response(200, schemas.response)
    @blueprint.doc(operationId=f"update_{word}", summary=f"Change a {word}", parameters=[IF_MATCH])
    def update(changes: dict[str, Any], key: str) -> Answer:
        """Change the fields sent; null takes a field back to its default."""
        revision = expected_revision()
        session, now = current_session(), current_platform().clock()
        return tagged(service.update(session, g.key.project_key, key, changes, now=now, revision=revision))


def _add_archive(blueprint: ApiBlueprint, service: ModuleType, schemas: NounSchemas, word: str) -> None:
    """Add archive."""

    @blueprint.post("/<key>/archive")
    @require_key(ADMIN)
    @blueprint.response(200, schemas.response)
    @blueprint.doc(operationId=f"archive_{word}", summary=f"Take a {word} out of use")
    def archive(key: str) -> Answer:
        """Hide one from lists; it stays readable, and nothing may rely on it."""
        session, now = current_session(), current_platform().clock()
        return tagged(service.archive(session, g.key.project_key, key, now=now))
