"""Pages of the set-up: six steps, each a page of its own, each kept at once."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from abplat.domain import setups as rules
from abplat.domain.catalogue import JOURNEYS, Document
from abplat.domain.roles import EXPERIMENTER
from abplat.errors import AbplatError, ApprovalNeededError, ConflictError, InvalidInputError, NotFoundError
from abplat.services import experiments, journey_counts, setups
from abplat.services.definitions import load_entries
from abplat.services.experiments import Moment
from abplat.services.setups import Answers, Draft
from abplat.web import setup_forms as forms
from abplat.web import setup_pictures
from abplat.web import setup_views as views
from abplat.web.door import current_person, require_role
from abplat.web.form_reader import FormReader, make_sentence
from abplat.web.writing import current_platform, open_writer

_WAYS_OUT: Final = {"save": "", "count": "counts", "plan": "plan"}
"""What the buttons of a step do after its answers are kept: go on, or wait for the worker."""


class Read(NamedTuple):
    """What a form says: the fields, where each comes from, and the parts of the question."""

    fields: Document
    names: dict[str, str]
    question: dict[str, str] | None = None


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/projects/<project>/setups", "list_setups", list_setups)
    pages.add_url_rule("/projects/<project>/new-experiment", "new_setup", new_setup)
    pages.add_url_rule("/projects/<project>/new-experiment", "begin_setup", begin_setup, methods=["POST"])
    place = "/projects/<project>/setups/<setup>"
    pages.add_url_rule(f"{place}/<step>", "show_setup", show_setup)
    pages.add_url_rule(f"{place}/<step>", "save_setup", save_setup, methods=["POST"])
    pages.add_url_rule(f"{place}/wait/<what>", "wait_for_setup", wait_for_setup)
    pages.add_url_rule(f"{place}/discard", "discard_setup", discard_setup, methods=["POST"])
    experiment = "/projects/<project>/experiments/<key>/setup"
    pages.add_url_rule(experiment, "open_setup", open_setup, methods=["POST"])


@require_role(EXPERIMENTER)
def list_setups(project: str) -> str:
    """Show what is being set up."""
    with current_platform().sessions() as session:
        drafts = setups.list_(session, project)
        rows = [views.make_row(project, draft) for draft in drafts]
    return render_template("setups.html", project=project, rows=rows)


@require_role(EXPERIMENTER)
def new_setup(project: str) -> str:
    """Ask the first question."""
    with current_platform().sessions() as session:
        return _render(session, project, None, rules.QUESTION, forms.fill_question({}, {}, _owner()))


@require_role(EXPERIMENTER)
def begin_setup(project: str) -> Any:
    """Keep the first answers."""
    form = FormReader(request.form)
    now = current_platform().clock()
    read = _read(form, rules.QUESTION, {}, {})
    try:
        form.require_readable()
        with open_writer(project) as session:
            draft = setups.create(session, project, read.fields, read.question or {}, now=now)
    except InvalidInputError as error:
        return _refuse(project, None, rules.QUESTION, form, form.blame(error.problems, read.names))
    return redirect(_url(project, draft, rules.JOURNEY), 303)


@require_role(EXPERIMENTER)
def open_setup(project: str, key: str) -> Any:
    """Go on with a draft, however it was defined."""
    with open_writer() as session:
        draft = setups.open_for(session, project, key, now=current_platform().clock())
    return redirect(_url(project, draft, rules.QUESTION), 303)


@require_role(EXPERIMENTER)
def show_setup(project: str, setup: str, step: str) -> Any:
    """Show a step as it was answered."""
    _require_step(step)
    with current_platform().sessions() as session:
        draft = setups.get(session, project, setup)
        if missing := _find_missing(draft, step):
            return redirect(_url(project, draft, missing), 303)
        return _render(session, project, draft, step, _fill(session, project, draft, step))


@require_role(EXPERIMENTER)
def save_setup(project: str, setup: str, step: str) -> Any:
    """Keep the answers of a step, and do what the button says."""
    _require_step(step)
    form, action = FormReader(request.form), request.form.get("do", "save")
    if step == rules.VARIANTS and (action == "add" or action.startswith("drop-")):
        return _change_rows(project, setup, action)
    if step == rules.CHECK and action == "start":
        return _start(project, setup)
    return _keep(project, setup, step, form, action)


@require_role(EXPERIMENTER)
def discard_setup(project: str, setup: str) -> Any:
    """Throw a set-up away."""
    with open_writer(project) as session:
        setups.discard(session, project, setup, now=current_platform().clock())
    return redirect(url_for("pages.list_setups", project=project), 303)


@require_role(EXPERIMENTER)
def wait_for_setup(project: str, setup: str, what: str) -> Any:
    """Wait for the worker, then go back to the step that asked."""
    if what not in ("counts", "plan"):
        raise NotFoundError("there is nothing to wait for here")
    step = rules.JOURNEY if what == "counts" else rules.WHO
    with current_platform().sessions() as session:
        draft = setups.get(session, project, setup)
        waiting = _is_waiting(session, project, draft, what)
    back = _url(project, draft, step)
    if not waiting:
        return redirect(f"{back}#{what}", 303)
    return render_template("wait.html", project=project, what=what, back=back)


def _is_waiting(session: Session, project: str, draft: Draft, what: str) -> bool:
    """Tell whether the worker has not answered yet."""
    if what == "plan":
        return draft.plan is not None and draft.plan["state"] in ("queued", "running")
    journey = load_entries(session, project)[JOURNEYS].get(draft.document.get("journey") or "")
    counted = journey_counts.find(session, project, journey) if journey else None
    return counted is not None and counted.state == "queued"


def _keep(project: str, setup: str, step: str, form: FormReader, action: str) -> Any:
    """Keep the answers of a step; what is wrong is said beside its field."""
    now = current_platform().clock()
    others: list[str] = []
    read = Read({}, {})
    try:
        with open_writer(project) as session:
            draft = setups.get(session, project, setup)
            entries = views.load_choices(session, project, draft.document)
            read = _read(form, step, entries, draft.document)
            form.require_readable()
            if step == rules.DECIDES:
                _make_metrics(session, project, draft, read.fields)
            answers = Answers(step, read.fields, read.question)
            draft = setups.save(session, project, setup, answers, now=now)
            if step == rules.VARIANTS:
                setup_pictures.keep_pictures(session, project, draft, form)
            _ask(session, project, draft, action)
    except InvalidInputError as error:
        others = form.blame(error.problems, read.names)
        return _refuse(project, setup, step, form, others)
    return redirect(_next(project, draft, step, action), 303)


def _ask(session: Session, project: str, draft: Draft, action: str) -> None:
    """Ask the worker for what a button is about."""
    now = current_platform().clock()
    if action == "plan" and draft.experiment is not None:
        setups.ask_plan(session, project, draft.id, now=now)
    elif action == "count":
        journey = load_entries(session, project)[JOURNEYS][draft.document["journey"]]
        journey_counts.ask(session, project, journey, now=now)


def _next(project: str, draft: Draft, step: str, action: str) -> str:
    """Return where a button leads."""
    if what := _WAYS_OUT.get(action):
        return url_for("pages.wait_for_setup", project=project, setup=draft.id, what=what)
    if step == rules.CHECK:
        return _url(project, draft, step)
    return _url(project, draft, rules.STEPS[rules.STEPS.index(step) + 1])


def _start(project: str, setup: str) -> Any:
    """Start the experiment; a reason starts it although the checklist has failed."""
    now, anyway = current_platform().clock(), request.form.get("anyway", "").strip() or None
    form, key = FormReader(request.form), ""
    try:
        with open_writer(project) as session:
            draft = setups.get(session, project, setup)
            key = setups.require_experiment(draft)
            experiments.start(session, project, key, Moment(now), anyway=anyway)
    except ApprovalNeededError:
        return redirect(url_for("pages.show_ask", project=project, key=key, action="start"), 303)
    except (ConflictError, InvalidInputError) as error:
        return _refuse(project, setup, rules.CHECK, form, [make_sentence(error.message)], _status(error))
    return redirect(url_for("pages.show_experiment", project=project, key=key), 303)


def _status(error: AbplatError) -> int:
    """Return the status of a refused start."""
    return 422 if isinstance(error, InvalidInputError) else 409


def _change_rows(project: str, setup: str, action: str) -> Any:
    """Show the variants with a row more or less; nothing is kept yet."""
    values = forms.change_rows(request.form.to_dict(), action)
    with current_platform().sessions() as session:
        draft = setups.get(session, project, setup)
        return _render(session, project, draft, rules.VARIANTS, values)


def _make_metrics(session: Session, project: str, draft: Draft, fields: Document) -> None:
    """Make the metrics that were chosen and are not there yet."""
    journey, now = draft.document["journey"], current_platform().clock()
    title = load_entries(session, project)[JOURNEYS][journey].get("title") or journey
    for use in fields["metrics"]:
        if use["metric"] in (forms.NEW_GOAL, forms.NEW_EFFORT):
            kind = use["metric"].removeprefix("new:")
            words = "completed" if kind == "completion" else "contacts per customer"
            document = {
                "key": f"{journey[:50]}-{'completed' if kind == 'completion' else 'contacts'}",
                "title": f"{title[:170]}: {words}",
                "owner": _owner(),
                "kind": kind,
                "journey": journey,
            }
            use["metric"] = setups.make_metric(session, project, document, now=now)


def _read(form: FormReader, step: str, entries: Any, document: Document) -> Read:
    """Read the form of a step."""
    if step == rules.QUESTION:
        fields, parts = forms.read_question(form, _owner())
        names = {name: name for name in rules.FIELDS[step]} | {"hypothesis": "change"}
        if document.get("key") and "key" not in form.form:
            fields["key"] = document["key"]
        return Read(fields, names, parts)
    if step == rules.JOURNEY:
        return Read(forms.read_journey(form), {"journey": "journey"})
    if step == rules.DECIDES:
        fields = forms.read_decides(form, forms.list_watchable(entries, document["journey"]))
        return Read(fields, forms.name_decides(fields))
    if step == rules.WHO:
        return Read(forms.read_who(form), dict(forms.NAMES_WHO))
    if step == rules.VARIANTS:
        return Read(forms.read_variants(form, entries), forms.name_variants(forms.count_rows(form)))
    return Read(
        forms.read_schedule(form, document), {"schedule.start_at": "start_at", "schedule.end_at": "end_at"}
    )


def _fill(session: Session, project: str, draft: Draft, step: str) -> dict[str, Any]:
    """Return what the form of a step shows before anybody types."""
    document = draft.document
    if step == rules.QUESTION:
        return dict(forms.fill_question(document, draft.question, _owner()))
    if step == rules.JOURNEY:
        return {"journey": document.get("journey") or request.args.get("journey", "")}
    if step == rules.DECIDES:
        entries, journey = views.load_choices(session, project, document), document["journey"]
        watchable, goals = forms.list_watchable(entries, journey), forms.list_goals(entries, journey)
        return dict(forms.fill_decides(document, watchable, goals))
    if step == rules.WHO:
        return forms.fill_who(document)
    return dict(forms.fill_variants(document) if step == rules.VARIANTS else forms.fill_schedule(document))


def _refuse(
    project: str, setup: str | None, step: str, form: FormReader, others: list[str], status: int = 422
) -> Any:
    """Show a step again with what was typed and what is wrong with it."""
    values: dict[str, Any] = {**request.form.to_dict(), "holdouts": request.form.getlist("holdouts")}
    with current_platform().sessions() as session:
        draft = setups.get(session, project, setup) if setup else None
        page = _render(session, project, draft, step, values, faults=form.faults, others=others)
    return page, status


def _render(
    session: Session, project: str, draft: Draft | None, step: str, values: dict[str, Any], **over: Any
) -> str:
    """Make the page of a step."""
    page = views.make_page(session, project, draft, step, values)
    shown = {"faults": {}, "others": [], **over}
    return render_template(
        f"setup_{step}.html", project=project, values=values, page=page, draft=draft, **shown
    )


def _find_missing(draft: Draft, step: str) -> str | None:
    """Return the step that must be answered before this one."""
    place = rules.STEPS.index(step)
    return next((each for each in draft.open if rules.STEPS.index(each) < place), None)


def _require_step(step: str) -> None:
    """Refuse an address of no step.

    Raises:
        NotFoundError: If there is no such step.
    """
    if step not in rules.STEPS:
        raise NotFoundError(f"the set-up has no step {step[:64]!r}")


def _url(project: str, draft: Draft, step: str) -> str:
    """Return the address of a step."""
    return url_for("pages.show_setup", project=project, setup=draft.id, step=step)


def _owner() -> str:
    """Return who is taken for the owner where nobody is named."""
    return current_person().name
