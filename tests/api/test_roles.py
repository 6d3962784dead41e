"""The matrix of all routes and all roles, made from the map of addresses: a new route is in it by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from abplat.api.auth import usual_role
from abplat.app import create_app
from abplat.config import Settings
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ROLES, is_enough
from abplat.services import catalogue, people, tokens
from abplat.services.platform import Platform
from abplat.web.door import OPEN, needed_role
from tests.conftest import NOW, FakeClock, make_catalogue
from tests.web.people_app import add_person, sign_in

WITHOUT_KEY = {"health.healthz", "health.readyz", "sdk_file.get_sdk_file", "ofrep.find_nothing"}
MORE_THAN_A_ROLE = ("users.", "projects.create")
"""Where the role of a project is not enough: what belongs to the installation."""
OPEN_PAGES = {
    "pages.show_sign_in", "pages.send_sign_in", "pages.begin_oidc", "pages.finish_oidc", "pages.sign_out",
    "pages.show_link", "pages.use_link",
}  # fmt: skip
"""Everything that strangers may see; an addition here wants a second look."""


class Door(NamedTuple):
    """The app, and everybody who knocks."""

    app: Flask
    browsers: dict[str, FlaskClient]
    headers: dict[str, dict[str, str]]


@pytest.fixture(scope="module", name="door")
def _door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """Make a shop, a person per role, and one who belongs elsewhere."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("roles") / "data")
    app = create_app(replace(settings, sign_in="required"), FakeClock())
    platform: Platform = app.extensions["abplat"]
    with platform.writers.begin() as session:
        catalogue.apply(session, make_catalogue(), now=NOW)
    browsers, headers = {}, {}
    for role in ROLES:
        number = add_person(app, role, shop=role)
        browsers[role] = sign_in(app, role)
        with platform.writers.begin() as session:
            person = people.describe_person(session, people.get_user(session, number))
            _, token = tokens.create(session, person, {"project": "shop", "title": "t"}, now=NOW)
        headers[role] = {"Authorization": f"Bearer {token}"}
    add_person(app, "stranger", other="admin")
    browsers["stranger"] = sign_in(app, "stranger")
    yield Door(app, browsers, headers)
    platform.close()


def list_rules(app: Flask, *, pages: bool) -> list[tuple[Rule, str]]:
    """Return every rule of pages, or of the API, with each of its methods."""
    found = []
    for rule in app.url_map.iter_rules():
        is_page = rule.endpoint.startswith("pages.")
        if is_page == pages and rule.endpoint not in ("pages.static", "api-docs.openapi_json"):
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            found += [(rule, method) for method in methods]
    return found


def make_path(rule: Rule, **over: str) -> str:
    """Fill a rule with values that lead somewhere, where there is anything."""
    values = {"project": "shop", "key": "shorter-form", "number": "999", "token": "0" * 64, **over}
    path = re.sub(r"<any\(.*?\):suffix>", ".csv", rule.rule)
    for name in rule.arguments:
        path = re.sub(rf"<(?:int:|path:)?{name}>", values.get(name, "x"), path)
    assert "<" not in path, path
    return path


def call(client: FlaskClient, method: str, path: str, **options: Any) -> Any:
    """Send an empty request."""
    return client.open(path, method=method, **options)


def test_each_role_opens_its_pages_and_no_other(door: Door) -> None:
    """403 below the role; above it a form without its token gets as far as being refused for that."""
    faults = []
    for rule, method in list_rules(door.app, pages=True):
        needed = needed_role(door.app.view_functions[rule.endpoint], method)
        if needed == OPEN:
            continue
        # A page of no project is for everybody who is signed in, or for the installation's administrators.
        usual = needed if "project" in rule.arguments or needed == "viewer" else "nobody"
        for role in ROLES:
            status = call(door.browsers[role], method, make_path(rule)).status_code
            may = usual != "nobody" and is_enough(role, usual)
            expected = status not in (401, 403) if may else status == 403
            if not expected or (may and method == "POST" and status != 400):
                faults.append((method, rule.rule, role, status))

    assert faults == []


def test_strangers_see_the_door_only(door: Door) -> None:
    """Whoever is not signed in is sent there; the pages that are open are counted."""
    app = door.app
    is_open = {
        rule.endpoint
        for rule, method in list_rules(app, pages=True)
        if needed_role(app.view_functions[rule.endpoint], method) == OPEN
    }
    for rule, method in list_rules(app, pages=True):
        if rule.endpoint not in OPEN_PAGES:
            answer = call(app.test_client(), method, make_path(rule))
            assert answer.status_code == (303 if method == "GET" else 401), rule.rule
            assert method != "GET" or answer.headers["Location"].startswith("/sign-in?next=/"), rule.rule

    assert is_open == OPEN_PAGES


def test_to_others_a_project_does_not_exist(door: Door) -> None:
    """Every page answers as for one that was never made (A1)."""
    browser = door.browsers["stranger"]
    for rule, method in list_rules(door.app, pages=True):
        if "project" in rule.arguments:
            there = call(browser, method, make_path(rule))
            missing = call(browser, method, make_path(rule, project="nope"))
            same = there.get_data(as_text=True).replace("shop", "nope") == missing.get_data(as_text=True)
            assert (there.status_code, missing.status_code, same) == (404, 404, True), rule.rule


@pytest.mark.parametrize("role", ROLES)
def test_each_role_makes_its_calls_and_no_other(door: Door, role: str) -> None:
    """With a personal token; whoever is refused is told which role it takes."""
    faults = []
    for rule, method in list_rules(door.app, pages=False):
        view = door.app.view_functions[rule.endpoint]
        kinds = getattr(view, "key_kinds", None)
        if kinds is None:
            assert rule.endpoint in WITHOUT_KEY or rule.endpoint == "static", (
                f"{rule.endpoint} asks for no key"
            )
            continue
        if rule.endpoint.startswith(MORE_THAN_A_ROLE):
            continue
        needed = view.role or usual_role(method)  # type: ignore[attr-defined]
        answer = call(door.app.test_client(), method, make_path(rule), headers=door.headers[role])
        may = ADMIN in kinds and is_enough(role, needed)
        is_refused = answer.status_code in (401, 403)
        if may == is_refused:
            faults.append((method, rule.rule, role, answer.status_code))
        if is_refused and ADMIN in kinds and needed not in answer.get_data(as_text=True):
            faults.append((method, rule.rule, role, answer.get_data(as_text=True)))

    assert faults == []


def test_what_belongs_to_the_installation_takes_its_administrator(door: Door) -> None:
    """The administrator of a project is refused."""
    for rule, method in list_rules(door.app, pages=False):
        if rule.endpoint.startswith(MORE_THAN_A_ROLE):
            body = {"key": "x", "title": "x"}
            answer = call(
                door.app.test_client(), method, make_path(rule), headers=door.headers["admin"], json=body
            )
            assert answer.status_code == 403, rule.rule


def test_where_it_takes_a_person_no_key_is_enough(
    app: Flask, new_key: Any, admin: dict[str, str], tmp_path: Path
) -> None:
    """Approving, and deciding who may do what (A9)."""
    found = 0
    for rule, method in list_rules(app, pages=False):
        if getattr(app.view_functions[rule.endpoint], "by_person", False):
            answer = call(app.test_client(), method, make_path(rule), headers=admin)
            assert (answer.status_code, "person" in answer.get_json()["detail"]) == (403, True), rule.rule
            found += 1

    assert found >= 10
