"""What the pages of the set-up show around their forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from flask import request, url_for
from sqlalchemy.orm import Session

from abplat.domain import setups as rules
from abplat.domain.catalogue import CHANNELS, HOLDOUTS, JOURNEYS, LAYERS, METRICS, SEGMENTS
from abplat.domain.experiments import UNIT_TYPES
from abplat.domain.layers import BUCKETS, Slot
from abplat.domain.pictures import MAX_BYTES
from abplat.services import journey_counts, metric_standings, setups
from abplat.services.definitions import load_entries
from abplat.services.setups import Draft
from abplat.web import setup_check, wording
from abplat.web import setup_forms as forms
from abplat.web.by_api import Call, write_call
from abplat.web.cards import say_time
from abplat.web.channel_ways import kind_of
from abplat.web.count_map import CountMap, make_count_map
from abplat.web.journey_page import make_journey_page
from abplat.web.plan_view import PlanView, make_plan_view

TITLES: Final = {
    rules.QUESTION: (
        "Question",
        "What do you believe, and why? The result will be held against this sentence.",
    ),
    rules.JOURNEY: (
        "Journey",
        "Which journey shall the change make better? It is judged as a whole, over all channels.",
    ),
    rules.DECIDES: (
        "What decides",
        "One outcome of the journey decides. Guardrails say what must not get worse.",
    ),
    rules.WHO: (
        "Who and how many",
        "Who takes part, and how long that must last before the result can be read.",
    ),
    rules.VARIANTS: ("Variants", "What each group gets, in each channel."),
    rules.CHECK: ("Check and start", "What the platform has found, and the button that makes it real."),
}


@dataclass(frozen=True, slots=True)
class StepLink:
    """One step in the list of steps."""

    number: int
    title: str
    url: str
    state: str
    """current, done, open or closed."""


@dataclass(frozen=True, slots=True)
class Row:
    """One set-up in the list."""

    title: str
    sentence: str
    url: str
    discard_url: str
    step: str
    author: str
    updated: str


@dataclass(frozen=True, slots=True)
class SetupPage:
    """Everything around the form of a step."""

    step: str
    number: int
    title: str
    lead: str
    name: str
    steps: tuple[StepLink, ...]
    back: str
    action: str
    calls: tuple[Call, ...]
    parts: dict[str, Any] = field(default_factory=dict)


def make_page(
    session: Session, project: str, draft: Draft | None, step: str, values: Mapping[str, Any]
) -> SetupPage:
    """Describe the page of a step."""
    title, lead = TITLES[step]
    place = rules.STEPS.index(step)
    return SetupPage(
        step=step,
        number=place + 1,
        title=title,
        lead=lead,
        name=str(draft.document.get("title") or "") if draft else "",
        steps=tuple(_link(project, draft, each, step) for each in rules.STEPS),
        back=_step_url(project, draft, rules.STEPS[place - 1]) if draft and place else "",
        action=_step_url(project, draft, step) if draft else url_for("pages.begin_setup", project=project),
        calls=tuple(_calls(draft, step)),
        parts=_parts(session, project, draft, step, values) if draft else {},
    )


def make_row(project: str, draft: Draft) -> Row:
    """Describe a set-up in the list."""
    step = draft.open[0] if draft.open else rules.CHECK
    return Row(
        title=str(draft.document.get("title") or draft.document.get("key")),
        sentence=str(draft.document.get("hypothesis") or ""),
        url=_step_url(project, draft, step),
        discard_url=url_for("pages.discard_setup", project=project, setup=draft.id),
        step=TITLES[step][0],
        author=draft.author.removeprefix("user:"),
        updated=say_time(draft.updated_at),
    )


def _step_url(project: str, draft: Draft, step: str) -> str:
    """Return the address of a step."""
    return url_for("pages.show_setup", project=project, setup=draft.id, step=step)


def _link(project: str, draft: Draft | None, step: str, current: str) -> StepLink:
    """Describe a step in the list of steps."""
    missing = draft.open if draft else [rules.QUESTION]
    place = rules.STEPS.index(step)
    is_closed = any(rules.STEPS.index(each) < place for each in missing)
    is_done = step not in missing and place < rules.STEPS.index(current)
    state = "current" if step == current else "closed" if is_closed else "done" if is_done else "open"
    url = _step_url(project, draft, step) if draft and not is_closed else ""
    return StepLink(place + 1, TITLES[step][0], url, state)


def _calls(draft: Draft | None, step: str) -> list[Call]:
    """Write the calls of the API that do what the step does."""
    document = draft.document if draft else {}
    if draft is None or draft.experiment is None:
        body = {name: value for name, value in document.items() if value is not None}
        example = {
            "key": "my-experiment",
            "title": "My experiment",
            "owner": "Ada",
            "hypothesis": "We believe …",
        }
        return [
            write_call(
                "Make the experiment once all is answered; so far it is",
                "POST",
                "/v1/experiments",
                body or example,
            )
        ]
    place = f"/v1/experiments/{draft.experiment}"
    calls = []
    fields = {name: value for name, value in rules.pick(document, step).items() if name != "key"}
    if fields or step == rules.CHECK:
        body = fields or {"schedule": {"start_at": "2027-01-04T08:00:00Z"}}
        calls.append(write_call("Keep these answers", "PATCH", place, body, draft.revision))
    if step == rules.WHO:
        request_body = setups.make_plan_request(draft.experiment)
        calls.append(write_call("Ask how long it takes", "POST", "/v1/plans", request_body))
    if step == rules.VARIANTS:
        first = draft.document.get("variants") or rules.TWO_ARMS
        call = write_call("Keep a picture", "PUT", f"{place}/pictures/{first[0]['key']}/web")
        calls.append(call._replace(text=f"{call.text} \\\n  --data-binary @shot.png"))
    if step == rules.CHECK:
        calls.insert(0, write_call("Start it", "POST", f"{place}/start", {}))
        calls.insert(0, write_call("Read the checklist", "GET", f"{place}/checklist"))
    return calls


def _parts(
    session: Session, project: str, draft: Draft, step: str, values: Mapping[str, Any]
) -> dict[str, Any]:
    """Gather what only this step shows."""
    if step == rules.QUESTION:
        return {}
    entries = load_choices(session, project, draft.document)
    if step == rules.JOURNEY:
        return _journey_parts(session, project, entries, str(values.get("journey") or ""))
    if step == rules.DECIDES:
        journey = draft.document["journey"]
        goals = forms.list_goals(entries, journey)
        is_new = not any(goal["kind"] == "completion" and goal["journey"] == journey for goal in goals)
        return {
            "is_new_offered": is_new,
            "goals": goals,
            "watchable": forms.list_watchable(entries, journey),
            "new_goal": forms.NEW_GOAL,
            "rules": setup_check.RULES,
        }
    if step == rules.WHO:
        return _who_parts(session, project, draft, entries)
    if step == rules.VARIANTS:
        channels = [
            {"key": key, "title": channel.get("title") or key, "hint": kind_of(key)[1]}
            for key, channel in entries[CHANNELS].items()
        ]
        return {
            "channels": channels,
            "rows": range(int(str(values.get("rows") or 2))),
            "pictures": setup_check.list_pictures(session, project, draft.experiment),
            "most_kb": MAX_BYTES // 1024,
        }
    return setup_check.list_parts(session, project, draft)


def load_choices(session: Session, project: str, document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the definitions of a project without metrics that were retired, but for those chosen already."""
    entries = load_entries(session, project)
    chosen = {use["metric"] for use in document.get("metrics") or ()}
    retired = metric_standings.list_retired(session, project) - chosen
    kept = {key: each for key, each in entries[METRICS].items() if key not in retired}
    return {**entries, METRICS: kept}


