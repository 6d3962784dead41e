"""The result page and the brief in a real browser, over the real service: from the list to the conclusion."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from waitress.server import create_server

from abplat.app import create_app
from abplat.clock import parse_instant
from abplat.config import Settings
from abplat.domain.report import Report
from abplat.services import catalogue, experiments, reports
from abplat.services.experiments import Moment
from tests.web import report_factory as factory
from tests.web.definitions import make_definitions
from tests.web.test_result_views import HOSTILE

NOW = parse_instant("2026-03-23T07:00:00Z")
PLACE = "/projects/shop/experiments/trap"
pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


def looks() -> list[Report]:
    """Make three looks at the trap, a week apart."""
    report = factory.make_trap()
    at = parse_instant(report.inputs.as_of)
    made = []
    for week in (2, 1, 0):
        text = (at - timedelta(weeks=week)).isoformat().replace("+00:00", "Z")
        inputs = msgspec.structs.replace(report.inputs, as_of=text, definitions_hash=str(min(week, 1)))
        made.append(msgspec.structs.replace(report, inputs=inputs))
    return made


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve an installation with one experiment that is judged, and one on the same journey."""
    app = create_app(
        Settings(data_dir=Path(tmp_path_factory.mktemp("shop")), sign_in="local"), clock=lambda: NOW
    )
    with app.extensions["abplat"].writers.begin() as session:
        catalogue.apply(session, make_definitions("trap", "shorter-form"), now=NOW)
        for key in ("trap", "shorter-form"):
            moment = Moment(NOW, NOW - timedelta(days=21))
            experiments.start(session, "shop", key, moment, anyway="a test of the pages")
        for report in (*looks(), factory.make_report()):
            reports.store(session, report, now=NOW)
    server: Any = create_server(app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(5)
    app.extensions["abplat"].close()


def listen(page: Any) -> list[str]:
    """Gather what a page says to its console, and every request to elsewhere."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: None if "127.0.0.1" in request.url else said.append(request.url))
    return said


@pytest.mark.parametrize(("width", "scheme"), [(1200, "light"), (390, "dark")])
@pytest.mark.parametrize(
    "path", [PLACE, f"{PLACE}?scale=per_1000&sort=change&baseline=treatment", f"{PLACE}/brief?lang=fr"]
)
def test_pages_are_quiet_and_fit_with_every_fold_open(
    chromium: Any, origin: str, path: str, width: int, scheme: str
) -> None:
    """No console message, no request to elsewhere, no sideways scrolling of the page."""
    context = chromium.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    said = listen(page)
    page.goto(origin + path)
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")

    assert page.get_by_role("heading", name="Quote form without the size question").count() == 1
    assert [text for text in said if not text.startswith("data:")] == []
    assert overflow <= 0
    context.close()


def test_every_picture_has_a_table_or_a_row_behind_it(page: Any, origin: str) -> None:
    """A section with a picture has a table; every picture says a whole sentence."""
    page.goto(origin + PLACE)
    bare = page.evaluate(
        """[...document.querySelectorAll('svg[role=img]')].filter(
            each => !each.closest('section')?.querySelector('table, dl')).map(each => each.ariaLabel)"""
    )
    labels = page.evaluate("[...document.querySelectorAll('svg[role=img]')].map(each => each.ariaLabel)")

    assert bare == []
    assert len(labels) > 15
    assert all(labels)


def test_print_leaves_out_forms_and_keeps_the_charts_light(page: Any, origin: str) -> None:
    """On paper there is nothing to press; a dark theme is printed on white, and the brief fills one sheet."""
    page.emulate_media(media="print", color_scheme="dark")
    page.goto(origin + PLACE)

    assert not page.locator("#decide").is_visible()
    assert not page.get_by_text("Sort, filter, or compare otherwise").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"

    for name in ("people", "approvals", "annotations"):
        page.goto(f"{origin}/projects/shop/{name}")

        assert (
            page.locator("main :is(input:not([type=hidden]), select, textarea, button):visible").count() == 0
        )

    page.goto(f"{origin}{PLACE}/brief")

    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4"))) == 1


def test_a_view_is_chosen_by_form_without_script(chromium: Any, origin: str) -> None:
    """Plain GET parameters, which stay in the address."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(origin + PLACE)
    page.get_by_text("Sort, filter, or compare otherwise").click()
    page.get_by_label("Change", exact=True).select_option("per_1000")
    page.get_by_label("Show", exact=True).select_option("guardrail")
    page.get_by_role("button", name="Show").click()

    assert "scale=per_1000" in page.url
    assert page.get_by_role("rowheader", name="Calls per customer").first.is_visible()
    assert "per 1,000 customers" in page.locator("table.metrics").first.inner_text()
    context.close()


def test_from_the_list_to_a_point_in_time_and_back(page: Any, origin: str) -> None:
    """The share link shows the report as it was, the history leads to earlier looks."""
    page.goto(origin)
    page.get_by_role("link", name="Quote form trap").first.click()
    page.get_by_text("Every look, change and decision").click()
    page.locator("#history ~ details a").first.click()

    assert page.get_by_text("As it was on 2026-03-16").is_visible()
    assert not page.locator("#decide").count()

    page.get_by_role("link", name="Open the latest").click()

    assert page.get_by_text("live: the latest report").is_visible()


def test_hostile_hypothesis_is_text(page: Any, origin: str) -> None:
    """A script in the address of a view is never run either."""
    said = listen(page)
    for words in HOSTILE[::3]:
        page.goto(f"{origin}{PLACE}?find={words.replace('#', '')}")

    assert not page.locator("main script").count()
    assert [text for text in said if "alert" in text and not text.startswith(origin)] == []


def test_decision_by_keyboard_from_refusal_to_conclusion(chromium: Any, origin: str) -> None:
    """The trap may not be shipped in silence; what was typed is kept; rolled back it is concluded."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(origin + PLACE)
    page.locator("#decide summary").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("More forms, fewer tents")
    page.get_by_role("button", name="Ship").click()

    assert "Give a reason to decide all the same" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Why? What was learned?").input_value() == "More forms, fewer tents"

    page.get_by_role("button", name="Roll back").click()

    assert page.get_by_text("Rolled back: the experiment is concluded").is_visible()
    assert not page.locator("#decide").count()

    page.get_by_text("Every look, change and decision").click()

    assert page.get_by_role("cell", name="concluded it as lost").is_visible()
    assert page.get_by_role("cell", name="somebody at this machine").first.is_visible()

    page.get_by_role("link", name="One-page brief").click()

    assert page.get_by_text("More forms, fewer tents").is_visible()
    context.close()


def test_a_campaign_is_noted_and_marked_on_the_line_without_script(chromium: Any, origin: str) -> None:
    """From the chart to the form and back; a hostile title is text."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(origin + PLACE)
    page.get_by_role("link", name="Note a release, an outage or a campaign").click()
    page.get_by_label("What happened", exact=False).first.fill(f"Tent week {HOSTILE[0]}")
    page.get_by_label("Kind").select_option("campaign")
    page.get_by_label("When, in UTC").fill("2026-03-12T10:00")
    page.get_by_label("Until, in UTC").fill("2026-03-14T10:00")
    page.get_by_role("button", name="Note it").click()

    assert page.get_by_role("rowheader", name="Tent week").is_visible()

    page.goto(origin + PLACE)
    notes = str(page.locator("ol.notes").first.text_content())

    assert "2026-03-12 10:00 UTC to 2026-03-14 10:00 UTC: campaign: Tent week" in notes
    assert HOSTILE[0] in notes
    context.close()


def test_every_export_on_the_page_answers(page: Any, origin: str) -> None:
    """Each with the kind of file that it says."""
    page.goto(origin + PLACE)
    links = page.locator("dl.downloads a")
    names = [str(links.nth(place).text_content()) for place in range(links.count())]
    found = {
        name: page.request.get(origin + str(links.nth(place).get_attribute("href")))
        for place, name in enumerate(names)
    }

    assert {"Download CSV", "Download Parquet", "Download JSON", "Download as one HTML file"} <= set(names)
    assert {name: answer.status for name, answer in found.items()} == dict.fromkeys(names, 200)
    assert found["Download Parquet"].body()[:4] == b"PAR1"
    assert b"nbformat" in found["Download a notebook that makes the numbers again"].body()


def test_a_check_leads_to_its_part_and_every_section_shows_when_scrolled_to(page: Any, origin: str) -> None:
    """What is not laid out until it is seen is there when it is."""
    page.goto(origin + PLACE)
    last = page.get_by_role("heading", name="History", exact=True)
    last.scroll_into_view_if_needed()

    assert last.is_visible()
    assert page.locator("#timing").count() == 1
    page.locator("#timing").scroll_into_view_if_needed()
    assert page.locator("section:has(#timing) svg").first.bounding_box()["height"] > 100
