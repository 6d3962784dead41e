"""Pages of people, approvals, audit, comments and webhooks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.app import create_app
from abplat.config import Settings
from abplat.services import audit, catalogue
from tests.conftest import FakeClock, make_catalogue
from tests.web.people_app import PASSWORD, add_person, email_of, send, sign_in

HOSTILE = '"><script>alert(1)</script>{{7*7}}\u202e'
EXPERIMENT = "/projects/shop/experiments/shorter-form"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return an application with a shop that wants two people for a start."""
    app = create_app(replace(settings, sign_in="required"), clock)
    platform = app.extensions["abplat"]
    document = make_catalogue()
    document["project"]["approvals"] = {"required": ["start", "weights", "guardrails"]}
    with platform.writers.begin() as session:
        audit.act_as(session, "cli:test")
        catalogue.apply(session, document, now=clock())
    yield app
    platform.close()


def text_of(client: FlaskClient, path: str) -> str:
    """Return a page that must be there."""
    answer = client.get(path)

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def test_an_experiment_starts_after_two_people_agree(app: Flask) -> None:
    """Ada asks, cannot approve, Bob approves what he sees, Ada does it."""
    add_person(app, "ada", shop="approver")
    add_person(app, "bob", shop="approver")
    ada, bob = sign_in(app, "ada"), sign_in(app, "bob")
    ask = f"{EXPERIMENT}/ask"
    page = text_of(ada, EXPERIMENT)
    assert "start the experiment: ask" in page
    send(ada, ask, page=f"{ask}?action=start", action="start", note=HOSTILE)
    own = text_of(ada, "/projects/shop/approvals")
    inbox = text_of(bob, "/projects/shop/approvals")
    seen = re.findall(r'name="seen" value="([0-9a-f]{64})"', inbox)[0]
    number = re.findall(r"/approvals/(\d+)/approve", inbox)[0]

    assert "Somebody else must approve this" in own
    assert "&lt;script&gt;" in inbox
    assert "{{7*7}}" in inbox
    refused = send(ada, f"/projects/shop/approvals/{number}/approve", page="/account", seen=seen)
    stale = send(bob, f"/projects/shop/approvals/{number}/approve", page="/account", seen="0" * 64)
    assert (refused.status_code, stale.status_code) == (403, 409)
    send(bob, f"/projects/shop/approvals/{number}/approve", page="/account", seen=seen, note="fine")
    assert "Approved, waiting to be done" in text_of(ada, "/projects/shop/approvals")
    send(ada, f"/projects/shop/approvals/{number}/carry-out", page="/account")
    assert "Running" in text_of(ada, EXPERIMENT)


def test_weights_and_guardrails_are_asked_for_in_forms(app: Flask) -> None:
    """A field that is wrong is named, nothing is written."""
    add_person(app, "ada", shop="admin")
    add_person(app, "bob", shop="approver")
    ada, bob = sign_in(app, "ada"), sign_in(app, "bob")
    ask = f"{EXPERIMENT}/ask"
    send(ada, ask, page="/account", action="start")
    send(bob, "/projects/shop/approvals/1/approve", page="/account")
    send(ada, "/projects/shop/approvals/1/carry-out", page="/account")
    fields = {"action": "weights", "weight.control": "2000", "weight.treatment": "9000", "included": "10000"}
    wrong = send(ada, ask, page="/account", **fields)
    assert wrong.status_code == 422
    assert "sum to 11000" in wrong.get_data(as_text=True)
    send(ada, ask, page="/account", **{**fields, "weight.treatment": "8000"})

    assert "begin a phase with other weights" in text_of(bob, "/projects/shop/approvals")
    answer = send(ada, "/projects/shop/approvals/required", page="/account", required=["stop", "ramp"])
    assert answer.status_code == 303
    assert "stop the experiment: ask" in text_of(ada, EXPERIMENT)


def test_comments_are_text_and_can_be_taken_back(app: Flask) -> None:
    """By their author; lines stay lines."""
    add_person(app, "ada", shop="viewer")
    add_person(app, "bob", shop="approver")
    ada, bob = sign_in(app, "ada"), sign_in(app, "bob")
    send(ada, f"{EXPERIMENT}/comments", page="/account", body=f"one\r\n{HOSTILE}")
    page = text_of(bob, EXPERIMENT)
    assert "&lt;script&gt;" in page
    assert email_of("ada") in page
    refused = send(bob, "/projects/shop/comments/1/remove", page="/account")
    send(ada, "/projects/shop/comments/1/remove", page="/account")
    empty = send(ada, f"{EXPERIMENT}/comments", page="/account", body="  ")

    assert refused.status_code == 403
    assert "This comment was taken back" in text_of(bob, EXPERIMENT)
    assert empty.status_code == 422


