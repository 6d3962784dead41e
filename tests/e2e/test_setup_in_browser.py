"""The whole path from the first question to the start, and the editor of journeys, in a real browser."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from waitress.server import create_server

from abplat.config import Settings
from tests.conftest import FakeClock
from tests.web.pictures_of import make_png
from tests.web.setup_app import open_app, run_jobs, send_events
from tests.web.test_setups import go_to

HOSTILE = '<script>alert("x")</script>{{7*7}}\u202eabc\U0001f3d5' + "w" * 150
SHOTS = os.environ.get("PICTURES_OF_PAGES", "")
"""Folder for pictures to look at; none are taken without it."""

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(name="app", scope="module")
def _app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """Return an application with a project."""
    with open_app(Settings(data_dir=tmp_path_factory.mktemp("setup")), FakeClock()) as app:
        yield app


@pytest.fixture(name="origin", scope="module")
def _origin(app: Flask) -> Iterator[str]:
    """Serve it on a free port."""
    server: Any = create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)


class Visitor:
    """A browser page that keeps what is said to the console and what leaves the origin."""

    def __init__(self, context: Any, origin: str) -> None:
        """Listen from the start."""
        self.page = context.new_page()
        self.origin = origin
        self.said: list[str] = []
        self.foreign: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", self._note)

    def _note(self, request: Any) -> None:
        """Keep what goes elsewhere."""
        if not request.url.startswith((self.origin, "data:")):
            self.foreign.append(request.url)

    def press(self, name: str) -> None:
        """Press a button by its name, and wait for the page that it leads to."""
        self.page.get_by_role("button", name=name, exact=True).last.click()
        self.page.wait_for_load_state("load")

    def fill(self, **fields: str) -> None:
        """Fill fields by their names."""
        for name, value in fields.items():
            self.page.locator(f'[name="{name}"]').last.fill(value)

    def look(self, name: str) -> None:
        """See that the page fits, and take a picture where asked."""
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"

        assert self.page.evaluate(wide) <= 0, name
        if SHOTS:
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), full_page=True)


LOOKS = {
    "light": {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"},
    "dark-phone-without-script": {
        "viewport": {"width": 390, "height": 800}, "color_scheme": "dark", "java_script_enabled": False,
    },
}  # fmt: skip


@pytest.mark.parametrize("look", list(LOOKS))
def test_from_the_question_to_the_start(chromium: Any, app: Flask, origin: str, look: str) -> None:
    """Six pages, quiet and narrow enough, with names that want to do harm."""
    context = chromium.new_context(**LOOKS[look])
    context.set_default_timeout(30_000)
    visitor = Visitor(context, origin)
    page = visitor.page
    page.goto(f"{origin}/projects/shop/new-experiment")
    visitor.press("Keep and go on")

    assert page.locator("[aria-invalid=true]").count() >= 4
    visitor.look(f"1-faults-{look}")
    visitor.fill(change=HOSTILE, people="new customers", outcome="bring more orders", because="it asks less")
    visitor.fill(title=f"{HOSTILE} {look}", key=f"form-{look}")
    visitor.press("Keep and go on")
    page.get_by_text("Buy a tent").first.click()
    visitor.press("Count its last 28 days")
    visitor.look(f"2-wait-{look}")
    run_jobs(app, "count")
    page.wait_for_url("**/journey#counts")
    visitor.look(f"2-journey-{look}")
    visitor.press("Keep and go on")
    visitor.look(f"3-decides-{look}")
    visitor.fill(min_effect="2", horizon="7d")
    visitor.press("Keep and go on")
    visitor.press("How long will it take?")
    run_jobs(app, "plan")
    page.wait_for_url("**/who#plan")
    visitor.look(f"4-who-{look}")
    visitor.press("Keep and go on")
    visitor.fill(**{"weight-1": "40"})
    visitor.press("Keep and go on")
    visitor.look(f"5-faults-{look}")
    visitor.fill(**{"weight-1": "50", "title-1": HOSTILE})
    for index in (0, 1):
        page.locator("summary", has_text="What each channel is told").nth(index).click()
        visitor.fill(**{f"payload-{index}-web": '{"fields": 3}'})
        shot = {"name": "shot.png", "mimeType": "image/png", "buffer": make_png(60, 40)}
        page.locator(f'[name="picture-{index}-web"]').set_input_files(shot)
    visitor.look(f"5-variants-{look}")
    visitor.press("Keep and go on")
    visitor.fill(unit="cust:7")
    visitor.press("What would they get?")

    assert page.get_by_text("cust:7 would").is_visible()
    page.locator("img.shot").wait_for(state="visible")
    assert page.evaluate("document.querySelector('img.shot').naturalWidth") == 60
    visitor.look(f"6-check-{look}")
    visitor.press("Start the experiment")

    assert page.url.endswith(f"/experiments/form-{look}")
    assert "<script>alert" in page.locator("h1").inner_text()
    assert [text for text in visitor.said if "422" not in text] == []
    assert visitor.foreign == []
    context.close()


@pytest.mark.parametrize("look", list(LOOKS))
def test_effect_is_traded_against_days(chromium: Any, app: Flask, origin: str, look: str) -> None:
    """A slider that says the days as it moves; without script a field and a button."""
    setup = go_to(app.test_client(), "variants", key=f"trade-{look}")
    answer_plan(app, setup.rpartition("/")[2])
    context = chromium.new_context(**LOOKS[look])
    context.set_default_timeout(30_000)
    visitor = Visitor(context, origin)
    page = visitor.page
    page.goto(f"{origin}{setup}/who")
    slider, answer = page.locator("#f-effect"), page.locator("#trade-answer")
    if "without-script" in look:
        slider.fill(slider.get_attribute("max"))
        visitor.press("How many days?")
    else:
        assert slider.get_attribute("type") == "range"
        slider.press("End")

    few = answer.inner_text()
    assert "is shown after about 14 days" in few
    if "without-script" in look:
        slider.fill(slider.get_attribute("min"))
        visitor.press("How many days?")
    else:
        slider.press("Home")
    assert answer.inner_text() != few
    visitor.look(f"4-trade-{look}")
    assert visitor.said == []
    context.close()


def answer_plan(app: Flask, setup: str) -> None:
    """Ask the planner, and answer in its place as if a thousand customers came in a day."""
    from abplat.analysis.planning.planner import make_answer
    from abplat.domain.plans import parse_plan_request
    from abplat.services import planning, setups
    from tests.conftest import NOW

    request = {"outcome": {"kind": "proportion", "baseline": 0.1}, "horizon": "7d", "effect": 0.1}
    answer = make_answer(parse_plan_request({**request, "traffic": {"per_day": 1_000}}), NOW)
    with app.extensions["abplat"].writers.begin() as session:
        asked = setups.ask_plan(session, "shop", setup, now=NOW).plan
        assert asked is not None
        planning.finish(session, "shop", asked["id"], answer, now=NOW)


def test_a_journey_is_written_tried_and_changed_by_keyboard(chromium: Any, origin: str) -> None:
    """Without script: Enter keeps, the buttons of rows keep what was typed."""
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    context.set_default_timeout(30_000)
    visitor = Visitor(context, origin)
    page = visitor.page
    page.goto(f"{origin}/projects/shop/new-journey")
    visitor.fill(
        title="Get help", window="7d", **{"stage-0-title": "Ask", "stage-0-match": "ask by web or app"}
    )
    visitor.press("Add a stage")
    visitor.fill(
        **{
            "stage-1-title": "Answer",
            "stage-1-match": "answer",
            "stage-2-title": "Solved",
            "stage-2-match": "solved",
        }
    )
    visitor.fill(events="2026-03-01T10:00Z cust:7 ask web\n2026-03-01T11:00Z cust:7 answer phone")
    visitor.press("Try it")

    assert page.get_by_text("2 events, 1 journey.").is_visible()
    visitor.fill(title="Get help quickly")
    page.locator('[name="title"]').press("Enter")
    page.wait_for_url("**/journeys/get-help-quickly")
    page.get_by_role("link", name="Change it").press("Enter")
    visitor.fill(window="14d")
    page.locator('[name="window"]').press("Enter")
    page.wait_for_url("**/journeys/get-help-quickly")
    page.get_by_role("link", name="What differs between versions").press("Enter")

    assert page.get_by_text("The window was 7d and is 14d.").is_visible()
    context.close()


@pytest.mark.parametrize("look", list(LOOKS))
def test_pages_of_journeys_are_quiet_and_fit(chromium: Any, app: Flask, origin: str, look: str) -> None:
    """The editor, the list, the map of everybody, and what is being set up."""
    context = chromium.new_context(**LOOKS[look])
    context.set_default_timeout(30_000)
    visitor = Visitor(context, origin)
    send_events(app)
    for name in ("journeys", "journeys/buy", "journeys/buy/edit", "new-journey", "setups", "new-experiment"):
        visitor.page.goto(f"{origin}/projects/shop/{name}")
        visitor.look(f"{name.replace('/', '-')}-{look}")
    visitor.page.goto(f"{origin}/projects/shop/journeys/buy")
    visitor.page.get_by_role("button", name="Count").first.click()
    run_jobs(app, "count")
    visitor.page.wait_for_url("**/journeys/buy#counts")
    visitor.look(f"counted-{look}")
    band = visitor.page.locator("svg.map a").first
    band.focus()
    band.press("Enter")
    visitor.page.wait_for_url("**way=*")

    assert visitor.page.get_by_text("journeys as examples").is_visible()
    visitor.look(f"move-{look}")
    visitor.page.locator('[name="least"]').select_option("10")
    visitor.press("Show")
    assert "least=10" in visitor.page.url
    assert visitor.said == []
    assert visitor.foreign == []
    context.close()
