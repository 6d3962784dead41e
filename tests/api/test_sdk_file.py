"""The SDK as one file for pages: small, cached long, and what its source gives."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from abplat.api.sdk_file import VERSION

ROOT = Path(__file__).parents[2]
FILE = ROOT / "abplat" / "web" / "static" / "abplat.js"


def test_the_file_is_small() -> None:
    """At most 3 KB as it travels."""
    assert len(gzip.compress(FILE.read_bytes(), 9, mtime=0)) <= 3 * 1024


@pytest.mark.skipif(
    not (ROOT / "sdk/js/node_modules").exists(), reason="scripts/prepare test fetches what builds it"
)
@pytest.mark.skipif(shutil.which("node") is None, reason="no node here")
def test_a_rebuild_gives_the_same_bytes() -> None:
    """Nobody edited the file, and nobody forgot it."""
    done = subprocess.run(["node", "build.mjs", "check"], cwd=ROOT / "sdk" / "js", check=False)

    assert done.returncode == 0, "run: cd sdk/js && node build.mjs"


def test_the_file_is_served_to_any_page(client: FlaskClient) -> None:
    """Without a key, as a script, and so that its integrity can be demanded."""
    answer = client.get("/sdk/abplat.js")

    assert answer.data == FILE.read_bytes()
    assert answer.mimetype == "text/javascript"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "max-age=300" in answer.headers["Cache-Control"]


def test_a_named_version_is_kept_for_ever(client: FlaskClient) -> None:
    """Another version is not: the address would hold the wrong content for a year."""
    kept = client.get(f"/sdk/abplat.js?v={VERSION}").headers["Cache-Control"]
    other = client.get("/sdk/abplat.js?v=0123").headers["Cache-Control"]

    assert "immutable" in kept
    assert "immutable" not in other


def test_the_file_travels_packed_and_only_when_it_changed(client: FlaskClient) -> None:
    """Gzip where it is understood, 304 where it is known."""
    packed = client.get("/sdk/abplat.js", headers={"Accept-Encoding": "gzip"})
    again = client.get(
        "/sdk/abplat.js", headers={"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    )

    assert gzip.decompress(packed.data) == FILE.read_bytes()
    assert VERSION in packed.headers["ETag"]
    assert (again.status_code, again.data) == (304, b"")
