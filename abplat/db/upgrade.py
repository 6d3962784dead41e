"""Bring a database to the tables that this version of abplat needs."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, MetaData, inspect, text

from abplat.db import models
from abplat.db.engine import translated, writing
from abplat.db.models.base import Base
from abplat.errors import UnavailableError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0014"
"""The newest revision; known here so that a start with nothing to do need not load Alembic."""


def load_metadata() -> MetaData:
    """Return the metadata with every table of abplat in it."""
    for module in pkgutil.iter_modules(models.__path__):
        importlib.import_module(f"{models.__name__}.{module.name}")
    return Base.metadata


def current_revision(connection: Connection) -> str | None:
    """Return the revision that a database is at, or None for an empty one."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def upgrade(engine: Engine) -> bool:
    """Create or change the tables in one transaction; tell whether there was anything to do.

    Raises:
        UnavailableError: If a newer abplat has changed the database already, or it is busy.
    """
    with translated():
        with engine.connect() as connection:
            if current_revision(connection) == HEAD:
                return False
        with writing(engine).begin() as connection:
            _run(connection)
    return True


def _run(connection: Connection) -> None:
    """Run the migrations that are missing."""
    from alembic import command  # noqa: PLC0415  # slow to import, and rarely needed
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    config = make_config(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    present = current_revision(connection)
    if present is not None and present not in known:
        message = f"the database is at revision {present}, made by a newer abplat; install that version"
        raise UnavailableError(message)
    command.upgrade(config, HEAD)


def make_config(connection: Connection) -> Config:
    """Return what Alembic needs to know: where the migrations are, and the connection to use."""
    from alembic.config import Config  # noqa: PLC0415  # slow to import, and rarely needed

    config = Config()
    config.set_main_option("script_location", str(find_migrations()))
    config.attributes["connection"] = connection
    return config


def find_migrations() -> Path:
    """Return the folder of the migrations: carried in the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    packed = package / "_migrations"
    return packed if packed.is_dir() else package.parent / "migrations"
