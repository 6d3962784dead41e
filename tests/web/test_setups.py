"""The set-up: six steps, each kept, each checked, up to the start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.config import Settings
from abplat.services import catalogue, experiments, journeys
from tests.conftest import NOW, FakeClock, make_experiment, make_journey
from tests.web.people_app import add_person, send, sign_in
from tests.web.setup_app import (
    DECIDES,
    QUESTION,
    VARIANTS,
    WHO,
    make_project,
    open_app,
    read,
    run_jobs,
    tell_setup,
)

NEW = "/projects/shop/new-experiment"
HOSTILE = "<script>alert(1)</script>{{7*7}}\u202e\U0001f3d5"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return an application with a project."""
    with open_app(settings, clock) as app:
        yield app


@pytest.fixture(name="ada")
def _ada(app: Flask) -> FlaskClient:
    """Return the browser of an experimenter."""
    return app.test_client()


def begin(client: FlaskClient, **over: str) -> str:
    """Answer the first step; return the address of the set-up."""
    answer = send(client, NEW, page=NEW, do="save", **(QUESTION | over))
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return tell_setup(answer.headers["Location"])


def answer_step(client: FlaskClient, setup: str, step: str, **fields: Any) -> Any:
    """Answer a step."""
    return send(client, f"{setup}/{step}", page=f"{setup}/{step}", **({"do": "save"} | fields))


def go_to(client: FlaskClient, last: str, **question: str) -> str:
    """Answer the steps before one; return the address of the set-up."""
    setup = begin(client, **question)
    for step, fields in (
        ("journey", {"journey": "buy"}),
        ("decides", DECIDES),
        ("who", WHO),
        ("variants", VARIANTS),
    ):
        if step == last:
            break
        answer = answer_step(client, setup, step, **fields)
        assert answer.status_code == 303, answer.get_data(as_text=True)
    return setup


def test_six_steps_make_and_start_an_experiment(app: Flask, ada: FlaskClient) -> None:
    """From the question to the start; the definition is what was answered."""
    setup = go_to(ada, "check")
    page = ada.get(f"{setup}/check").get_data(as_text=True)
    with read(app) as session:
        draft = experiments.get(session, "shop", "shorter-form")
    answer = answer_step(ada, setup, "check", do="start")
    with read(app) as session:
        started = experiments.get(session, "shop", "shorter-form")

    assert "Start the experiment" in page
    assert (
        draft["hypothesis"]
        == "We believe a shorter form for new customers will bring more orders because it asks less."
    )
    assert [use["metric"] for use in draft["metrics"]] == ["completed", "calls"]
    assert draft["metrics"][1]["margin"] == 0.05
    assert draft["variants"][1]["payloads"] == {"web": {"fields": 3}}
    assert answer.headers["Location"] == "/projects/shop/experiments/shorter-form"
    assert started["state"] == "running"


def test_each_step_is_kept_and_can_be_gone_back_to(ada: FlaskClient) -> None:
    """In the list of set-ups stands what comes next; a step shows what was answered."""
    setup = go_to(ada, "decides")
    listed = ada.get("/projects/shop/setups").get_data(as_text=True)

    assert f"{setup}/decides" in listed
    assert 'value="a shorter form"' in ada.get(f"{setup}/question").get_data(as_text=True)
    assert ada.get(f"{setup}/check").headers["Location"] == f"{setup}/decides"


