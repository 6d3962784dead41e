"""Routes that say whether the service lives and can answer."""

from __future__ import annotations

from flask import Blueprint, Response, jsonify
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from abplat import __version__
from abplat.api.session import current_platform
from abplat.errors import UnavailableError

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """Say that the process lives; nothing else is touched."""
    return jsonify({"status": "ok", "version": __version__})


@blueprint.get("/readyz")
def readyz() -> Response:
    """Say that the database answers, too."""
    try:
        with current_platform().engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except SQLAlchemyError as error:
        raise UnavailableError("the database does not answer") from error
    return jsonify({"status": "ready"})
