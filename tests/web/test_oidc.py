"""Sign-in through a provider of identities: who it says somebody is, never what they may do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from abplat.app import create_app
from abplat.config import Settings
from tests.conftest import NOW, FakeClock
from tests.web.oidc_provider import CLIENT, OTHER_KEY, SECRET, Provider, serving
from tests.web.people_app import PASSWORD, add_person, email_of, send

ANSWER = "/sign-in/oidc/answer"


@pytest.fixture(name="provider")
def _provider() -> Iterator[Provider]:
    """Return a running provider."""
    with serving(Provider(int(NOW.timestamp()))) as provider:
        yield provider


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock, provider: Provider) -> Iterator[Flask]:
    """Return an application that trusts the provider, and knows Ada."""
    chosen = replace(
        settings, sign_in="required", oidc_issuer=provider.issuer, oidc_client_id=CLIENT,
        oidc_client_secret=SECRET, oidc_title="<b>Example</b>", outbound_allowed="127.0.0.1",
    )  # fmt: skip
    app = create_app(chosen, clock)
    add_person(app, "ada", shop="viewer")
    yield app
    app.extensions["abplat"].close()


def begin(client: FlaskClient, provider: Provider) -> str:
    """Go to the provider and come back with its answer."""
    away = client.get("/sign-in/oidc?next=/projects/shop")
    assert away.status_code == 303, away.get_data(as_text=True)
    return provider.authorize(away.headers["Location"])


def test_whoever_was_invited_comes_in(app: Flask, provider: Provider) -> None:
    """To where they wanted to go, with the role given here, whatever the token claims."""
    client = app.test_client()
    assert "Sign in with &lt;b&gt;Example&lt;/b&gt;" in client.get("/sign-in").get_data(as_text=True)
    answer = client.get(f"{ANSWER}?{begin(client, provider)}")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/projects/shop")
    assert client.get("/account").status_code == 200
    assert client.get("/projects/shop/people").status_code == 403


def test_who_came_once_is_known_by_subject(app: Flask, provider: Provider) -> None:
    """Also with another address; another subject with the same address is somebody else."""
    first = app.test_client()
    first.get(f"{ANSWER}?{begin(first, provider)}")
    provider.claims = {"email": "new@example.com"}
    again = app.test_client()
    assert again.get(f"{ANSWER}?{begin(again, provider)}").status_code == 303
    provider.claims = {"sub": "subject-2"}
    other = app.test_client()

    refused = other.get(f"{ANSWER}?{begin(other, provider)}")
    assert refused.status_code == 401
    assert "another account" in refused.get_data(as_text=True)


def name_case(value: Any) -> str:
    """Name a case alike in every process: an object would print its address."""
    return "another key" if isinstance(value, dict) and "key" in value else str(value)


@pytest.mark.parametrize(
    ("bent", "words"),
    [
        ({"claims": {"iss": "https://evil.example"}}, "iss"),
        ({"claims": {"aud": "another-client"}}, "aud"),
        ({"claims": {"aud": [CLIENT, "another"], "azp": "another"}}, "azp"),
        ({"claims": {"nonce": "another"}}, "nonce"),
        ({"left_out": {"nonce"}}, "nonce"),
        ({"claims": {"exp": int(NOW.timestamp()) - 3600}}, "expired"),
        ({"left_out": {"exp"}}, "exp"),
        ({"left_out": {"sub"}}, "sub"),
        ({"key": OTHER_KEY}, "not good"),
        ({"header": {"alg": "none"}}, "not good"),
        ({"claims": {"email_verified": False}}, "not verified"),
        ({"claims": {"email_verified": "true"}}, "not verified"),
        ({"left_out": {"email"}}, "not verified"),
        ({"claims": {"email": "eve@example.com"}}, "was invited as eve"),
    ],
    ids=name_case,
)
def test_a_token_that_is_not_good_is_refused(
    app: Flask, provider: Provider, bent: dict[str, Any], words: str
) -> None:
    """With a plain reason; the administrator's password still works."""
    client = app.test_client()
    back = begin(client, provider)
    for name, value in bent.items():
        setattr(provider, name, value)
    answer = client.get(f"{ANSWER}?{back}")

    assert answer.status_code == 401
    assert words in answer.get_data(as_text=True)
    assert client.get("/account").status_code == 303
    assert send(client, "/sign-in", email=email_of("ada"), password=PASSWORD).status_code == 303


