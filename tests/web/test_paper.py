"""PDF of the result page and of the brief, by the engine itself; without it the pages say what to do."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator

import pytest

from abplat.web.paper import Refusal, can_write_pdf, draw_icons, write_pdf
from tests.web import report_factory as factory
from tests.web.page_app import make_app

PLACE = "/projects/shop/experiments/trap"
needs_engine = pytest.mark.skipif(not can_write_pdf(), reason="WeasyPrint is not installed here")


def get(path: str, status: int = 200) -> bytes:
    """Fetch a file."""
    answer = make_app([factory.make_trap()]).test_client().get(path)

    assert answer.status_code == status
    return answer.get_data()


def inside(body: bytes) -> bytes:
    """Return a PDF with its streams unpacked."""

    def unpack() -> Iterator[bytes]:
        for stream in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", body, re.DOTALL):
            try:
                yield zlib.decompress(stream)
            except zlib.error:
                continue

    return body + b"".join(unpack())


def count_sheets(body: bytes) -> int:
    """Return how many sheets a PDF has."""
    return len(re.findall(rb"/Type\s*/Page\b", inside(body)))


@needs_engine
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_brief_is_one_sheet(language: str) -> None:
    """In both languages."""
    body = get(f"{PLACE}/brief.pdf?lang={language}")

    assert body.startswith(b"%PDF-")
    assert count_sheets(body) == 1


@needs_engine
def test_the_result_page_is_a_pdf_without_its_folds() -> None:
    """What is folded away stays away, so it is a handful of sheets."""
    body = get(f"{PLACE}/report.pdf")

    assert body.startswith(b"%PDF-")
    assert 2 <= count_sheets(body) <= 12


@needs_engine
def test_the_engine_fetches_nothing(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither from the disk nor from the network, whatever a page may name."""
    secret = tmp_path_factory.mktemp("secret") / "secret.svg"
    secret.write_text(
        "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><text>hidden</text></svg>"
    )
    plain = write_pdf("<p>page</p>")
    named = write_pdf(f"<p>page</p><img src='{secret.as_uri()}'>")

    assert abs(len(named) - len(plain)) < 200


@pytest.mark.skipif(can_write_pdf(), reason="WeasyPrint is installed here")
@pytest.mark.parametrize("path", [f"{PLACE}/brief.pdf", f"{PLACE}/report.pdf"])
def test_without_the_engine_the_page_says_what_to_do(path: str) -> None:
    """The browser's print looks the same."""
    assert b"print it to PDF" in get(path, 503)


def test_the_page_offers_pdf_only_where_it_can_be_set() -> None:
    """Else it names the print command."""
    page = get(PLACE).decode()

    assert ("report.pdf" in page) == can_write_pdf()
    assert ("print command" in page) != can_write_pdf()


def test_every_icon_is_drawn_where_it_stands() -> None:
    """No engine of PDF follows a reference into another picture."""
    page = get(f"{PLACE}/report.html").decode()
    drawn = draw_icons(page)

    assert "<use" in page
    assert "<use" not in drawn
    assert drawn.count('class="icon"') == page.count('class="icon"')


def test_a_fetch_is_refused() -> None:
    """With the address, cut short."""
    with pytest.raises(ValueError, match="fetches nothing"):
        Refusal()("file:///etc/passwd")
