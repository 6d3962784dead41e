"""Page of what the events say that nobody has defined: journeys to propose, and touchpoints not yet known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for

from abplat.domain.catalogue import Document
from abplat.domain.roles import ANALYST, VIEWER
from abplat.errors import NotFoundError
from abplat.services import discoveries, jobs
from abplat.web import wording
from abplat.web.by_api import write_call
from abplat.web.cards import say_time
from abplat.web.door import require_role
from abplat.web.form_reader import make_sentence
from abplat.web.journey_page import make_journey_page
from abplat.web.writing import current_platform, open_writer


@dataclass(frozen=True, slots=True)
class ProposalCard:
    """A journey that customers seem to walk."""

    number: int
    title: str
    sentence: str
    why: str
    stages: str
    facts: tuple[tuple[str, str], ...]


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/discovered"
    pages.add_url_rule(place, "show_discovered", show_discovered)
    pages.add_url_rule(place, "discover", discover, methods=["POST"])
    pages.add_url_rule(f"{place}/wait", "wait_for_discovered", wait_for_discovered)


@require_role(VIEWER)
def show_discovered(project: str) -> str:
    """Show what was found last."""
    with current_platform().sessions() as session:
        try:
            found: Document | None = discoveries.get(session, project)
            unknown = discoveries.list_unknown(session, project)["items"]
        except NotFoundError:
            found, unknown = None, []
    cards = [
        _make_card(project, index, each) for index, each in enumerate(found["proposals"] if found else ())
    ]
    return render_template(
        "discovered.html", project=project, found=found, cards=cards, unknown=unknown,
        made=say_time(found["created_at"]) if found else "", sentence=_say(found) if found else "",
        calls=[write_call("Look at the events", "POST", "/v1/discoveries"), write_call("Read what was found", "GET", "/v1/discoveries/latest")],
    )  # fmt: skip


@require_role(ANALYST)
def discover(project: str) -> Any:
    """Ask the worker to look at the events."""
    with open_writer() as session:
        job = discoveries.request(session, project, now=current_platform().clock())
    return redirect(url_for("pages.wait_for_discovered", project=project, job=job), 303)


@require_role(VIEWER)
def wait_for_discovered(project: str) -> Any:
    """Wait for the worker, then show what it found."""
    back, typed = url_for("pages.show_discovered", project=project), request.args.get("job", "")
    job = int(typed) if typed.isdecimal() and len(typed) < 16 else 0
    with current_platform().sessions() as session:
        if not jobs.is_waiting(session, "discover", job):
            return redirect(back, 303)
    return render_template("wait.html", project=project, what="discovery", back=back)


def _make_card(project: str, number: int, proposal: Document) -> ProposalCard:
    """Describe one proposal."""
    page = make_journey_page({"key": project}, proposal["definition"], (), ())
    median = proposal["median_seconds"]
    return ProposalCard(
        number=number,
        title=page.title,
        sentence=page.sentence,
        why=make_sentence(proposal["why"]),
        stages=" → ".join(stage.title for stage in page.stages),
        facts=(
            ("Began", wording.count(proposal["n_started"])),
            ("Complete", wording.count(proposal["n_completed"])),
            ("Median time", wording.DASH if median is None else wording.duration(median)),
        ),
    )


def _say(found: Document) -> str:
    """Say what was looked at."""
    text = f"{wording.count(found['n_events'])} events of {wording.count(found['n_customers'])} customers were looked at"
    return text + (", a sample of them." if found["is_sample"] else ".")