@pytest.mark.parametrize(
    ("step", "fields", "name", "said"),
    [
        ("journey", {}, "journey", "Choose the journey"),
        ("decides", DECIDES | {"goal": ""}, "goal", "Choose the outcome"),
        ("decides", DECIDES | {"goal": "calls"}, "goal", "cannot decide"),
        ("decides", DECIDES | {"margin-calls": "much"}, "margin-calls", "is not a number"),
        ("decides", DECIDES | {"margin-calls": ""}, "margin-calls", "what share the guardrail may lose"),
        ("decides", DECIDES | {"horizon": "soon"}, "horizon", "soon"),
        ("who", WHO | {"included": "120"}, "included", "write a number from 0 to 100"),
        ("who", WHO | {"layer": "none"}, "layer", "is not a layer"),
        ("who", WHO | {"layer": "checkout", "slot_from": "60", "slot_to": "40"}, "slot_to", "must end after it begins"),
        ("who", WHO | {"targeting": "{"}, "targeting", "is not JSON"),
        ("variants", VARIANTS | {"weight-1": "40"}, "weight-0", "add up to 90 %"),
        ("variants", VARIANTS | {"key-1": "control"}, "key-1", "used twice"),
        ("variants", VARIANTS | {"payload-1-web": "three"}, "payload-1-web", "is not JSON"),
        ("check", {"start_at": "tomorrow"}, "start_at", "tomorrow"),
    ],
)  # fmt: skip
def test_a_fault_stands_beside_its_field(
    ada: FlaskClient, step: str, fields: dict[str, str], name: str, said: str
) -> None:
    """Nothing is kept, and what was typed stays typed."""
    setup = go_to(ada, step)
    answer = answer_step(ada, setup, step, **fields)
    page = answer.get_data(as_text=True)

    assert answer.status_code == 422
    assert f'id="d-{name}"' in page
    assert said in page.partition(f'id="d-{name}"')[2].partition("</p>")[0]
    assert fields.get("targeting", "") in page


def test_the_first_step_asks_for_the_whole_question(ada: FlaskClient) -> None:
    """And for a key that is free."""
    go_to(ada, "who")
    empty = send(ada, NEW, page=NEW, **(QUESTION | {"because": ""}))
    taken = send(ada, NEW, page=NEW, **QUESTION)

    assert empty.status_code == 422
    assert 'id="d-because"' in empty.get_data(as_text=True)
    assert "a shorter form" in empty.get_data(as_text=True)
    assert "is taken by another experiment" in taken.get_data(as_text=True)


def test_another_journey_forgets_what_was_counted_on_the_first(app: Flask, ada: FlaskClient) -> None:
    """The third step must be answered again; until then the draft stays as it was."""
    with app.extensions["abplat"].writers.begin() as session:
        journeys.create(session, "shop", make_journey(key="service", title="Get help"), now=NOW)
    setup = go_to(ada, "check")
    answer_step(ada, setup, "journey", journey="service")
    answer = ada.get(f"{setup}/check")
    made = answer_step(ada, setup, "decides", **(DECIDES | {"goal": "new:completion", "role-calls": ""}))
    with read(app) as session:
        draft = experiments.get(session, "shop", "shorter-form")

    assert answer.headers["Location"] == f"{setup}/decides"
    assert made.status_code == 303
    assert (draft["journey"], draft["metrics"][0]["metric"]) == ("service", "service-completed")


def test_rows_of_variants_come_and_go_without_losing_a_word(ada: FlaskClient) -> None:
    """Nothing is kept by these buttons."""
    setup = go_to(ada, "variants")
    more = answer_step(ada, setup, "variants", **(VARIANTS | {"title-1": "Half typed", "do": "add"}))
    page = more.get_data(as_text=True)

    assert more.status_code == 200
    assert 'value="Half typed"' in page
    assert 'name="title-2"' in page


def test_a_failed_checklist_stops_the_start_unless_there_is_a_reason(app: Flask, ada: FlaskClient) -> None:
    """A variant that says nothing in a channel blocks; the reason is in the audit trail."""
    setup = go_to(ada, "variants")
    answer_step(ada, setup, "variants", **(VARIANTS | {"payload-1-web": ""}))
    refused = answer_step(ada, setup, "check", do="start")
    page = refused.get_data(as_text=True)
    started = answer_step(ada, setup, "check", do="start", anyway="control has no form at all")

    assert refused.status_code == 409
    assert "Start anyway" in page
    assert "Nothing is said by short in web" in page
    assert started.status_code == 303
    with read(app) as session:
        assert experiments.get(session, "shop", "shorter-form")["state"] == "running"


