"""The client against a real server: what it asks is the public API, what it gives fits every frame library."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import msgspec
import pytest
from flask import Flask
from werkzeug.serving import make_server

from abplat.client import Client, Frame
from abplat.domain.report import Report
from abplat.errors import InvalidInputError, NotFoundError, UnavailableError
from abplat.services import catalogue, experiments, reports
from abplat.services.experiments import Moment
from tests.conftest import NOW, make_catalogue
from tests.web.report_factory import make_report

Headers = dict[str, str]


@pytest.fixture(name="stored")
def _stored(app: Flask) -> Report:
    """Keep a report."""
    made = make_report()
    experiment = msgspec.structs.replace(made.experiment, key="shorter-form")
    report = msgspec.structs.replace(made, project="shop", experiment=experiment)
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
        experiments.start(session, "shop", "shorter-form", Moment(NOW))
        reports.store(session, report, now=NOW)
    return report


@pytest.fixture(name="url")
def _url(app: Flask) -> Iterator[str]:
    """Serve the app on a port of its own."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(name="analyst")
def _analyst(url: str, stored: Report, new_key: Callable[..., Headers]) -> Client:
    """Return a client with an admin key."""
    (token,) = (value.removeprefix("Bearer ") for value in new_key("admin").values())
    return Client(url, token)


def test_a_report_comes_whole_and_as_a_table(analyst: Client, stored: Report) -> None:
    """The same values as were stored, in every frame library."""
    table = analyst.metrics("shorter-form")
    pandas, polars, arrow = table.to_pandas(), table.to_polars(), table.to_arrow()

    assert analyst.report("shorter-form") == stored
    assert len(table) == sum(len(metric.values) for metric in stored.metrics)
    assert table["value"] == [value.value for metric in stored.metrics for value in metric.values]
    assert list(pandas["metric"]) == polars["metric"].to_list() == arrow.column("metric").to_pylist()
    assert arrow.column("effect").null_count == table["effect"].count(None)


def test_definitions_findings_and_links_are_frames(analyst: Client, stored: Report) -> None:
    """One row each."""
    assert analyst.experiments()["key"] == ["shorter-form"]
    assert analyst.journeys()["key"] == ["buy"]
    assert analyst.findings("shorter-form")["code"] == [each.code for each in stored.findings]
    assert len(analyst.links("shorter-form")) == sum(len(part.links) for part in stored.links)
    assert len(analyst.failed_events()) == 0


def test_what_is_wrong_is_said_in_our_errors(url: str, analyst: Client) -> None:
    """A bad key, a name that leads nowhere, a server that is not there, a worker that does not run."""
    with pytest.raises(NotFoundError):
        analyst.report("nothing")
    with pytest.raises(NotFoundError):
        analyst.definitions("unicorns")
    with pytest.raises(InvalidInputError):
        Client(url, "abt_wrong").experiments()
    with pytest.raises(UnavailableError, match="does not answer"):
        Client("http://127.0.0.1:1", "abt_x", timeout=5).experiments()
    with pytest.raises(UnavailableError, match="worker"):
        analyst.analyse("shorter-form", wait_s=0)


def test_a_notebook_shows_texts_and_runs_none() -> None:
    """A title may hold anything."""
    shown = Frame([{"title": "<script>alert(1)</script>", "n": None}] * 40)._repr_html_()

    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
    assert "10 rows more" in shown