def test_an_answer_is_for_one_browser_and_one_time(app: Flask, provider: Provider) -> None:
    """State and cookie belong together; neither code nor state is good twice."""
    client, thief = app.test_client(), app.test_client()
    back = begin(client, provider)
    begin(thief, provider)
    kept = client.get_cookie("abplat_oidc", path="/sign-in/oidc")
    assert kept is not None
    stolen = thief.get(f"{ANSWER}?{back}")
    bare = app.test_client().get(f"{ANSWER}?{back}")
    good = client.get(f"{ANSWER}?{back}")
    client.set_cookie("abplat_oidc", kept.value, path="/sign-in/oidc")
    replayed = client.get(f"{ANSWER}?{back}")

    assert (stolen.status_code, bare.status_code, good.status_code, replayed.status_code) == (
        401,
        401,
        303,
        401,
    )
    assert "another sign-in" in stolen.get_data(as_text=True)
    assert "has not begun" in bare.get_data(as_text=True)


def test_a_provider_that_is_another_is_not_used(app: Flask, provider: Provider) -> None:
    """Neither one that calls itself something else, nor one that says so in its answer."""
    client = app.test_client()
    back = begin(client, provider)
    mixed = client.get(f"{ANSWER}?{back}&iss=https://evil.example")
    provider.named = "https://evil.example"
    refused = client.get("/sign-in/oidc")

    assert mixed.status_code == 401
    assert refused.status_code == 503
    assert "calls itself" in refused.get_data(as_text=True)


def test_without_a_provider_there_is_no_button(settings: Settings, clock: FakeClock) -> None:
    """And no address for it."""
    app = create_app(replace(settings, sign_in="required"), clock)
    client = app.test_client()

    assert "Sign in with" not in client.get("/sign-in").get_data(as_text=True)
    assert client.get("/sign-in/oidc").status_code == 404
    app.extensions["abplat"].close()


def test_a_provider_in_the_own_network_is_not_asked(
    settings: Settings, clock: FakeClock, provider: Provider
) -> None:
    """Unless the operator lists it (H11)."""
    chosen = replace(settings, sign_in="required", oidc_issuer=provider.issuer, oidc_client_id=CLIENT)
    app = create_app(chosen, clock)

    assert app.test_client().get("/sign-in/oidc").status_code == 503
    app.extensions["abplat"].close()


def test_an_administrator_is_helped_to_set_it_up(app: Flask, provider: Provider) -> None:
    """The address to register, what is set, whether the provider answers; never the secret."""
    add_person(app, "root", is_admin=True)
    root = app.test_client()
    send(root, "/sign-in", email=email_of("root"), password=PASSWORD)
    page = root.get("/people/provider").get_data(as_text=True)
    asked = send(root, "/people/provider", page="/people/provider").get_data(as_text=True)

    assert "/sign-in/oidc/answer</code>" in page
    assert provider.issuer in page
    assert SECRET not in page
    assert "People are sent to" in asked
    assert "The provider answers" not in page
    ada = app.test_client()
    ada.get(f"{ANSWER}?{begin(ada, provider)}")
    assert ada.get("/people/provider").status_code == 403


def test_what_is_missing_is_said(settings: Settings, clock: FakeClock) -> None:
    """Without a provider the page says what to set; the API the same to administrators alone."""
    app = create_app(replace(settings, sign_in="local"), clock)
    page = app.test_client().get("/people/provider").get_data(as_text=True)
    app.extensions["abplat"].close()

    assert "ABPLAT_OIDC_ISSUER=" in page
    assert "Issuer or client id is not set." in page
    assert "Ask the provider" not in page
