"""The page of metrics says what the catalogue of kinds says."""

from __future__ import annotations

from .write_metrics import PAGE, splice


def test_the_table_of_kinds_is_current() -> None:
    """``python -m tests.docs.write_metrics`` writes it anew."""
    page = PAGE.read_text()

    assert splice(page) == page
