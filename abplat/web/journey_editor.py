"""Pages that write journeys: a new one, a new version, a try on example events, and what differs between versions."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from abplat.domain.catalogue import JOURNEYS, Document, changed_fields, is_new_version
from abplat.domain.journey_changes import describe_changes
from abplat.domain.roles import EXPERIMENTER, VIEWER
from abplat.errors import ConflictError, InvalidInputError, NotFoundError, StaleVersionError
from abplat.services import discoveries, journey_trials, journeys
from abplat.services.definitions import load_entries
from abplat.services.journey_trials import Trial
from abplat.web import journey_forms as forms
from abplat.web import wording
from abplat.web.by_api import write_call
from abplat.web.cards import say_time
from abplat.web.door import current_person, require_role
from abplat.web.form_reader import FormReader, make_sentence
from abplat.web.journey_page import make_journey_page
from abplat.web.writing import current_platform, open_writer

STATUSES = {
    "completed": wording.Word("Completed", "check", "good"),
    "open": wording.Word("Still open", "clock", "calm"),
    "abandoned": wording.Word("Abandoned", "dash", "warn"),
    "aborted": wording.Word("Aborted", "warning", "warn"),
    "superseded": wording.Word("Replaced by a newer one", "dash", "calm"),
}


class WalkRow(NamedTuple):
    """One journey that came of the examples, in words."""

    customer: str
    word: wording.Word
    reason: str
    reached: tuple[tuple[str, str], ...]
    missing: str
    channels: str
    touchpoints: int


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/projects/<project>/journeys", "list_journeys", list_journeys)
    pages.add_url_rule("/projects/<project>/new-journey", "new_journey", new_journey)
    pages.add_url_rule("/projects/<project>/new-journey", "create_journey", create_journey, methods=["POST"])
    place = "/projects/<project>/journeys/<key>"
    pages.add_url_rule(f"{place}/edit", "edit_journey", edit_journey)
    pages.add_url_rule(f"{place}/edit", "update_journey", update_journey, methods=["POST"])
    pages.add_url_rule(f"{place}/changes", "show_journey_changes", show_journey_changes)


@require_role(VIEWER)
def list_journeys(project: str) -> str:
    """Show every journey with its sentence."""
    with current_platform().sessions() as session:
        entries = load_entries(session, project)[JOURNEYS]
    rows = [(key, make_journey_page({"key": project}, journey, (), ())) for key, journey in entries.items()]
    return render_template("journeys.html", project=project, rows=rows)


@require_role(EXPERIMENTER)
def new_journey(project: str) -> str:
    """Show an empty form."""
    values = {**forms.EMPTY, **_propose(project), "owner": current_person().name}
    return _render(project, None, values)


def _propose(project: str) -> dict[str, str]:
    """Return the form of the proposal that the address names, if it names one."""
    typed = request.args.get("proposal", "")
    if not typed.isdecimal() or len(typed) > 3:
        return {}
    with current_platform().sessions() as session:
        proposals = discoveries.get(session, project)["proposals"]
    if int(typed) >= len(proposals):
        raise NotFoundError("there is no such proposal any more; look at the data again")
    return forms.fill_journey(proposals[int(typed)]["definition"])


@require_role(EXPERIMENTER)
def create_journey(project: str) -> Any:
    """Make a journey, try it, or change the rows of the form."""
    return _handle(project, None)


@require_role(EXPERIMENTER)
def edit_journey(project: str, key: str) -> str:
    """Show the form of a journey."""
    with current_platform().sessions() as session:
        journey = journeys.get(session, project, key)
    values = {**forms.fill_journey(journey), "revision": str(journey["revision"])}
    return _render(project, journey, values)


@require_role(EXPERIMENTER)
def update_journey(project: str, key: str) -> Any:
    """Keep a change of a journey, try it, or change the rows of the form."""
    with current_platform().sessions() as session:
        journey = journeys.get(session, project, key)
    return _handle(project, journey)


@require_role(VIEWER)
def show_journey_changes(project: str, key: str) -> str:
    """Say what differs between two versions."""
    with current_platform().sessions() as session:
        journey = journeys.get(session, project, key)
        versions = {row["version"]: row for row in journeys.list_versions(session, project, key)}
    newest = max(versions)
    old, new = (
        _read_version(name, versions, usual) for name, usual in (("from", newest - 1), ("to", newest))
    )
    changes = describe_changes(versions[old], versions[new])
    return render_template(
        "journey_changes.html", project=project, journey=journey, versions=sorted(versions), old=old, new=new,
        changes=changes, made={each: say_time(versions[each]["created_at"]) for each in (old, new)},
    )  # fmt: skip


def _read_version(name: str, versions: dict[int, Document], usual: int) -> int:
    """Return the version that an address names."""
    typed = request.args.get(name, "")
    wanted = int(typed) if typed.isdecimal() and len(typed) < 7 else max(usual, 1)
    if wanted not in versions:
        raise NotFoundError(
            f"this journey has no version {wanted}; it has {min(versions)} to {max(versions)}"
        )
    return wanted


def _handle(project: str, journey: Document | None) -> Any:
    """Do what a button of the form says."""
    action = request.form.get("do", "save")
    if action not in ("save", "try"):
        values = forms.change_rows(request.form.to_dict(), action)
        return _render(project, journey, values)
    form = FormReader(request.form)
    document = forms.read_journey(form, journey["key"] if journey else None)
    if action == "try":
        return _try(project, journey, form, document)
    return _save(project, journey, form, document)


def _save(project: str, journey: Document | None, form: FormReader, document: Document) -> Any:
    """Keep the definition, or say what is wrong with it."""
    try:
        form.require_readable()
        with open_writer(project) as session:
            _write(session, project, journey, document)
    except InvalidInputError as error:
        others = form.blame(error.problems, forms.name_fields(document))
        return _refuse(project, journey, form, others)
    except (ConflictError, StaleVersionError) as error:
        return _refuse(project, journey, form, [make_sentence(error.message)])
    current_platform().journeys.forget(project)
    setup = request.args.get("setup", "")
    if setup:
        step = url_for(
            "pages.show_setup", project=project, setup=setup, step="journey", journey=document["key"]
        )
        return redirect(step, 303)
    return redirect(url_for("pages.show_journey", project=project, key=document["key"]), 303)


def _write(session: Session, project: str, journey: Document | None, document: Document) -> None:
    """Make the journey, or replace it where it is still as it was read."""
    now = current_platform().clock()
    if journey is None:
        journeys.create(session, project, document, now=now)
        return
    changes = _changes(journey, document)
    typed = request.form.get("revision", "")
    revision = int(typed) if typed.isdecimal() and len(typed) < 10 else None
    journeys.update(session, project, journey["key"], changes, now=now, revision=revision)


def _changes(journey: Document, document: Document) -> Document:
    """Return the fields that the form has changed; what is empty now goes back to its default."""
    settled = forms.settle(journey, document)
    gone = {name: None for name in forms.FIELDS if journey.get(name) is not None and name not in settled}
    return {**gone, **settled}


def _try(project: str, journey: Document | None, form: FormReader, document: Document) -> Any:
    """Walk the examples by what is typed; nothing is kept."""
    trial: Trial | None = None
    others: list[str] = []
    try:
        if not form.faults:
            trial = journey_trials.try_journey(document, request.form.get("events", ""), form.text("as_of"))
    except InvalidInputError as error:
        names = {**forms.name_fields(document), "events": "events", "as_of": "as_of"}
        others = form.blame(error.problems, names)
    if trial is None:
        return _refuse(project, journey, form, others)
    shown = _describe_trial(trial, document)
    return _render(project, journey, request.form.to_dict(), trial=trial, walks=shown, document=document)


def _describe_trial(trial: Trial, document: Document) -> list[WalkRow]:
    """Say what came of the examples."""
    titles = {stage["key"]: stage.get("title") or stage["key"] for stage in document["stages"]}
    return [
        WalkRow(
            customer=walk.customer,
            word=STATUSES[walk.status],
            reason=_say_reason(walk.reason, titles),
            reached=tuple((titles[key], say_time(at)) for key, at in walk.reached),
            missing=titles.get(walk.next_stage or "", ""),
            channels=" → ".join(wording.humanise(channel) for channel in walk.channels),
            touchpoints=walk.touchpoints,
        )
        for walk in trial.walks
    ]


def _say_reason(reason: str | None, titles: dict[str, str]) -> str:
    """Say why a journey ended."""
    words = {"window": "the window was over", "inactivity": "too long without a contact", "exclusion": "an excluded event came", "strict": "another contact came between", "restart": "it began anew"}  # fmt: skip
    kind, _, stage = (reason or "").partition(":")
    if kind == "within":
        return f"{titles.get(stage, stage)} came too late"
    return words.get(kind, "")


def _refuse(project: str, journey: Document | None, form: FormReader, others: list[str]) -> Any:
    """Show the form again with what was typed and what is wrong with it."""
    return _render(project, journey, request.form.to_dict(), faults=form.faults, others=others), 422


def _render(project: str, journey: Document | None, values: dict[str, str], **over: Any) -> str:
    """Make the page of the form."""
    quiet = FormReader(request.form if request.method == "POST" else forms.as_form(values))
    document = forms.read_journey(quiet, journey["key"] if journey else None)
    shown: Document = {"faults": {}, "others": [], "trial": None, "walks": (), "changes": (), **over}
    if journey is None:
        call = write_call("Make this journey", "POST", "/v1/journeys", document)
    else:
        changes = _changes(journey, document)
        body = {name: value for name, value in changes.items() if journey.get(name) != value}
        call = write_call(
            "Keep these changes", "PATCH", f"/v1/journeys/{journey['key']}", body, journey["revision"]
        )
        shown["changes"] = describe_changes(journey, {**journey, **changes})
        shown["is_new_version"] = _makes_version(journey, changes)
    n = {name: range(forms.count(values, name)) for name in ("stages", "excludes")}
    return render_template(
        "journey_form.html", project=project, journey=journey, values=values, n=n, calls=[call],
        stage_keys=[values.get(f"stage-{index}-key") or "" for index in n["stages"]],
        setup=request.args.get("setup", ""), **shown,
    )  # fmt: skip


def _makes_version(journey: Document, changes: Document) -> bool:
    """Tell whether keeping the form makes a new version."""
    kept = {name: journey[name] for name in forms.FIELDS if journey.get(name) is not None}
    after = {name: value for name, value in {**kept, **changes}.items() if value is not None}
    return bool(changed_fields(kept, after)) and is_new_version(JOURNEYS, kept, after)
