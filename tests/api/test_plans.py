"""Plans over HTTP: asked for here, computed by the worker, read here."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient

from abplat.facts.lake import Lake
from abplat.jobs.context import JobContext
from abplat.jobs.runner import Runner

NUMBERS = {"outcome": {"kind": "proportion", "baseline": 0.1}, "effect": 0.1}


def work(app: Flask) -> None:
    """Do what waits, as the worker does."""
    platform = app.extensions["abplat"]
    lake = Lake(platform.settings.lake_dir)
    Runner(JobContext(platform.settings, platform.clock, platform.engine, lake)).run_once()


def test_a_plan_is_asked_for_and_read(app: Flask, client: FlaskClient, admin: dict[str, str]) -> None:
    """202 with the place where the answer will be."""
    asked = client.post("/v1/plans", json=NUMBERS, headers=admin)
    waiting = client.get(asked.headers["Location"], headers=admin).json
    work(app)
    done = client.get(asked.headers["Location"], headers=admin).json

    assert (asked.status_code, asked.json["state"], waiting["state"]) == (202, "queued", "queued")
    assert (done["state"], done["answer"]["size"]["n_units"]) == ("done", 29_498)
    assert done["request"] == NUMBERS
    assert done["finished_at"] is not None


def test_faults_are_listed_at_once(client: FlaskClient, admin: dict[str, str]) -> None:
    """With the paths of the body."""
    document = {"outcome": {"kind": "mean", "sd": 0}, "power": 2, "colour": 1}
    answer = client.post("/v1/plans", json=document, headers=admin)

    assert answer.status_code == 422
    paths = {error["path"] for error in answer.json["errors"]}
    assert paths == {"outcome.baseline", "outcome.sd", "power", "colour"}


def test_a_plan_is_hidden_from_others(
    client: FlaskClient, admin: dict[str, str], new_key: Callable[..., dict[str, str]]
) -> None:
    """Another project's key and a key of the wrong kind."""
    place = client.post("/v1/plans", json=NUMBERS, headers=admin).headers["Location"]

    assert client.get(place, headers=new_key(project="other")).status_code == 404
    assert client.get(place, headers=new_key("server")).status_code == 403
    assert client.post("/v1/plans", json=NUMBERS).status_code == 401


def test_plans_are_listed_youngest_first(
    client: FlaskClient, admin: dict[str, str], new_key: Callable[..., dict[str, str]]
) -> None:
    """In pages, without answers, and only those of the project."""
    asked = [client.post("/v1/plans", json=NUMBERS, headers=admin).json["id"] for _ in range(5)]
    first = client.get("/v1/plans?limit=2", headers=admin).json
    second = client.get(
        "/v1/plans", query_string={"limit": 2, "cursor": first["next_cursor"]}, headers=admin
    ).json
    third = client.get(
        "/v1/plans", query_string={"limit": 2, "cursor": second["next_cursor"]}, headers=admin
    ).json

    pages = [first, second, third]
    assert [len(page["items"]) for page in pages] == [2, 2, 1]
    assert sorted(plan["id"] for page in pages for plan in page["items"]) == sorted(asked)
    assert third["next_cursor"] is None
    assert first["items"][0]["state"] == "queued"
    assert "answer" not in first["items"][0]
    assert client.get("/v1/plans", headers=new_key(project="other")).json["items"] == []


def test_a_list_of_plans_refuses_a_wrong_place(
    client: FlaskClient, admin: dict[str, str], new_key: Callable[..., dict[str, str]]
) -> None:
    """A cursor of another list, and a key that may not ask."""
    other = client.get("/v1/plans?cursor=d2Vi", headers=admin)

    assert other.status_code == 422
    assert other.json["errors"][0]["code"] == "bad_cursor"
    assert client.get("/v1/plans", headers=new_key("server")).status_code == 403
