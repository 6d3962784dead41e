"""The OpenAPI document is current, and what it says is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "openapi.json"
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MAX_EXAMPLES = 10


def read_spec(app: Flask) -> dict[str, object]:
    """Return the document that the running app serves."""
    spec: dict[str, object] = app.test_client().get("/openapi.json").get_json()
    return spec


def test_the_committed_document_is_current(app: Flask) -> None:
    """Write it anew with: python -m tests.api.write_openapi."""
    assert json.loads(DOCUMENT.read_text()) == read_spec(app)


def test_every_operation_is_described(app: Flask) -> None:
    """Each has a summary, its answers and a problem as its default."""
    spec = read_spec(app)
    for path, operations in spec["paths"].items():  # type: ignore[attr-defined]
        for method, operation in operations.items():
            if method != "parameters":
                assert operation.get("summary"), (method, path)
                assert operation["responses"], (method, path)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.timeout(300)
def test_generated_requests_meet_no_surprise(app: Flask, new_key: Callable[..., dict[str, str]]) -> None:
    """Odd and valid requests made from the document: no 500, and every answer as described (H12)."""
    headers = new_key("admin", "main")
    schema = schemathesis.openapi.from_wsgi("/openapi.json", app)
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=MAX_EXAMPLES, deadline=None, database=None, derandomize=True,
            phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        def check(case: schemathesis.Case) -> None:
            """Call and check one request."""
            case.call_and_validate(headers=headers, checks=CHECKS)

        given(case=operation.as_strategy())(check)()