def _journey_parts(session: Session, project: str, entries: forms.Entries, chosen: str) -> dict[str, Any]:
    """Describe each journey, and what is known of the one that is chosen."""
    cards = [make_journey_page({"key": project}, journey, (), ()) for journey in entries[JOURNEYS].values()]
    choices = [
        {"key": key, "title": card.title, "sentence": card.sentence, "stages": card.stages}
        for key, card in zip(entries[JOURNEYS], cards, strict=True)
    ]
    journey = entries[JOURNEYS].get(chosen)
    counted = journey_counts.find(session, project, journey) if journey else None
    picture: CountMap | None = None
    if journey and counted and counted.counts:
        picture = make_count_map(journey, counted.counts)
    title = choices[[each["key"] for each in choices].index(chosen)]["title"] if journey else ""
    return {"journeys": choices, "counted": counted, "map": picture, "chosen_title": title}


def _who_parts(session: Session, project: str, draft: Draft, entries: forms.Entries) -> dict[str, Any]:
    """Describe units, layers with what is taken, holdouts, segments, clashes and the plan."""
    effect = forms.read_effect(request.args.get("effect", ""))
    view: PlanView | None = make_plan_view(draft.plan, effect) if draft.plan else None
    free = setups.list_free(session, project, draft.experiment)
    return {
        "unit_types": [(each, _say_unit(each)) for each in UNIT_TYPES],
        "layers": [
            ("", "No layer: overlaps with everything"),
            *((key, f"{layer['title']} ({_say_free(free[key])})") for key, layer in entries[LAYERS].items()),
        ],
        "holdouts": [
            (key, f"{each['title']} ({wording.level(each['share'] / BUCKETS)})")
            for key, each in entries[HOLDOUTS].items()
        ],
        "segments": [("", "Everybody"), *((key, each["title"]) for key, each in entries[SEGMENTS].items())],
        "clashes": setups.list_clashes(session, project, draft),
        "plan": view,
        "is_plan_fresh": draft.is_plan_fresh,
        "is_waiting": draft.plan is not None and draft.plan["state"] in ("queued", "running"),
    }


def _say_free(free: Sequence[Slot]) -> str:
    """Say which slots of a layer are free."""
    if not free:
        return "full"
    ranges = [f"{slot.start / 100:g} to {slot.end / 100:g}{wording.NARROW}%" for slot in free]
    return f"free: {', '.join(ranges)}"


def _say_unit(unit_type: str) -> str:
    """Name a type of unit."""
    names = {
        "cust": "Customer, known by an id",
        "anon": "Visitor, not yet known",
        "store": "Store (everybody in it together)",
    }
    return names.get(unit_type, wording.humanise(unit_type))
