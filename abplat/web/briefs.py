"""The brief as a page, as one HTML file and, where WeasyPrint is installed, as PDF."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from markupsafe import Markup

from abplat.web.brief import Brief, make_brief
from abplat.web.brief_words import EN, LANGUAGES
from abplat.web.paper import can_write_pdf, write_pdf
from abplat.web.results import PLACE, Opened, answer_file, inline_sheet, open_report
from abplat.web.sources import open_source


def add_pages(pages: Blueprint) -> None:
    """Put the brief under its addresses."""
    pages.add_url_rule(f"{PLACE}/brief", view_func=show_brief)
    pages.add_url_rule(f"{PLACE}/brief.html", view_func=download_html, endpoint="download_brief_html")
    pages.add_url_rule(f"{PLACE}/brief.pdf", view_func=download_pdf, endpoint="download_brief_pdf")


def show_brief(project: str, key: str) -> str:
    """Show the brief; ``?lang=fr`` for French, ``?report=HASH`` for an earlier report."""
    opened, brief = _make(project, key)
    return _render(opened, brief, "brief.html")


def download_html(project: str, key: str) -> Response:
    """Hand out the brief as one file that needs nothing else."""
    opened, brief = _make(project, key)
    body = _render(opened, brief, "brief_file.html", sheet=inline_sheet())
    name = f"{key}-brief-{brief.language}.html"
    return answer_file(body.encode(), "text/html; charset=utf-8", name, f"{brief.hash}-{brief.language}")


def download_pdf(project: str, key: str) -> Response:
    """Hand out the brief as PDF, where it can be set here."""
    opened, brief = _make(project, key)
    body = write_pdf(_render(opened, brief, "brief_file.html", sheet=inline_sheet()))
    name = f"{key}-brief-{brief.language}.pdf"
    return answer_file(body, "application/pdf", name, f"{brief.hash}-{brief.language}-pdf")


def _make(project: str, key: str) -> tuple[Opened, Brief]:
    """Write the brief of the report that the address asks for."""
    opened = open_report(project, key)
    with open_source() as source:
        document = source.get_experiment(project, key)
    asked = request.args.get("lang", EN)
    language = asked if asked in LANGUAGES else EN
    conclusion = document.get("conclusion") or {}
    return opened, make_brief(opened.stored.report, opened.stored.hash, conclusion, language)


def _render(opened: Opened, brief: Brief, template: str, sheet: Markup | None = None) -> str:
    """Make the page."""
    report = opened.stored.report
    return render_template(
        template,
        brief=brief,
        project=report.project,
        key=report.experiment.key,
        languages=LANGUAGES,
        can_write_pdf=can_write_pdf(),
        named=None if opened.is_latest else opened.stored.hash,
        sheet=sheet,
    )
