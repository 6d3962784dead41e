"""Whoever works on the audit trail past abplat is found."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from click.testing import CliRunner
from sqlalchemy import text

from abplat.cli import main
from abplat.config import Settings
from abplat.db import upgrade as upgrades
from abplat.db.engine import make_engine, writing
from abplat.domain.audit_chain import NO_HASH
from abplat.services import audit, audit_trail
from abplat.services.audit_trail import AuditFilter
from abplat.services.platform import Platform
from tests.conftest import NOW

ELSEWHERE = {"ABPLAT_TEST_POSTGRES": None}
"""These tests bring a file of their own along."""


def note(platform: Platform, *keys: str, project: str = "shop") -> None:
    """Note a write per key, each in a transaction of its own."""
    for key in keys:
        with platform.writers.begin() as session:
            audit.record(
                session, NOW, (project, "update", "channels", key), {"title": "a", "n": 1}, {"a": 1.5}
            )


def tamper(platform: Platform, *statements: str) -> None:
    """Work on the database as one who may do everything."""
    triggers = {
        "sqlite": ["DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete",
                   "DROP TRIGGER audit_seals_no_update", "DROP TRIGGER audit_seals_no_delete"],
        "postgresql": ["ALTER TABLE audit DISABLE TRIGGER USER", "ALTER TABLE audit_seals DISABLE TRIGGER USER"],
    }  # fmt: skip
    with writing(platform.engine).begin() as connection:
        for statement in (*triggers[platform.engine.dialect.name], *statements):
            connection.execute(text(statement))


def find(platform: Platform, expected: str | None = None) -> list[str]:
    """Return the codes of the faults."""
    with platform.sessions() as session:
        return [each.code for each in audit_trail.verify(session, "shop", expected=expected).faults]


def test_each_entry_carries_the_hash_of_the_one_before(platform: Platform) -> None:
    """Per project, from nothing; what was rolled back leaves no gap."""
    note(platform, "a", "b")
    note(platform, "z", project="other")
    with platform.writers() as session:
        audit.record(session, NOW, ("shop", "create", "channels", "gone"))
        session.flush()
        session.rollback()
        with session.begin_nested() as inner:
            audit.record(session, NOW, ("shop", "create", "channels", "gone"))
            session.flush()
            inner.rollback()
        audit.record(session, NOW, ("shop", "create", "channels", "c"))
        session.commit()
    with platform.sessions() as session:
        trail = audit_trail.list_(session, "shop", AuditFilter())[::-1]
        found = audit_trail.verify(session, "shop")

    assert [each["position"] for each in trail] == [1, 2, 3]
    assert [each["previous"] for each in trail] == [NO_HASH, trail[0]["hash"], trail[1]["hash"]]
    assert (found.is_whole, found.n_entries, found.head) == (True, 3, trail[2]["hash"])


@pytest.mark.parametrize(
    ("statement", "codes"),
    [
        ("UPDATE audit SET actor = 'user:eve' WHERE key = 'b'", ["changed"]),
        ("UPDATE audit SET after = '{}' WHERE key = 'b'", ["changed"]),
        ("INSERT INTO audit (project, at, actor, verb, noun, key) VALUES ('shop', 0, 'x', 'x', 'x', 'x')", ["unsealed"]),
        ("UPDATE audit_seals SET hash = previous WHERE position = 2", ["changed", "broken"]),
    ],
    ids=["who", "what", "slipped in", "seal"],
)  # fmt: skip
def test_tampering_is_found(platform: Platform, statement: str, codes: list[str]) -> None:
    """Whatever is changed, something no longer fits."""
    note(platform, "a", "b", "c")
    tamper(platform, statement)

    assert find(platform) == codes


def test_what_is_removed_is_found(platform: Platform) -> None:
    """In the middle by the chain itself, at the end by a head that was kept elsewhere."""
    note(platform, "a", "b", "c")
    with platform.sessions() as session:
        head = audit_trail.read_head(session, "shop")["head"]
    tamper(platform, "DELETE FROM audit_seals WHERE position = 3", "DELETE FROM audit WHERE key = 'c'")

    assert find(platform) == []
    assert find(platform, head) == ["strange_head"]
    with writing(platform.engine).begin() as connection:
        connection.execute(text("DELETE FROM audit_seals WHERE position = 1"))

    assert find(platform) == ["missing", "unsealed"]


def test_writers_at_once_keep_one_chain(platform: Platform) -> None:
    """No two entries take one place, however many write."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: note(platform, f"k{each}", f"l{each}"), range(12)))
    with platform.sessions() as session:
        found = audit_trail.verify(session, "shop")

    assert (found.is_whole, found.n_entries) == (True, 24)


def test_what_was_written_before_is_chained(tmp_path: Path) -> None:
    """The migration seals every entry that it finds."""
    engine = make_engine(f"sqlite:///{tmp_path / 'abplat.sqlite3'}")
    with writing(engine).begin() as connection:
        command.upgrade(upgrades.make_config(connection), "0011")
        for n in range(1, 4):
            connection.execute(
                text("INSERT INTO audit (project, at, actor, verb, noun, key, after) VALUES ('shop', :n, 'a', 'b', 'c', 'd', :after)"),
                {"n": n, "after": '{"b":1,"a":2.0}'},
            )  # fmt: skip
    engine.dispose()
    done = CliRunner().invoke(main, ["audit", "verify", "--data-dir", str(tmp_path)], env=ELSEWHERE)

    assert done.exit_code == 0, done.output
    assert done.output.startswith("shop  whole  3 entries  head ")


def test_the_command_says_what_it_finds(tmp_path: Path) -> None:
    """With exit code 1, so that a watchman can call it."""
    from abplat.services.platform import open_platform

    platform = open_platform(Settings(data_dir=tmp_path))
    note(platform, "a", "b")
    tamper(platform, "UPDATE audit SET verb = 'create' WHERE key = 'a'")
    platform.close()
    done = CliRunner().invoke(
        main, ["audit", "verify", "--project", "shop", "--data-dir", str(tmp_path)], env=ELSEWHERE
    )

    assert done.exit_code == 1, done.output
    assert "shop  1 faults  2 entries" in done.output
    assert "changed at 1: entry 1 is not what was sealed" in done.output
