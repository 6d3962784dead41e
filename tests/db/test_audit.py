"""The audit trail cannot be changed, whoever tries: the database refuses it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from abplat.db.engine import writing
from abplat.services import audit
from abplat.services.platform import Platform
from tests.conftest import NOW


@pytest.mark.parametrize(
    "statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit", "UPDATE audit SET before = NULL"]
)
def test_no_row_is_changed_or_deleted(platform: Platform, statement: str) -> None:
    """Not even by SQL of our own."""
    with platform.writers.begin() as session:
        audit.act_as(session, "user:ada@example.com", "10.0.0.1")
        audit.record(session, NOW, ("shop", "create", "channels", "web"), {"title": "a"}, {"title": "b"})
    with writing(platform.engine).connect() as connection:
        with pytest.raises(DBAPIError, match="append-only"):
            connection.execute(text(statement))
        connection.rollback()
        row = connection.execute(text("SELECT actor, address, before, after FROM audit")).one()

    assert tuple(row) == ("user:ada@example.com", "10.0.0.1", '{"title":"a"}', '{"title":"b"}')
