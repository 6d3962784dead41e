"""Pictures of variants: by form and by API, read by content, handed out as what they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from abplat.config import Settings
from abplat.domain.pictures import MAX_BYTES, read_picture
from abplat.errors import InvalidInputError
from abplat.services import keys
from tests.conftest import FakeClock
from tests.web.people_app import send
from tests.web.pictures_of import JPEG, WEBP, make_png
from tests.web.setup_app import VARIANTS, open_app, read
from tests.web.test_setups import go_to

PLACE = "/v1/experiments/shorter-form/pictures"


@pytest.fixture(name="app")
def _app(settings: Settings, clock: FakeClock) -> Iterator[Flask]:
    """Return an application with a project."""
    with open_app(settings, clock) as app:
        yield app


@pytest.fixture(name="setup")
def _setup(app: Flask) -> str:
    """Return the address of a set-up whose variants come next."""
    return go_to(app.test_client(), "variants")


def upload(app: Flask, setup: str, file: bytes, name: str = "shot.png", **fields: Any) -> Any:
    """Send the variants with a file for the treatment on the web."""
    files = {"picture-1-web": (io.BytesIO(file), name)}
    return send(app.test_client(), f"{setup}/variants", page=f"{setup}/variants", do="save", **VARIANTS, **files, **fields)  # fmt: skip


def call(app: Flask, method: str, path: str, **over: Any) -> Any:
    """Call the API with an admin key."""
    with app.extensions["abplat"].writers.begin() as session:
        token = keys.create(session, "shop", "admin", now=app.extensions["abplat"].clock()).token
    return app.test_client().open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **over)


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        (make_png(4, 3), ("image/png", 4, 3)),
        (b"GIF87a" + bytes([3, 0, 2, 0]) + b"..", ("image/gif", 3, 2)),
        (JPEG, ("image/jpeg", 5, 2)),
        (WEBP, ("image/webp", 7, 9)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8L\x00\x00\x00\x00\x2f" + (6 | 8 << 14).to_bytes(4, "little") + b"." * 8, ("image/webp", 7, 9)),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 " + b"\x00" * 10 + bytes([7, 0, 9, 0]), ("image/webp", 7, 9)),
    ],
    ids=["png", "gif", "jpeg", "webp", "lossless", "lossy"],
)  # fmt: skip
def test_a_picture_is_what_its_content_says(body: bytes, facts: tuple[str, int, int]) -> None:
    """Whatever its name."""
    assert tuple(read_picture(body)) == facts


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad_picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "bad_picture"),
        (b"<!doctype html><script>alert(1)</script>", "bad_picture"),
        (b"\xff\xd8\xff", "bad_picture"),
        (b"\xff\xd8" + b"\xff" * 40, "bad_picture"),
        (b"\xff\xd8\xff\xe0\x00\x00" + b"\x00" * 40, "bad_picture"),
        (b"RIFF\x00\x00\x00\x00WEBPXXXX" + b"\x00" * 20, "bad_picture"),
        (make_png(9_000, 3), "too_large"),
        (make_png(0, 3), "too_large"),
        (make_png() + b"\x00" * MAX_BYTES, "too_large"),
    ],
)
def test_what_is_no_small_picture_is_refused(body: bytes, code: str) -> None:
    """Nothing that could run in a browser, nothing that unpacks to a wall."""
    with pytest.raises(InvalidInputError) as caught:
        read_picture(body)

    assert caught.value.problems[0].code == code


def test_a_picture_comes_with_the_form_and_is_shown(app: Flask, setup: str) -> None:
    """Kept under variant and channel, with headers that let it be nothing else; taken away by a tick."""
    client = app.test_client()
    kept = upload(app, setup, make_png(), "evil.html")
    page = client.get(f"{setup}/variants").get_data(as_text=True)
    tried = client.get(f"{setup}/check?unit=cust:7").get_data(as_text=True)
    shown = client.get("/projects/shop/experiments/shorter-form/pictures/short/web")

    assert kept.status_code == 303
    assert 'src="/projects/shop/experiments/shorter-form/pictures/short/web?v=' in page
    assert "would get" in tried
    assert (shown.status_code, shown.content_type) == (200, "image/png")
    assert shown.data == make_png()
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    send(
        client,
        f"{setup}/variants",
        page=f"{setup}/variants",
        do="save",
        **VARIANTS,
        **{"nopicture-1-web": "on"},
    )
    assert client.get("/projects/shop/experiments/shorter-form/pictures/short/web").status_code == 404


def test_a_file_that_is_no_picture_is_refused_beside_its_field(app: Flask, setup: str) -> None:
    """And nothing of the form is kept."""
    refused = upload(app, setup, b"<svg/>", **{"payload-0-store": '{"a": 1}', "payload-1-store": '{"a": 1}'})
    page = refused.get_data(as_text=True)
    with read(app) as session:
        from abplat.services import experiments

        variants = experiments.get(session, "shop", "shorter-form")["variants"]

    assert refused.status_code == 422
    assert "The picture is no PNG, JPEG, GIF or WebP; save the screenshot as one of these." in page
    assert all("store" not in each["payloads"] for each in variants)


def test_the_api_does_the_same(app: Flask, setup: str) -> None:
    """Put, list, read and remove; the trail names the hashes."""
    upload(app, setup, make_png())
    put = call(app, "PUT", f"{PLACE}/control/web", data=JPEG, content_type="image/png")
    listed = call(app, "GET", PLACE).get_json()["items"]
    file = call(app, "GET", f"{PLACE}/control/web")
    removed = call(app, "DELETE", f"{PLACE}/control/web")
    trail = call(app, "GET", "/v1/audit?noun=pictures").get_json()["items"]

    assert (put.status_code, put.get_json()["media_type"], put.get_json()["width"]) == (200, "image/jpeg", 5)
    assert [(each["variant"], each["channel"]) for each in listed] == [("control", "web"), ("short", "web")]
    assert (file.data, file.content_type) == (JPEG, "image/jpeg")
    assert removed.status_code == 204
    assert [each["verb"] for each in trail] == ["remove", "put", "put"]
    assert trail[0]["before"]["hash"] == put.get_json()["hash"]


@pytest.mark.parametrize(
    ("place", "status"),
    [("nobody/web", 422), ("control/radio", 422)],
    ids=["no variant", "no channel"],
)
def test_a_picture_of_nothing_is_refused(app: Flask, setup: str, place: str, status: int) -> None:
    """The variant and the channel must be there."""
    del setup
    assert call(app, "PUT", f"{PLACE}/{place}", data=JPEG, content_type="image/jpeg").status_code == status
    assert call(app, "DELETE", f"{PLACE}/{place}").status_code == 404
