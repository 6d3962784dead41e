"""People for tests: made in the database, signed in through the page."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from abplat.services import passwords, people, projects
from abplat.services.platform import Platform

PASSWORD = "four tents at dawn"
_HASHES: dict[str, str] = {}


def add_person(app: Flask, name: str, *, is_admin: bool = False, **roles: str) -> int:
    """Add a person with a password and a role per project; return their number."""
    platform: Platform = app.extensions["abplat"]
    password_hash = _HASHES.setdefault(PASSWORD, "") or passwords.hash_password(PASSWORD)
    _HASHES[PASSWORD] = password_hash
    with platform.writers.begin() as session:
        known = {each["key"] for each in projects.list_(session)}
        for project in set(roles) - known:
            projects.create(session, {"key": project, "title": project.title()}, now=platform.clock())
        document = {"email": email_of(name), "name": name.title()}
        user = people.add(session, document, now=platform.clock(), is_admin=is_admin)
        user.password_hash = password_hash
        for project, role in roles.items():
            people.set_role(session, project, user.id, role, now=platform.clock())
        return user.id


def email_of(name: str) -> str:
    """Return the address of a person of a test."""
    return f"{name}@example.com"


def sign_in(app: Flask, name: str) -> FlaskClient:
    """Return a browser in which somebody is signed in."""
    client = app.test_client()
    answer = send(client, "/sign-in", email=email_of(name), password=PASSWORD)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client


def send(client: FlaskClient, path: str, *, page: str | None = None, **fields: Any) -> Any:
    """Fill the form of a page and send it, with its token."""
    shown = client.get(page or "/sign-in?again", follow_redirects=True).get_data(as_text=True)
    found = re.search(r'name="form_token" value="([0-9a-f]{64})"', shown)
    assert found, shown[-3000:]
    return client.post(path, data={"form_token": found[1], **fields})
