"""The way back in for an administrator who has lost it."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from abplat.cli import main
from abplat.config import Settings
from abplat.services import audit_trail, links, people
from abplat.services.audit_trail import AuditFilter
from abplat.services.platform import open_platform


def run(folder: Path, *words: str) -> str:
    """Run the command and return what it prints."""
    done = CliRunner().invoke(main, ["people", *words, "--data-dir", str(folder)])

    assert done.exit_code == 0, done.output
    return done.output


def test_a_link_lets_an_administrator_in(tmp_path: Path) -> None:
    """Who is new is added; the trail says who has made the link, not the link."""
    link = run(tmp_path, "link", "Ada@example.com", "--admin").splitlines()[0]
    listed = run(tmp_path, "list")
    platform = open_platform(Settings(data_dir=tmp_path))
    with platform.sessions() as session:
        row = links.find(session, link.rpartition("/")[2], (links.PASSWORD,), now=platform.clock())
        user = people.get_user(session, row.user_id or 0)
        trail = audit_trail.list_(session, "", AuditFilter())
    platform.close()

    assert (user.email, user.is_admin) == ("ada@example.com", True)
    assert listed.split() == ["ada@example.com", "administrator", "active"]
    assert [entry["verb"] for entry in trail] == ["make_link", "create"]
    assert link.rpartition("/")[2] not in str(trail)
