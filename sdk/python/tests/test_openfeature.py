"""The provider that decides in this process, driven by OpenFeature's own client."""

# ruff: noqa: FBT003 -- OpenFeature takes the default by position

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from abplat_sdk import Client
from abplat_sdk.openfeature import AbplatProvider, ExposureHook
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode
from openfeature.flag_evaluation import Reason
from openfeature.track import TrackingEventDetails

WEB = {"channel": "web"}
CUSTOMER = EvaluationContext("cust:1", WEB)


def make_experiment(key: str, payloads: tuple[Any, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Describe an experiment of two arms; the payloads are those of the web."""
    held = [{}, {}] if payloads is None else [{} if value is None else {"web": value} for value in payloads]
    return {
        "key": key,
        "salt": "9f2c1a07",
        "hash_version": 1,
        "unit_type": "cust",
        "state": "running",
        "included": 10_000,
        "control": "control",
        "variants": [
            {"key": "control", "bound": 5_000, "payloads": held[0]},
            {"key": "treatment", "bound": 10_000, "payloads": held[1]},
        ],
        **fields,
    }


# all of one salt: cust:1 is in the same arm of each (bucket 3658, control)
EXPERIMENTS = [
    make_experiment("plain"),
    make_experiment("shown", (False, True)),
    make_experiment("fields", (9, 3)),
    make_experiment("discount", (10, 12.5)),
    make_experiment("headline", ("Old", "New")),
    make_experiment("form", ({"fields": 9}, {"fields": 3})),
    make_experiment("steps", (["a", "b"], ["b"])),
    make_experiment("gapped", (None, {"fields": 3})),
    make_experiment("ended", (False, True), state="stopped"),
    make_experiment("forced", (False, True), overrides={"cust:1": "treatment"}),
]


@pytest.fixture
def make_flags(platform: Any) -> Iterator[Callable[..., OpenFeatureClient]]:
    """Return a function that connects OpenFeature with a client of the platform."""
    platform.config = {**platform.config, "experiments": EXPERIMENTS}

    def make(**options: Any) -> OpenFeatureClient:
        """Connect, and wait for the configuration."""
        client = Client(platform.url, "abs_test", poll_seconds=0, flush_seconds=0.02)
        api.set_provider_and_wait(AbplatProvider(client, **options))
        return api.get_client()

    yield make
    api.clear_providers()


def wait_for(heard: list[EventDetails]) -> int:
    """Count what was heard; OpenFeature tells listeners in a thread."""
    deadline = time.monotonic() + 5
    while not heard and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(heard)


@pytest.mark.parametrize(
    ("kind", "key", "default", "wanted"),
    [
        ("boolean", "shown", True, False),
        ("integer", "fields", 0, 9),
        ("float", "discount", 0.0, 10.0),
        ("string", "headline", "none", "Old"),
        ("string", "plain", "none", "control"),
        ("object", "form", {}, {"fields": 9}),
        ("object", "steps", [], ["a", "b"]),
    ],
)
def test_every_type_is_resolved(kind: str, key: str, default: Any, wanted: Any, make_flags: Any) -> None:
    """The payload of the variant, of the very type that was asked for."""
    found = getattr(make_flags(), f"get_{kind}_details")(key, default, CUSTOMER)

    assert (found.value, type(found.value), found.error_code) == (wanted, type(wanted), None)
    assert (found.variant, found.reason) == ("control", Reason.SPLIT)
    assert found.flag_metadata == {
        "experimentId": key,
        "inExperiment": True,
        "decisionReason": "split",
        "version": "1",
        "contextId": "cust:1",
        "flagSetId": "shop",
        "bucket": 3_658,
    }


def test_faults_give_the_default_and_a_code(make_flags: Any) -> None:
    """Nothing is raised into the host."""
    flags = make_flags()
    found = [
        flags.get_boolean_details("no", True, CUSTOMER),
        flags.get_boolean_details("shown", True),
        flags.get_boolean_details("shown", True, EvaluationContext("x" * 300)),
        flags.get_boolean_details("headline", True, CUSTOMER),
        flags.get_integer_details("shown", 7, CUSTOMER),
        flags.get_float_details("shown", 7.0, CUSTOMER),
    ]

    assert [each.error_code for each in found] == [
        ErrorCode.FLAG_NOT_FOUND,
        ErrorCode.TARGETING_KEY_MISSING,
        ErrorCode.INVALID_CONTEXT,
        ErrorCode.TYPE_MISMATCH,
        ErrorCode.TYPE_MISMATCH,
        ErrorCode.TYPE_MISMATCH,
    ]
    assert [each.value for each in found] == [True, True, True, True, 7, 7.0]


def test_an_exposure_is_recorded_once_a_session(platform: Any, make_flags: Any) -> None:
    """Once per unit, experiment and variant, and only for who is in the experiment."""
    flags = make_flags()
    for _ in range(3):
        flags.get_boolean_value("shown", True, CUSTOMER)
        flags.get_boolean_value("shown", True, EvaluationContext("cust:2", WEB))
        flags.get_boolean_value("ended", True, CUSTOMER)
        flags.get_boolean_value("forced", True, CUSTOMER)
        flags.get_boolean_value("headline", True, CUSTOMER)  # an error shows no variant
    api.clear_providers()
    met = [event for event in platform.stored.values() if event["kind"] == "exposure"]

    assert sorted((event["actor"], event["experiment"]) for event in met) == [
        ("cust:1", "shown"),
        ("cust:2", "shown"),
    ]
    assert {(event["channel"], event["reason"], event["config_version"]) for event in met} == {
        ("web", "split", "1")
    }


def test_an_arm_without_a_payload_is_exposed_like_the_other(platform: Any, make_flags: Any) -> None:
    """Its value is the default of the code; an error would lose the exposures of one arm alone."""
    flags = make_flags()
    found = flags.get_object_details("gapped", {"fields": 7}, CUSTOMER)
    api.clear_providers()

    assert (found.value, found.variant, found.error_code) == ({"fields": 7}, "control", None)
    assert [event["experiment"] for event in platform.stored.values()] == ["gapped"]


def test_exposures_may_be_left_to_the_host(platform: Any, make_flags: Any) -> None:
    """Where a flag is read long before it is shown."""
    make_flags(expose=False).get_boolean_value("shown", True, CUSTOMER)
    api.clear_providers()

    assert platform.stored == {}


def test_tracking_becomes_an_event(platform: Any, make_flags: Any) -> None:
    """Name, unit, value, properties and channel."""
    details = TrackingEventDetails(12.5, {"tent": "tunnel"})
    flags = make_flags()
    flags.track("purchase", CUSTOMER, details)
    flags.track("odd", EvaluationContext())
    api.clear_providers()
    (event,) = platform.stored.values()

    assert {name: event[name] for name in ("kind", "name", "actor", "value", "props", "channel")} == {
        "kind": "touchpoint",
        "name": "purchase",
        "actor": "cust:1",
        "value": 12.5,
        "props": {"tent": "tunnel"},
        "channel": "web",
    }


def test_a_late_platform_is_waited_for_in_the_background(platform: Any) -> None:
    """Without a configuration the default comes back; with it evaluations begin, and listeners are told."""
    platform.stop()
    client = Client(platform.url, "abs_test", poll_seconds=0, backoff=(0.01, 0.02))
    heard: list[EventDetails] = []
    api.get_client().add_handler(ProviderEvent.PROVIDER_READY, heard.append)
    api.set_provider(AbplatProvider(client, ready_seconds=0.1))
    time.sleep(0.5)
    before = api.get_client().get_string_details("e", "none", CUSTOMER)
    heard.clear()
    platform.start()
    assert client.refresh()
    after = api.get_client().get_string_details("e", "none", CUSTOMER)
    api.clear_providers()

    assert (before.value, before.error_code) == ("none", ErrorCode.PROVIDER_NOT_READY)
    assert (after.value, after.error_code) == ("control", None)
    assert wait_for(heard) == 1


def test_a_new_configuration_is_told(platform: Any, make_flags: Any) -> None:
    """Once, at the first evaluation with it."""
    flags, heard = make_flags(), []
    flags.add_handler(ProviderEvent.PROVIDER_CONFIGURATION_CHANGED, heard.append)
    platform.config = {**platform.config, "version": "2"}
    provider = api.provider_registry.get_default_provider()
    assert provider._client.refresh()
    for _ in range(3):
        flags.get_boolean_value("shown", True, CUSTOMER)

    assert wait_for(heard) == 1


def test_the_hook_forgets_the_oldest(platform: Any) -> None:
    """Its memory is bounded."""
    hook = ExposureHook(Client(platform.url, "abs_test", poll_seconds=0), capacity=2)

    assert [hook._is_new(("u", "e", variant)) for variant in "abacab"] == [
        True,
        True,
        False,
        True,
        True,
        True,
    ]


def test_evaluations_can_be_awaited(make_flags: Any) -> None:
    """OpenFeature's own coroutines work, and take no time of the loop."""
    flags = make_flags()
    found = asyncio.run(flags.get_boolean_value_async("shown", True, CUSTOMER))

    assert found is False


def test_only_this_module_needs_openfeature() -> None:
    """Every other module of the SDK imports without it."""
    package = Path(__file__).parents[1] / "abplat_sdk"
    names = sorted(path.stem for path in package.glob("*.py") if path.stem not in {"__init__", "openfeature"})
    block = "import sys; sys.modules['openfeature'] = None\n"
    imports = "\n".join(f"import abplat_sdk.{name}" for name in names)
    done = subprocess.run(
        [sys.executable, "-c", block + imports], env={"PYTHONPATH": str(package.parent)}, check=False
    )

    assert done.returncode == 0
