"""A unit that is put into a variant by hand is served, and never analysed: from the decision to the report."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from abplat_sdk import compile_config
from flask import Flask
from flask.testing import FlaskClient

from abplat.clock import format_instant
from abplat.facts.lake import Lake
from abplat.jobs.context import JobContext
from abplat.jobs.runner import Runner
from tests.conftest import NOW, FakeClock, make_catalogue, make_experiment


def expose(unit: str, variant: str, reason: str | None) -> dict[str, Any]:
    """Describe the exposure of a unit."""
    return {
        "kind": "exposure",
        "id": f"{unit}/{reason}",
        "actor": unit,
        "experiment": "shorter-form",
        "variant": variant,
        "ts": format_instant(NOW),
        **({} if reason is None else {"reason": reason}),
    }


def test_overrides_are_served_and_never_analysed(
    app: Flask, client: FlaskClient, new_key: Callable[..., dict[str, str]], clock: FakeClock
) -> None:
    """Whether the exposure says so itself or the plan lists the unit; the report counts and names them."""
    admin = new_key()
    experiment = make_experiment(overrides={"cust:qa": "treatment", "cust:qa2": "treatment"})
    for noun, documents in make_catalogue(experiments=[experiment]).items():
        for document in documents if noun != "project" else ():
            client.post(f"/v1/{noun}", json=document, headers=admin)
    client.post("/v1/experiments/shorter-form/start", headers=admin)
    evaluator = compile_config(client.get("/sdk/v1/config", headers=admin).json)
    units = [f"cust:{number}" for number in range(20)]
    events = [expose(unit, evaluator.decide("shorter-form", unit).variant or "", "split") for unit in units]
    forced = evaluator.decide("shorter-form", "cust:qa")
    events += [expose("cust:qa", "treatment", "override"), expose("cust:qa2", "treatment", None)]
    sent = client.post("/v1/events", json={"events": events}, headers=new_key("server"))
    assert (sent.status_code, sent.json["accepted"]) == (202, 22)
    clock.advance(days=8)
    client.post("/v1/experiments/shorter-form/analyse", headers=admin)
    platform = app.extensions["abplat"]
    context = JobContext(platform.settings, clock, platform.engine, Lake(platform.settings.lake_dir))
    assert Runner(context).run_once() == 0
    report = client.get("/v1/experiments/shorter-form/report", headers=admin).json
    found = {finding["code"]: finding["evidence"] for finding in report["findings"]}

    assert (forced.variant, forced.reason, forced.in_experiment) == ("treatment", "override", False)
    assert sum(variant["n_exposed"] for variant in report["experiment"]["variants"]) == 20
    assert found["overrides"] == {"overrides": 2}
