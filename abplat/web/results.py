"""Pages of results: the latest and any stored report, its downloads, and the decision on it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from flask import Blueprint, Response, redirect, render_template, request, url_for
from markupsafe import Markup

from abplat.errors import ConflictError, InvalidInputError, NotFoundError
from abplat.services import rulings
from abplat.services.notebook import write_notebook
from abplat.services.report_parquet import write_parquet
from abplat.services.report_parts import METRICS, PARTS, write_part
from abplat.web.cards import Card, make_empty
from abplat.web.deciding import DONE, DecisionForm, make_form, read_form
from abplat.web.drawn import SHELF
from abplat.web.experiments import find_card
from abplat.web.paper import can_write_pdf, write_pdf
from abplat.web.report_sources import Record
from abplat.web.result import make_page
from abplat.web.sources import Stored, open_source, read_stored
from abplat.web.view_options import ViewOptions, read_options
from abplat.web.writing import current_platform, open_writer

SHEETS = ("abplat.css", "forms.css")
PLACE = "/projects/<project>/experiments/<key>"
Answer = Any
"""A page, alone or with its status."""


class Opened(NamedTuple):
    """A stored report with everything that its page shows beside it."""

    stored: Stored
    card: Card
    project_title: str
    record: Record
    is_latest: bool


def add_pages(pages: Blueprint) -> None:
    """Put these pages under their addresses."""
    pages.add_url_rule(PLACE, view_func=show_experiment)
    pages.add_url_rule(f"{PLACE}/decide", view_func=decide, methods=["POST"])
    pages.add_url_rule(f"{PLACE}/reports/<report_hash>", view_func=show_report)
    pages.add_url_rule(f"{PLACE}/report.json", view_func=download_json)
    pages.add_url_rule(f"{PLACE}/report.csv", view_func=download_csv)
    pages.add_url_rule(f"{PLACE}/report.html", view_func=download_html)
    pages.add_url_rule(f"{PLACE}/report.pdf", view_func=download_pdf)
    pages.add_url_rule(f"{PLACE}/report.parquet", view_func=download_parquet)
    pages.add_url_rule(f"{PLACE}/report.ipynb", view_func=download_notebook)


def show_experiment(project: str, key: str) -> Answer:
    """Show the latest result of an experiment, or why there is none."""
    opened = _open(project, key)
    if isinstance(opened, Card):
        return render_template("empty.html", card=opened, empty=make_empty(opened, has_exposures=None))
    return _render(opened, notice=DONE.get(request.args.get("decided", ""), ""))


def show_report(project: str, key: str, report_hash: str) -> Answer:
    """Show one report as it was: the address that others can rely on."""
    return _render(_require(project, key, report_hash))


def decide(project: str, key: str) -> Answer:
    """Ship, roll back or keep running; what cannot be is said beside the form, with what was typed kept."""
    sent = read_form(request.form)
    try:
        with open_writer(project) as session:
            rulings.decide(session, project, key, sent, now=current_platform().clock())
    except (ConflictError, InvalidInputError) as error:
        opened = _require(project, key)
        state = opened.card.state
        form = make_form(opened.stored.report, opened.stored.hash, state, sent, error)
        status = 422 if isinstance(error, InvalidInputError) else 409
        return _render(opened, form=form), status
    place = url_for("pages.show_experiment", project=project, key=key, decided=sent.get("ruling", ""))
    return redirect(place, 303)


def download_json(project: str, key: str) -> Response:
    """Hand out the report exactly as it is stored."""
    stored = _require(project, key, request.args.get("report")).stored
    return answer_file(stored.document, "application/json", f"{key}.json", stored.hash)


def download_csv(project: str, key: str) -> Response:
    """Hand out the metric table, one row per metric and variant, or one further part of the report."""
    stored = _require(project, key, request.args.get("report")).stored
    part = request.args.get("part", METRICS)
    body = write_part(stored.report, part).encode()
    return answer_file(body, "text/csv; charset=utf-8", f"{key}.csv", stored.hash)


def download_html(project: str, key: str) -> Response:
    """Hand out the page as one file that needs nothing else."""
    opened = _require(project, key, request.args.get("report"))
    body = _render(opened, template="result_file.html", sheet=inline_sheet())
    return answer_file(body.encode(), "text/html; charset=utf-8", f"{key}.html", opened.stored.hash)


def download_pdf(project: str, key: str) -> Response:
    """Hand out what is seen of the page as PDF, where it can be set here."""
    opened = _require(project, key, request.args.get("report"))
    body = write_pdf(_render(opened, template="result_file.html", sheet=inline_sheet()))
    return answer_file(body, "application/pdf", f"{key}.pdf", f"{opened.stored.hash}-pdf")


def download_parquet(project: str, key: str) -> Response:
    """Hand out the metric table with types."""
    stored = _require(project, key, request.args.get("report")).stored
    body = write_parquet(stored.report)
    return answer_file(body, "application/vnd.apache.parquet", f"{key}.parquet", f"{stored.hash}-parquet")


def download_notebook(project: str, key: str) -> Response:
    """Hand out a notebook that holds the report and makes its numbers again."""
    stored = _require(project, key, request.args.get("report")).stored
    body = write_notebook(stored.report, stored.hash).encode()
    return answer_file(body, "application/x-ipynb+json", f"{key}.ipynb", f"{stored.hash}-ipynb")


def open_report(project: str, key: str) -> Opened:
    """Return the report that the address asks for, the latest or the one named.

    Raises:
        NotFoundError: If there is none.
    """
    return _require(project, key, request.args.get("report"))


def _open(project: str, key: str, report_hash: str | None = None) -> Opened | Card:
    """Read what a page shows; the card alone where the experiment has no report."""
    with open_source() as source:
        title = str(source.get_project(project).get("title") or project)
        latest = source.find_report(project, key)
        stored = latest
        if report_hash and not (latest and latest.hash == report_hash):
            stored = read_stored(*source.get_report(project, key, report_hash))
        card = find_card(source, project, key, stored.report if stored else None)
        if stored is None:
            return card
        record = source.read_record(project, key, stored.report)
    return Opened(stored, card, title, record, latest is not None and latest.hash == stored.hash)


def _require(project: str, key: str, report_hash: str | None = None) -> Opened:
    """Return a report, or say that there is none."""
    opened = _open(project, key, report_hash)
    if isinstance(opened, Card):
        raise NotFoundError(f"experiment {key[:64]!r} has no report yet")
    return opened


def _render(
    opened: Opened, *, form: DecisionForm | None = None, notice: str = "", template: str = "result.html",
    sheet: Markup | None = None,
) -> str:  # fmt: skip
    """Make the page of a report."""
    report = opened.stored.report
    is_live = sheet is None
    options = read_options(request.args, report) if is_live else ViewOptions()
    if form is None and opened.is_latest and is_live:
        form = make_form(report, opened.stored.hash, opened.card.state)
    return render_template(
        template,
        page=make_page(report, opened.stored.hash, opened.record, options),
        drawn=SHELF.draw(report, opened.stored.hash),
        project=report.project,
        key=report.experiment.key,
        project_title=opened.project_title,
        form=form,
        notice=notice,
        is_live=is_live,
        is_latest=opened.is_latest,
        conclusion=opened.card.state == "concluded",
        sheet=sheet,
        options=options,
        can_write_pdf=can_write_pdf(),
        parts=[part for part in PARTS if getattr(report, part)],
    )


def answer_file(body: bytes, kind: str, name: str, report_hash: str) -> Response:
    """Answer with a file."""
    response = Response(body, content_type=kind)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.set_etag(report_hash)
    return response


@cache
def inline_sheet() -> Markup:
    """Return the style sheets as text for a file of its own."""
    folder = Path(__file__).parent / "static"
    return Markup("").join(Markup((folder / name).read_text()) for name in SHEETS)  # noqa: S704  # ours
