"""apply, export and keys at the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from abplat.cli import main
from tests.conftest import make_catalogue, make_experiment


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """Return a folder with a good document in it."""
    (tmp_path / "shop.yaml").write_text(yaml.safe_dump(make_catalogue()))
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    """Run a command on the data of a folder."""
    return CliRunner().invoke(main, [*arguments, "--data-dir", str(folder / "data")])


def test_apply_export_apply(folder: Path) -> None:
    """A dry run writes nothing; what was exported applies as unchanged."""
    path = str(folder / "shop.yaml")
    assert "+ experiments shorter-form" in run(folder, "apply", path, "--dry-run").output
    assert run(folder, "export", "--project", "shop").exit_code == 2
    assert run(folder, "apply", path).exit_code == 0
    exported = run(folder, "export", "--project", "shop")
    (folder / "again.yaml").write_text(exported.output)
    again = run(folder, "apply", str(folder / "again.yaml"))

    assert (again.exit_code, again.stdout) == (0, "")
    assert "0 create, 0 update" in again.stderr


def test_a_change_is_shown_field_by_field(folder: Path) -> None:
    """The difference names the field with its values before and after."""
    run(folder, "apply", str(folder / "shop.yaml"))
    changed = make_catalogue(experiments=[make_experiment(included=100)])
    (folder / "new.yaml").write_text(yaml.safe_dump(changed))

    assert "    included: 10000 -> 100" in run(folder, "apply", str(folder / "new.yaml"), "--dry-run").output


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("project: {key: shop", "line 1"),
        ("a: &x [1]\nb: *x\n", "aliases"),
        ("project: {key: a, title: A}\nproject: {key: b, title: B}\n", "stands twice"),
        ("project: {key: shop, title: Shop}\nmetrics: [{key: m}]\n", "metrics[0].title"),
        ("[" * 5_000, "shop.yaml"),
        ("project: {key: shop, title: 2024-01-01}\n", "project.title"),
        ("a: " + "9" * 5_000, "shop.yaml"),
        ("- 1\n", "mapping"),
        ("", "mapping"),
        ("\x00", "shop.yaml"),
        ("!!python/object:os.system {}", "shop.yaml"),
    ],
)
def test_a_bad_file_is_one_line_and_not_a_traceback(folder: Path, content: str, said: str) -> None:
    """The error names the place; nothing is written; the exit code is 2."""
    (folder / "shop.yaml").write_text(content)
    result = run(folder, "apply", str(folder / "shop.yaml"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_a_missing_file_is_named(folder: Path) -> None:
    """The error says which."""
    assert "nowhere.yaml cannot be read" in run(folder, "apply", str(folder / "nowhere.yaml")).stderr


def test_keys_are_made_listed_exchanged_and_revoked(folder: Path) -> None:
    """The secret is shown once; the selector names the key from then on."""
    run(folder, "apply", str(folder / "shop.yaml"))
    token = run(folder, "keys", "create", "--project", "shop", "--kind", "server").stdout.strip()
    selector = token.split("_")[1]
    listed = run(folder, "keys", "list", "--project", "shop").output
    assert selector in listed
    assert token.rpartition("_")[2] not in listed
    newer = run(folder, "keys", "rotate", selector, "--grace", "2d").stdout.strip().split("_")[1]
    assert "ending" in run(folder, "keys", "list").output
    assert run(folder, "keys", "rotate", selector).exit_code == 2
    assert run(folder, "keys", "rotate", newer, "--grace", "never").exit_code == 2
    run(folder, "keys", "revoke", selector)

    assert "revoked" in run(folder, "keys", "list").output
    assert run(folder, "keys", "revoke", "nothing").exit_code == 2
    assert run(folder, "keys", "create", "--project", "nowhere", "--kind", "admin").exit_code == 2