def test_the_last_weeks_are_counted_by_the_worker(app: Flask, ada: FlaskClient) -> None:
    """The page waits, then shows the counts; with no event it says so."""
    setup = go_to(ada, "journey")
    asked = answer_step(ada, setup, "journey", journey="buy", do="count")
    waiting = ada.get(asked.headers["Location"])
    run_jobs(app, "count")
    done = ada.get(asked.headers["Location"])
    page = ada.get(f"{setup}/journey").get_data(as_text=True)

    assert 'http-equiv="refresh"' in waiting.get_data(as_text=True)
    assert done.headers["Location"] == f"{setup}/journey#counts"
    assert "No journey began" in page


def test_the_planner_says_how_long_it_takes(app: Flask, ada: FlaskClient) -> None:
    """It is asked from the fourth step; a later change makes its answer old."""
    setup = go_to(ada, "who")
    asked = answer_step(ada, setup, "who", **(WHO | {"do": "plan"}))
    run_jobs(app, "plan")
    page = ada.get(asked.headers["Location"], follow_redirects=True).get_data(as_text=True)
    answer_step(ada, setup, "who", **(WHO | {"included": "50"}))
    later = ada.get(f"{setup}/who").get_data(as_text=True)

    assert "How long it takes cannot be said yet" in page
    assert "has changed since" not in page
    assert "has changed since" in later


def test_a_customer_can_be_tried_before_the_start(ada: FlaskClient) -> None:
    """Nothing is kept of it."""
    setup = go_to(ada, "check")
    page = ada.get(f"{setup}/check?unit=cust:7").get_data(as_text=True)

    assert "cust:7 would get" in page


def test_clashes_and_full_layers_are_said(app: Flask, ada: FlaskClient) -> None:
    """A second experiment on the journey is warned of; a slot that is taken is refused."""
    first = go_to(ada, "who")
    answer_step(ada, first, "who", **(WHO | {"layer": "checkout"}))
    answer_step(ada, first, "check", do="start")
    second = begin(ada, title="Second")
    answer_step(ada, second, "journey", journey="buy")
    answer_step(ada, second, "decides", **DECIDES)
    page = ada.get(f"{second}/who").get_data(as_text=True)
    refused = answer_step(ada, second, "who", **(WHO | {"layer": "checkout"}))

    assert "These meet the same customers" in page
    assert refused.status_code == 422
    assert "shorter-form" in refused.get_data(as_text=True).partition('id="d-slot_to"')[2]
    with read(app) as session:
        assert experiments.get(session, "shop", "second")["layer"] is None


def test_a_draft_of_a_file_can_be_gone_on_with(app: Flask, ada: FlaskClient) -> None:
    """And thrown away; a started one cannot be set up."""
    with app.extensions["abplat"].writers.begin() as session:
        experiments.create(session, "shop", make_experiment(key="filed"), now=NOW)
    place = "/projects/shop/experiments/filed"
    opened = send(ada, f"{place}/setup", page=place)
    setup = tell_setup(opened.headers["Location"])
    shown = ada.get(f"{setup}/variants").get_data(as_text=True)
    send(ada, f"{setup}/discard", page="/projects/shop/setups")
    with read(app) as session:
        state = experiments.get(session, "shop", "filed")["state"]

    assert 'value="treatment"' in shown
    assert state == "archived"
    assert ada.get(f"{setup}/variants").status_code == 404


def test_every_step_says_how_to_do_it_by_api(ada: FlaskClient) -> None:
    """The exact call, with what was answered."""
    setup = go_to(ada, "check")
    pages = {
        step: ada.get(f"{setup}/{step}").get_data(as_text=True)
        for step in ("decides", "who", "variants", "check")
    }

    assert all("/v1/experiments/shorter-form" in page and "If-Match" in page for page in pages.values())
    assert "/v1/plans" in pages["who"]
    assert "/v1/experiments/shorter-form/start" in pages["check"]


