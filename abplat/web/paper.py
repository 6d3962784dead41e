"""Pages on paper: PDF by WeasyPrint, where it is installed."""

from __future__ import annotations

import re
import threading
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from abplat.errors import UnavailableError

ENGINE: Final = "weasyprint"
_ONE_AT_A_TIME: Final = threading.Lock()
_SYMBOL: Final = re.compile(r'<symbol id="([\w-]+)" viewBox="([^"]+)">(.*?)</symbol>')
_USE: Final = re.compile(r'<svg class="icon" aria-hidden="true"><use href="#([\w-]+)"/></svg>')


@cache
def can_write_pdf() -> bool:
    """Tell whether WeasyPrint is here; it is not imported before the first PDF."""
    return find_spec(ENGINE) is not None


def write_pdf(page: str) -> bytes:
    """Set a page that holds all it needs; nothing it may name is fetched.

    Raises:
        UnavailableError: If WeasyPrint is not installed here.
    """
    if not can_write_pdf():
        raise UnavailableError(
            "PDF needs WeasyPrint, which is not installed here (the extra 'pdf'); "
            "open the page and print it to PDF with the browser: it looks the same"
        )
    engine: Any = import_module(ENGINE)
    with _ONE_AT_A_TIME:  # a page takes seconds of a processor: many at once would keep everybody waiting
        body: bytes = engine.HTML(string=draw_icons(page), url_fetcher=Refusal()).write_pdf()
    return body


def draw_icons(page: str) -> str:
    """Draw every icon where it stands: no engine of PDF follows a reference into another picture."""
    shapes = {name: (box, marks) for name, box, marks in _SYMBOL.findall(page)}

    def draw(found: re.Match[str]) -> str:
        """Return one icon."""
        box, marks = shapes.get(found[1], ("0 0 16 16", ""))
        return f'<svg class="icon" viewBox="{box}" width="12" height="12">{marks}</svg>'

    return _USE.sub(draw, page)


class Refusal:
    """Refuses to fetch anything: the page holds all it needs."""

    _fail_on_errors = False
    """What WeasyPrint asks of whoever fetches, since 67: a refusal leaves a gap and does not end the page."""

    def __call__(self, address: str, *_: Any, **__: Any) -> Any:
        """Refuse.

        Raises:
            ValueError: Always.
        """
        raise ValueError(f"a page on paper fetches nothing, least of all {address[:80]}")
