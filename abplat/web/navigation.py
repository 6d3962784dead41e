"""The main menu: one line per page that can be reached from everywhere."""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import request, url_for

from abplat.domain.roles import ADMIN, ANALYST, EXPERIMENTER, VIEWER
from abplat.web.door import find_person, may


class Entry(NamedTuple):
    """One entry of the menu."""

    title: str
    endpoint: str
    role: str = VIEWER
    """Who sees it."""


class Item(NamedTuple):
    """An entry as this page shows it."""

    title: str
    url: str
    is_current: bool


EXPLORING: Final = (
    Entry("Timeline", "pages.show_timeline"),
    Entry("Metrics", "pages.list_metrics"),
    Entry("Learned", "pages.show_knowledge"),
    Entry("Customers", "pages.show_customers", ANALYST),
    Entry("Quality", "pages.show_quality"),
    Entry("Connect", "pages.show_sdk"),
    Entry("Glossary", "pages.show_glossary"),
)
"""Pages on which people find their way in a project."""
PROJECT_ENTRIES: Final = (
    Entry("Experiments", "pages.list_experiments"),
    Entry("Set-ups", "pages.list_setups", EXPERIMENTER),
    Entry("Journeys", "pages.list_journeys"),
    *EXPLORING,
    Entry("Approvals", "pages.list_approvals"),
    Entry("People", "pages.list_people", ADMIN),
    Entry("Webhooks", "pages.list_webhooks", ADMIN),
    Entry("Audit", "pages.show_audit", ANALYST),
)
"""Pages of a project; their addresses take ``project``."""
GENERAL_ENTRIES: Final = (
    Entry("Experiments", "pages.list_experiments"),
    Entry("Everybody", "pages.list_users", ADMIN),
    Entry("Sign-in", "pages.show_provider", ADMIN),
    Entry("Glossary", "pages.show_glossary"),
)
"""Pages of no project, shown where the address names none."""


def list_menu() -> list[Item]:
    """Return the menu of the present page, for who is signed in."""
    if find_person() is None:
        return []
    project = (request.view_args or {}).get("project")
    entries, place = (PROJECT_ENTRIES, {"project": project}) if project else (GENERAL_ENTRIES, {})
    return [
        Item(entry.title, url_for(entry.endpoint, **place), request.endpoint == entry.endpoint)
        for entry in entries
        if may(entry.role, project)
    ]