def test_hostile_names_are_text(ada: FlaskClient) -> None:
    """On every page that shows them."""
    over = {"title": HOSTILE, "change": HOSTILE, "owner": HOSTILE, "key": "hostile"}
    setup = begin(ada, **over)
    answer_step(ada, setup, "journey", journey="buy")
    answer_step(ada, setup, "decides", **DECIDES)
    answer_step(ada, setup, "variants", **(VARIANTS | {"title-1": HOSTILE, "payload-1-web": f'"{HOSTILE}"'}))
    pages = [
        ada.get(f"{setup}/{step}").get_data(as_text=True)
        for step in ("question", "decides", "variants", "check")
    ]
    pages.append(ada.get("/projects/shop/setups").get_data(as_text=True))

    assert all("<script>" not in page for page in pages)
    assert all("&lt;script&gt;alert(1)&lt;/script&gt;{{7*7}}" in page for page in pages)


def test_where_a_second_person_must_agree_the_start_asks_for_it(app: Flask, ada: FlaskClient) -> None:
    """The button leads to the page that asks."""
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_project(approvals={"required": ["start"]}), now=NOW)
    setup = go_to(ada, "check")
    answer = answer_step(ada, setup, "check", do="start")

    assert answer.headers["Location"] == "/projects/shop/experiments/shorter-form/ask?action=start"
    assert ada.get(answer.headers["Location"]).status_code == 200


def test_only_experimenters_set_up(settings: Settings, clock: FakeClock) -> None:
    """A viewer is told so, a stranger does not learn that the project exists."""
    with open_app(settings, clock, "required") as app:
        add_person(app, "vera", shop="viewer")
        add_person(app, "sam", other="admin")
        vera, sam = sign_in(app, "vera"), sign_in(app, "sam")

        assert vera.get(NEW).status_code == 403
        assert vera.get("/projects/shop/setups").status_code == 403
        assert sam.get(NEW).status_code == 404
        assert vera.post(NEW, data=QUESTION).status_code == 403


def test_who_fits_nobody_is_refused(app: Flask, ada: FlaskClient) -> None:
    """A share of nothing and an audience without members, each beside its field; free slots are shown."""
    from abplat.services import segments

    with app.extensions["abplat"].writers.begin() as session:
        segments.create(
            session, "shop", {"key": "empty", "title": "Nobody", "owner": "Ada", "members": []}, now=NOW
        )
    setup = go_to(ada, "who")
    nothing = answer_step(ada, setup, "who", **(WHO | {"included": "0"}))
    nobody = answer_step(ada, setup, "who", **(WHO | {"segment": "empty"}))
    page = ada.get(f"{setup}/who").get_data(as_text=True)

    assert (nothing.status_code, nobody.status_code) == (422, 422)
    assert "Is 0: nobody would take part" in nothing.get_data(as_text=True)
    assert "Segment empty has no members" in nobody.get_data(as_text=True)
    assert "Checkout (free: 0 to 100" in page


def test_the_rule_is_chosen_in_the_set_up(app: Flask, ada: FlaskClient) -> None:
    """Non-inferiority needs its margin; what was typed stays typed."""
    setup = go_to(ada, "decides")
    without = answer_step(ada, setup, "decides", **(DECIDES | {"decision_rule": "non_inferiority"}))
    answer_step(
        ada, setup, "decides", **(DECIDES | {"decision_rule": "non_inferiority", "goal_margin": "1,5"})
    )
    with read(app) as session:
        kept = experiments.get(session, "shop", "shorter-form")

    assert without.status_code == 422
    assert 'value="non_inferiority" checked' in without.get_data(as_text=True)
    assert (kept["decision_rule"], kept["goal_margin"]) == ("non_inferiority", 0.015)
