"""Reports over HTTP: the stored bytes as they are, and a table that no spreadsheet runs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

import duckdb
import msgspec
import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.domain.report import Report, encode_report, hash_report
from abplat.services import catalogue, reports
from tests.conftest import NOW, make_catalogue
from tests.web.report_factory import make_report


@pytest.fixture(name="stored")
def _stored(app: Flask, admin: dict[str, str]) -> Report:
    """Keep a report of an experiment whose metric has a title that a spreadsheet would run."""
    made = make_report()
    metrics = (msgspec.structs.replace(made.metrics[0], title="=cmd()"), *made.metrics[1:])
    experiment = msgspec.structs.replace(made.experiment, key="shorter-form")
    report = msgspec.structs.replace(made, project="shop", experiment=experiment, metrics=metrics)
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
        first = reports.store(session, report, now=NOW)
        assert reports.store(session, report, now=NOW) is first
    return report


@pytest.mark.parametrize("suffix", ["", ".json"])
def test_the_report_is_answered_byte_for_byte(
    client: FlaskClient, admin: dict[str, str], stored: Report, suffix: str
) -> None:
    """Its hash is its ETag, and asking with it again costs nothing."""
    url = f"/v1/experiments/shorter-form/report{suffix}"
    answer = client.get(url, headers=admin)

    assert answer.data == encode_report(stored)
    assert hash_report(answer.data) in answer.headers["ETag"]
    assert client.get(url, headers={**admin, "If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_the_table_holds_every_metric_and_variant(
    client: FlaskClient, admin: dict[str, str], stored: Report
) -> None:
    """A title that looks like a formula is marked as text."""
    answer = client.get("/v1/experiments/shorter-form/report.csv", headers=admin)
    rows = list(csv.DictReader(io.StringIO(answer.text)))

    assert answer.mimetype == "text/csv"
    assert len(rows) == sum(len(metric.values) for metric in stored.metrics)
    assert rows[0]["title"] == "'=cmd()"


def test_another_project_has_no_such_report(
    client: FlaskClient, stored: Report, new_key: Callable[..., dict[str, str]]
) -> None:
    """A report is as hidden as its experiment."""
    assert stored.project == "shop"
    assert (
        client.get("/v1/experiments/shorter-form/report", headers=new_key(project="other")).status_code == 404
    )


def test_parquet_holds_numbers_as_numbers(
    client: FlaskClient, admin: dict[str, str], stored: Report, tmp_path: Path
) -> None:
    """The same rows as the CSV, and gaps are nulls."""
    answer = client.get("/v1/experiments/shorter-form/report.parquet", headers=admin)
    path = tmp_path / "metrics.parquet"
    path.write_bytes(answer.data)
    found = duckdb.execute(f"SELECT metric, n, effect, is_control, title FROM '{path}'").fetchall()

    assert len(found) == sum(len(metric.values) for metric in stored.metrics)
    assert found[0][:4] == (stored.metrics[0].key, stored.metrics[0].values[0].n, None, True)
    assert found[1][2] == stored.metrics[0].effects[0].effect
    assert found[0][4] == "=cmd()"


def test_earlier_reports_are_listed_and_read_by_their_hash(
    app: Flask, client: FlaskClient, admin: dict[str, str], stored: Report
) -> None:
    """In every format, by as few letters as the page takes; a hash of nothing is not found."""
    later = msgspec.structs.replace(
        stored, inputs=msgspec.structs.replace(stored.inputs, as_of="2026-03-24T06:00:00Z")
    )
    with app.extensions["abplat"].writers.begin() as session:
        reports.store(session, later, now=NOW)
    place = "/v1/experiments/shorter-form"
    listed = client.get(f"{place}/reports", headers=admin).json["items"]
    old = hash_report(encode_report(stored))

    assert [each["hash"] for each in listed] == [hash_report(encode_report(later)), old]
    assert client.get(f"{place}/report", headers=admin).data == encode_report(later)
    assert client.get(f"{place}/report?hash={old[:8]}", headers=admin).data == encode_report(stored)
    assert client.get(f"{place}/report.csv?hash={old}", headers=admin).status_code == 200
    assert client.get(f"{place}/report?hash=ffffffffff", headers=admin).status_code == 404
