"""What is drawn of a report once: the same for every reader, never that of another report, and bounded."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from abplat.domain.report import encode_report, hash_report
from abplat.web.drawn import Shelf
from tests.web import report_factory as factory
from tests.web.page_app import make_app


def test_a_report_is_drawn_once() -> None:
    """The second reader gets the very same."""
    app, report = make_app(), factory.make_report()
    shelf = Shelf()
    with app.app_context():
        first = shelf.draw(report, "one")

        assert shelf.draw(report, "one") is first
        assert "How long it takes" in first.rest
        assert "The journey, Shorter form against control" in first.way


def test_no_more_are_kept_than_fit() -> None:
    """The one that was not looked at for longest goes first."""
    app, report, shelf = make_app(), factory.make_report(), Shelf(2)
    with app.app_context():
        one = shelf.draw(report, "one")
        shelf.draw(report, "two")
        shelf.draw(report, "one")
        shelf.draw(report, "three")

        assert len(shelf) == 2
        assert shelf.draw(report, "one") is one


def test_two_reports_of_one_experiment_are_told_apart() -> None:
    """By the hash of their bytes, on the page itself."""
    won = factory.make_report()
    lost = factory.make_report(treatment=factory.TRAP)
    pages = [
        make_app([report]).test_client().get("/projects/shop/experiments/shorter-form").get_data(as_text=True)
        for report in (won, lost, won)
    ]

    assert hash_report(encode_report(won)) != hash_report(encode_report(lost))
    assert pages[0] != pages[1]
    assert "15.2" in pages[0]
    assert pages[0].count("<svg") == pages[2].count("<svg")


def test_many_readers_at_once_get_what_is_right() -> None:
    """Each the drawing of the report that was asked for."""
    app, shelf = make_app(), Shelf(4)
    reports = {name: factory.make_report(journey=factory.make_report().journey) for name in "abcdefgh"}

    def read(name: str) -> bool:
        with app.app_context():
            return shelf.draw(reports[name], name).way == expected

    with app.app_context():
        expected = shelf.draw(reports["a"], "a").way
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, "abcdefghabcdefgh"))
    assert len(shelf) == 4
