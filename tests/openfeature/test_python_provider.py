"""Python's OFREP provider from the registry against a running server."""

# ruff: noqa: FBT003 -- OpenFeature takes the default by position

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from abplat_sdk import Client
from abplat_sdk.openfeature import ExposureHook
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason

from tests.openfeature.conftest import ROOT, Service, read_events

FORCED = {
    "channel": "web",
    "abplatPins": dict.fromkeys(("shown", "fields", "discount", "headline", "form"), "treatment"),
}
TREATED = EvaluationContext("cust:1", FORCED)  # type: ignore[arg-type]  # a dict of texts is a mapping
TYPES: Any = [
    ("boolean", "shown", False, True),
    ("integer", "fields", 0, 3),
    ("float", "discount", 0.0, 12.5),
    ("string", "headline", "none", "New"),
    ("object", "form", {}, {"fields": 3}),
]


@pytest.fixture
def provider(service: Service) -> Iterator[OFREPProvider]:
    """The provider, with a key in its headers."""
    made = OFREPProvider(
        service.url, headers_factory=lambda: {"Authorization": f"Bearer {service.client_key}"}
    )
    yield made
    made.session.close()


@pytest.fixture
def flags(provider: OFREPProvider) -> Iterator[OpenFeatureClient]:
    """A client of OpenFeature that asks the provider."""
    api.set_provider_and_wait(provider)
    yield api.get_client()
    api.clear_providers()
    api.clear_hooks()


@pytest.mark.parametrize(("kind", "key", "default", "wanted"), TYPES)
def test_every_type_arrives(kind: str, key: str, default: Any, wanted: Any, flags: OpenFeatureClient) -> None:
    """The payload of the variant, with its reason and what is said beside it."""
    found = getattr(flags, f"get_{kind}_details")(key, default, TREATED)

    assert (found.value, found.error_code) == (wanted, None)
    assert (found.variant, found.reason) == ("treatment", Reason.SPLIT)
    assert found.flag_metadata["inExperiment"] is True
    assert found.flag_metadata["experimentId"] == key


def test_the_reasons_are_known_to_the_client(flags: OpenFeatureClient) -> None:
    """It raises on any word that it does not know."""
    nobody = EvaluationContext("cust:1", {"channel": "web"})
    tester = EvaluationContext("cust:qa", {"channel": "web"})

    assert flags.get_boolean_details("ended", True, nobody).reason == Reason.DISABLED
    assert flags.get_boolean_details("targeted", True, nobody).reason == Reason.STATIC
    assert flags.get_object_details("form", {}, tester).reason == Reason.TARGETING_MATCH
    assert flags.get_boolean_details("ended", True, nobody).value is False


def test_faults_have_their_codes(flags: OpenFeatureClient) -> None:
    """The default comes back, and the code says why."""
    unknown = flags.get_boolean_details("no", True, TREATED)
    odd = flags.get_boolean_details("a/b c", True, TREATED)
    nobody = flags.get_boolean_details("shown", True)
    long = flags.get_boolean_details("shown", True, EvaluationContext("x" * 300))
    wrong = flags.get_boolean_details("headline", True, TREATED)

    assert [each.error_code for each in (unknown, odd, nobody, long, wrong)] == [
        ErrorCode.FLAG_NOT_FOUND,
        ErrorCode.FLAG_NOT_FOUND,
        ErrorCode.TARGETING_KEY_MISSING,
        ErrorCode.INVALID_CONTEXT,
        ErrorCode.TYPE_MISMATCH,
    ]
    assert all(each.value is True for each in (unknown, odd, nobody, long, wrong))


def test_a_missing_payload_gives_the_default_without_an_error(flags: OpenFeatureClient) -> None:
    """The arm without a payload is evaluated as well as the other."""
    context = EvaluationContext("cust:1", {"channel": "web", "abplatPins": {"gapped": "control"}})
    found = flags.get_object_details("gapped", {"fields": 9}, context)

    assert (found.value, found.variant, found.error_code) == ({"fields": 9}, "control", None)


def test_a_bad_key_gives_the_default(service: Service) -> None:
    """401 is an error of the client, never an exception."""
    api.set_provider_and_wait(OFREPProvider(service.url, headers_factory=lambda: {"X-API-Key": "abc_no"}))
    found = api.get_client().get_boolean_details("shown", True, TREATED)
    api.clear_providers()

    assert (found.value, found.error_code) == (True, ErrorCode.GENERAL)


def test_the_exposure_hook_serves_this_provider_too(service: Service, flags: OpenFeatureClient) -> None:
    """Evaluated three times, met once; who is not in the experiment met nothing."""
    client = Client(service.url, service.client_key, poll_seconds=0)
    flags.add_hooks([ExposureHook(client)])
    context = EvaluationContext("cust:900", {"channel": "web"})
    for _ in range(3):
        variant = flags.get_boolean_details("shown", False, context).variant
        flags.get_boolean_details("ended", False, context)
    assert client.close(5) == 0

    met = [
        json.loads(body) for kind, body in read_events(service) if kind == "exposure" and "cust:900" in body
    ]
    assert [(row["experiment"], row["variant"], row["channel"]) for row in met] == [("shown", variant, "web")]


def test_the_service_records_where_a_header_asks_for_it(service: Service) -> None:
    """One exposure for a unit and a day, made by the server."""
    sent = {"X-API-Key": service.server_key, "X-Abplat-Expose": "true"}
    api.set_provider_and_wait(OFREPProvider(service.url, headers_factory=lambda: sent))
    for _ in range(2):
        found = api.get_client().get_boolean_details(
            "shown", False, EvaluationContext("cust:901", {"channel": "web"})
        )
    api.clear_providers()

    assert found.flag_metadata["exposed"] is True
    assert sum("cust:901" in body for _, body in read_events(service)) == 1


def test_the_example_of_the_reference_runs(service: Service) -> None:
    """What a reader copies works as it stands, but for address and key."""
    page = (ROOT / "docs" / "reference" / "openfeature.md").read_text("utf-8")
    example = page.split("```python\n")[1].split("```")[0]
    for shown, real in (
        ("https://abplat.example.com", service.url),
        ("abs_...", service.server_key),
        ('"shorter-form"', '"fields"'),
        ("cust:7", "cust:902"),
    ):
        assert shown in example
        example = example.replace(shown, real)
    found: dict[str, Any] = {}
    exec(example.replace("set_provider(", "set_provider_and_wait("), found)
    api.clear_providers()

    assert found["fields"] in {9, 3}
    assert sorted(kind for kind, body in read_events(service) if "cust:902" in body) == [
        "exposure",
        "touchpoint",
    ]
