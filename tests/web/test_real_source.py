"""The pages over the real database and services."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from abplat.app import create_app
from abplat.config import Settings
from abplat.services import catalogue, reports
from abplat.services.platform import open_database
from tests.web import report_factory as factory
from tests.web.definitions import make_definitions

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    """Make an installation with one analysed experiment and one draft, and serve it."""
    settings = Settings(data_dir=tmp_path, sign_in="local")
    engine = open_database(settings)
    with Session(engine) as session:
        catalogue.apply(session, make_definitions("trap", "idea"), now=NOW)
        reports.store(session, factory.make_trap(), now=NOW)
        session.commit()
    engine.dispose()
    return create_app(settings).test_client()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/", "Quote form"),
        ("/projects/shop", "Conflict"),
        ("/projects/shop/experiments/trap", "the touchpoint won, the journey lost"),
        ("/projects/shop/experiments/idea", "Not started"),
        ("/projects/shop/journeys/buy", "What a variant changes"),
        ("/projects/shop/experiments/trap/report.csv", "completed"),
    ],
)
def test_page_is_made_from_the_services(client: FlaskClient, path: str, said: str) -> None:
    """Every page and download."""
    answer = client.get(path)

    assert answer.status_code == 200
    assert said in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "path", ["/projects/none/experiments/x", "/projects/shop/journeys/none", "/projects/none"]
)
def test_what_is_missing_is_said_to_people(client: FlaskClient, path: str) -> None:
    """As a page, not as problem+json."""
    answer = client.get(path)

    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


@pytest.mark.parametrize(
    ("path", "accepts", "mimetype"),
    [
        ("/nowhere", "text/html", "text/html"),
        ("/nowhere", "application/json", "application/problem+json"),
        ("/v1/nowhere", "text/html", "application/problem+json"),
    ],
)
def test_an_address_of_nothing_is_answered_in_kind(
    client: FlaskClient, path: str, accepts: str, mimetype: str
) -> None:
    """A page for people, problem+json for machines."""
    answer = client.get(path, headers={"Accept": accepts})

    assert (answer.status_code, answer.mimetype) == (404, mimetype)


def test_style_sheet_is_served(client: FlaskClient) -> None:
    """From our own origin."""
    with client.get("/assets/abplat.css") as answer:
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_pages_need_no_heavy_library() -> None:
    """The web process stays small and quick to start."""
    code = (
        "import sys, abplat.web; abplat.web.blueprint;"
        "print([name for name in ('scipy', 'numba', 'numpy', 'statsmodels', 'ibis', 'rich') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert shown.stdout.strip() == "[]"
