"""The migrations make exactly the tables that the models describe."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from abplat.config import Settings
from abplat.db import upgrade as upgrades
from abplat.db.engine import make_engine, writing
from abplat.errors import UnavailableError
from abplat.services.platform import Platform


def test_models_and_migrations_agree(platform: Platform) -> None:
    """A model changed without a migration is found here."""
    with platform.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})

        assert compare_metadata(context, upgrades.load_metadata()) == []


def test_the_newest_revision_is_the_one_the_code_knows(platform: Platform) -> None:
    """A start with nothing to do compares with this constant instead of loading Alembic."""
    with platform.engine.connect() as connection:
        script = ScriptDirectory.from_config(upgrades.make_config(connection))

        assert script.get_current_head() == upgrades.HEAD
        assert upgrades.current_revision(connection) == upgrades.HEAD


def test_up_down_and_up_again(tmp_path: Path) -> None:
    """Every step can be taken back on an empty database."""
    engine = make_engine(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    upgrades.upgrade(engine)
    with writing(engine).begin() as connection:
        command.downgrade(upgrades.make_config(connection), "base")
    with engine.connect() as connection:
        assert set(inspect(connection).get_table_names()) == {"alembic_version"}

    assert upgrades.upgrade(engine)
    assert not upgrades.upgrade(engine)
    engine.dispose()


def test_a_newer_database_is_left_alone(settings: Settings) -> None:
    """An old program must not write into tables it does not know."""
    engine = make_engine(settings.sql_url)
    upgrades.upgrade(engine)
    with writing(engine).begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(UnavailableError, match="newer abplat"):
        upgrades.upgrade(engine)
    engine.dispose()


def test_experiments_of_the_first_revision_get_their_phase(tmp_path: Path) -> None:
    """What has started keeps its salt, weights and coverage; what was archived says so; and back again."""
    engine = make_engine(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    plan = '{"experiment": {"included": 700, "variants": [{"key": "a", "weight": 6000}, {"key": "b", "weight": 4000}]}}'
    columns = "key, state, salt, hash_version, started_at, plan, document, archived_at, project, version, created_at, updated_at"
    with writing(engine).begin() as connection:
        command.upgrade(upgrades.make_config(connection), "0001")
        connection.execute(text("INSERT INTO projects VALUES ('shop', 'Shop', 1, 0, 0)"))
        for key, state, started, archived in (
            ("live", "running", 5, None),
            ("idea", "draft", None, None),
            ("past", "stopped", 5, 9),
            ("dropped", "draft", None, 9),
        ):
            connection.execute(
                text(
                    f"INSERT INTO experiments ({columns}) VALUES "
                    "(:key, :state, 'abcd', 1, :started, :plan, '{}', :archived, 'shop', 1, 0, 0)"
                ),
                {
                    "key": key,
                    "state": state,
                    "started": started,
                    "plan": started and plan,
                    "archived": archived,
                },
            )
    upgrades.upgrade(engine)
    with engine.connect() as connection:
        states = dict(connection.execute(text("SELECT key, state FROM experiments")).all())
        phases = connection.execute(
            text("SELECT e.key, p.salt, p.weights, p.included, p.started_at, e.traffic FROM phases p "
                 "JOIN experiments e ON e.id = p.experiment_id ORDER BY e.key")
        ).all()  # fmt: skip
    assert states == {"live": "running", "idea": "draft", "past": "archived", "dropped": "archived"}
    assert [tuple(row[:5]) for row in phases] == [
        (key, "abcd", '{"a": 6000, "b": 4000}', 700, 5) for key in ("live", "past")
    ]
    assert '"phase": 1' in phases[0].traffic
    with writing(engine).begin() as connection:
        command.downgrade(upgrades.make_config(connection), "0001")
        back = dict(connection.execute(text("SELECT key, state FROM experiments")).all())

    assert back == {"live": "running", "idea": "draft", "past": "stopped", "dropped": "draft"}
    engine.dispose()
