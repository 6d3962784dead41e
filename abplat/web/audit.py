"""The page of the audit trail, and its files."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, render_template, request

from abplat.clock import parse_instant
from abplat.domain.roles import ANALYST
from abplat.errors import InvalidInputError
from abplat.services import audit_trail, projects
from abplat.services.audit_trail import AuditFilter
from abplat.web.door import require_role
from abplat.web.writing import current_platform

_PAGE = 50
_NAMES = ("actor", "noun", "verb", "key")


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/audit"
    pages.add_url_rule(place, "show_audit", show_audit)
    pages.add_url_rule(f"{place}.csv", "export_audit_csv", export_audit_csv)
    pages.add_url_rule(f"{place}.jsonl", "export_audit_jsonl", export_audit_jsonl)


@require_role(ANALYST)
def show_audit(project: str) -> str:
    """Show who did what, when, and what it was before and after."""
    given = {name: request.args.get(name, "") for name in (*_NAMES, "since", "until")}
    try:
        wanted, fault = _read_filter(), ""
    except InvalidInputError as error:
        wanted, fault = AuditFilter(), error.message
    with current_platform().sessions() as session:
        title = projects.get(session, project)["title"]
        entries = audit_trail.list_(session, project, wanted, limit=_PAGE)
        choices = audit_trail.list_choices(session, project)
        chain = audit_trail.verify(session, project) if "verify" in request.args else None
        head = audit_trail.read_head(session, project)
    older = entries[-1]["id"] if len(entries) == _PAGE else None
    asked = {name: value for name, value in given.items() if value}
    return render_template(
        "audit.html", project=project, project_title=title, entries=[_show(each) for each in entries],
        choices=choices, given=given, fault=fault, older=older, asked=asked, chain=chain, head=head,
    )  # fmt: skip


@require_role(ANALYST)
def export_audit_csv(project: str) -> Response:
    """Hand out the trail as a table."""
    return _file(project, "csv", "text/csv; charset=utf-8", audit_trail.write_csv)


@require_role(ANALYST)
def export_audit_jsonl(project: str) -> Response:
    """Hand out the trail as one JSON object per line."""
    return _file(project, "jsonl", "application/x-ndjson", audit_trail.write_json)


def _file(project: str, suffix: str, kind: str, write: Any) -> Response:
    """Answer with a file."""
    with current_platform().sessions() as session:
        entries = audit_trail.list_(session, project, _read_filter(), limit=audit_trail.MAX_EXPORTED)
        head = audit_trail.read_head(session, project)
    response = Response(write(entries), content_type=kind)
    response.headers["Abplat-Audit-Head"] = f"{head['position']} {head['head']}"
    response.headers.set("Content-Disposition", "attachment", filename=f"{project}-audit.{suffix}")
    return response


def _read_filter() -> AuditFilter:
    """Read which entries are wanted.

    Raises:
        InvalidInputError: If an instant is none.
    """
    args = request.args
    before = args.get("before", "")
    return AuditFilter(
        **{name: args.get(name) or None for name in _NAMES},
        since=_read_day("since"),
        until=_read_day("until"),
        before_id=int(before) if before.isdecimal() and len(before) < 16 else None,
    )


def _read_day(name: str) -> datetime | None:
    """Read a day, which begins at midnight UTC, or an instant."""
    text = request.args.get(name, "")
    if not text:
        return None
    return parse_instant(f"{text}T00:00:00Z" if len(text) == 10 else text, name)


def _show(entry: dict[str, Any]) -> dict[str, Any]:
    """Write before and after as a person reads them: only what differs."""
    before, after = entry["before"], entry["after"]
    if isinstance(before, dict) and isinstance(after, dict):
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        before, after = ({name: each[name] for name in names if name in each} for each in (before, after))
    return {**entry, "before": _write(before), "after": _write(after)}


def _write(value: Any) -> str:
    """Write a value."""
    if value is None or value == {}:
        return ""
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()
