"""One Chromium for the tests of a module, and a visitor for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.shop import ARGS, CHROMIUM, PATIENCE


@pytest.fixture(name="chromium", scope="module")
def _chromium() -> Iterator[Any]:
    """Start one Chromium for all tests of a module."""
    playwright_api = pytest.importorskip("playwright.sync_api")
    if not shutil.which(CHROMIUM) or not shutil.which("node"):
        pytest.skip("no Chromium or no node here")
    with playwright_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A visitor who was never here before."""
    context = chromium.new_context()
    context.set_default_timeout(PATIENCE * 1_000)
    yield context.new_page()
    context.close()