def test_an_administrator_lets_people_in(app: Flask) -> None:
    """Who is new comes by a link; roles change and end."""
    add_person(app, "ada", shop="admin")
    ada = sign_in(app, "ada")
    fields = {"email": email_of("eve"), "name": HOSTILE, "role": "viewer"}
    page = send(ada, "/projects/shop/people", page="/account", **fields).get_data(as_text=True)
    link = re.findall(r"/welcome/[0-9a-f]{64}", page)[0]
    assert "&lt;script&gt;" in page
    eve = app.test_client()
    assert send(eve, link, page=link, name="Eve", password=PASSWORD).status_code == 303
    assert eve.get(EXPERIMENT).status_code == 200
    assert eve.get("/projects/shop/people").status_code == 403
    twice = send(ada, "/projects/shop/people", page="/account", **fields)
    assert (twice.status_code, "belongs to this project already" in twice.get_data(as_text=True)) == (
        422,
        True,
    )
    send(ada, "/projects/shop/people/2/role", page="/account", role="analyst")
    assert eve.get("/projects/shop/audit").status_code == 200
    send(ada, "/projects/shop/people/2/remove", page="/account")

    assert eve.get(EXPERIMENT).status_code == 404


def test_a_project_admin_gets_no_link_for_people_of_others(app: Flask) -> None:
    """With it they could come in as somebody who may do more elsewhere."""
    add_person(app, "ada", shop="admin")
    add_person(app, "root", is_admin=True)
    root, ada = sign_in(app, "root"), sign_in(app, "ada")
    send(root, "/projects/shop/people", page="/account", email=email_of("eve"), role="viewer")
    send(root, "/projects/shop/people/3/remove", page="/account")
    page = send(ada, "/projects/shop/people", page="/account", email=email_of("eve"), role="viewer")

    assert "/welcome/" not in page.get_data(as_text=True)
    assert ada.get("/people").status_code == 403
    shown = send(root, "/people/3/link", page="/account").get_data(as_text=True)
    assert "/welcome/" in shown


def test_somebody_is_always_left_to_administer(app: Flask) -> None:
    """The last administrator cannot be taken away."""
    add_person(app, "root", is_admin=True)
    root = sign_in(app, "root")

    assert send(root, "/people/1", page="/account", is_disabled="yes").status_code == 409
    assert root.get("/people").status_code == 200


def test_the_trail_is_filtered_and_exported(app: Flask) -> None:
    """By who, what and when; before and after; no cell is a formula."""
    add_person(app, "ada", shop="admin")
    ada = sign_in(app, "ada")
    send(ada, f"{EXPERIMENT}/comments", page="/account", body="hello")
    mine = text_of(ada, f"/projects/shop/audit?actor=user:{email_of('ada')}&since=2026-03-04")
    none = text_of(ada, "/projects/shop/audit?until=2026-03-04")
    odd = text_of(ada, "/projects/shop/audit?since=yesterday")
    table = ada.get("/projects/shop/audit.csv?noun=comments")
    lines = ada.get("/projects/shop/audit.jsonl?noun=comments").get_data(as_text=True).splitlines()
    checked = text_of(ada, "/projects/shop/audit?verify=1")

    assert "Create <b>1</b><small>Comments</small>" in mine
    assert "Experiments</small>" not in mine
    assert "Nothing of this kind" in none
    assert "is not an instant" in odd
    assert (
        table.get_data(as_text=True).splitlines()[0]
        == "id,at,actor,address,verb,noun,key,before,after,position,previous,hash"
    )
    assert len(lines) == 1
    assert "The chain is whole" in checked
    assert table.headers["Abplat-Audit-Head"].split()[1] in checked
    assert "attachment" in table.headers["Content-Disposition"]


def test_webhooks_are_added_tried_and_removed(app: Flask) -> None:
    """The secret is shown once; the log says what was written."""
    add_person(app, "ada", shop="admin")
    ada = sign_in(app, "ada")
    place = "/projects/shop/webhooks"
    wrong = send(ada, place, page="/account", url="ftp://x", events="verdict")
    made = send(ada, place, page="/account", url="https://hooks.example/<b>", events=["verdict"])
    send(ada, f"{place}/1/test", page="/account")
    page = text_of(ada, place)

    assert wrong.status_code == 422
    assert "whsec_" in made.get_data(as_text=True)
    assert "whsec_" not in page
    assert "waiting, 0 tries" in page
    send(ada, f"{place}/1/remove", page="/account")
    assert "Nowhere yet" in text_of(ada, place)
    assert "whsec_" not in text_of(ada, "/projects/shop/audit")
