"""What a page of a journey asks for: the days, the customers, the smallest flow, and one move to look into."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from sqlalchemy.orm import Session

from abplat.domain.catalogue import CHANNELS, JOURNEYS, SEGMENTS, Document
from abplat.domain.journey_counts import DAYS, PERIODS, CountOptions, JourneyCounts, Way, parse_options
from abplat.domain.roles import EXPERIMENTER, VIEWER
from abplat.errors import InvalidInputError, NotFoundError
from abplat.services import journey_counts
from abplat.services.definitions import load_entries
from abplat.web import wording
from abplat.web.cards import say_time
from abplat.web.door import require_role
from abplat.web.filters import Choice, find_argument
from abplat.web.writing import current_platform, open_writer

LEAST: Final = ("0", "0.5", "1", "2", "5", "10", "20")
"""Smallest flows that can be chosen, in percent of all that began."""


class Asked(NamedTuple):
    """What the address of a page of a journey asks for."""

    options: CountOptions
    least: str
    """Smallest flow that is drawn, in percent."""
    way: str
    """The move to look into, as :func:`name_way` names it."""
    experiment: str
    variant: str

    @property
    def share(self) -> float:
        """Return the smallest flow as a share."""
        return float(self.least) / 100

    def address(self, **changes: str) -> dict[str, Any]:
        """Return what stands in the address, with changes; what is usual is left out."""
        named = {
            "days": "" if self.options.days == DAYS else str(self.options.days),
            "segment": self.options.segment or "",
            "channel": self.options.channel or "",
            "least": "" if self.least == "0" else self.least,
            "experiment": self.experiment,
            "variant": self.variant,
            **changes,
        }
        return {name: value for name, value in named.items() if value}


class ExampleRow(NamedTuple):
    """One journey of a move in words."""

    customer: str
    starts: str
    path: str
    took: str
    status: str
    called: str


class WayPage(NamedTuple):
    """One move in words."""

    title: str
    sentence: str
    called: str
    examples: tuple[ExampleRow, ...]
    metrics: tuple[Document, ...]


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/journeys/<key>"
    pages.add_url_rule(f"{place}/count", "count_journey", count_journey, methods=["POST"])
    pages.add_url_rule(f"{place}/wait", "wait_for_count", wait_for_count)


def read_asked() -> Asked:
    """Read the address; what means nothing is left out."""
    least = find_argument("least")
    named = {name: find_argument(name, 64) for name in ("segment", "channel")}
    days = find_argument("days", 3)
    try:
        options = parse_options(
            {
                **{name: value for name, value in named.items() if value},
                "days": int(days) if days.isdecimal() else DAYS,
            }
        )
    except InvalidInputError:
        options = CountOptions()
    return Asked(
        options=options,
        least=least if least in LEAST else "0",
        way=find_argument("way", 600),
        experiment=find_argument("experiment", 64),
        variant=find_argument("variant", 64),
    )


def list_choices(session: Session, project: str) -> dict[str, list[Choice]]:
    """Return what can be chosen on the page."""
    entries = load_entries(session, project)
    listed = [each for each in entries[SEGMENTS].values() if each.get("members") is not None]
    return {
        "days": [Choice(str(each), f"the last {each} days") for each in PERIODS],
        "segment": [Choice("", "everybody"), *(Choice(each["key"], str(each["title"])) for each in listed)],
        "channel": [
            Choice("", "anywhere"),
            *(Choice(key, str(each["title"])) for key, each in entries[CHANNELS].items()),
        ],
        "least": [
            Choice(each, "all flows" if each == "0" else f"{each}{wording.NARROW}% or more") for each in LEAST
        ],
    }


@require_role(EXPERIMENTER)
def count_journey(project: str, key: str) -> Any:
    """Ask the worker for counts of the days and the customers that the form names."""
    form = {name: request.form.get(name, "").strip() for name in ("days", "segment", "channel")}
    days = int(form["days"]) if form["days"].isdecimal() and len(form["days"]) < 4 else DAYS
    options = parse_options(
        {"days": days, "segment": form["segment"] or None, "channel": form["channel"] or None}
    )
    with open_writer() as session:
        journey = load_entries(session, project)[JOURNEYS].get(key)
        if journey is None:
            raise NotFoundError(f"this project has no journey {key[:64]!r}")
        journey_counts.ask(session, project, journey, now=current_platform().clock(), options=options)
    asked = Asked(options, "0", "", "", "").address()
    return redirect(url_for("pages.wait_for_count", project=project, key=key, **asked), 303)


@require_role(VIEWER)
def wait_for_count(project: str, key: str) -> Any:
    """Wait for the counts, then go back to the journey."""
    asked = read_asked()
    back = url_for("pages.show_journey", project=project, key=key, **asked.address())
    with current_platform().sessions() as session:
        journey = load_entries(session, project)[JOURNEYS].get(key)
        counted = journey_counts.find(session, project, journey, asked.options) if journey else None
    if counted is None or counted.state != "queued":
        return redirect(f"{back}#counts", 303)
    return render_template("wait.html", project=project, what="counts", back=back)


def name_way(source: str, target: str, from_channel: str, to_channel: str) -> str:
    """Name a move in an address."""
    return f"{source}|{target}|{from_channel}|{to_channel}"


def describe_way(
    asked: Asked, journey: Document, counts: JourneyCounts, metrics: list[Document]
) -> WayPage | None:
    """Describe the move that is looked into; None where none is, or it is gone."""
    found = next(
        (
            way
            for way in counts.ways
            if name_way(way.source, way.target, way.from_channel, way.to_channel) == asked.way
        ),
        None,
    )
    if found is None:
        return None
    titles = {stage["key"]: str(stage.get("title") or stage["key"]) for stage in journey["stages"]}
    return WayPage(
        title=say_way(found, titles),
        sentence=(
            f"{wording.count(found.n)} journeys, {wording.percent(found.n / max(counts.n_journeys, 1))} of all that began; "
            f"half of them within {wording.duration(found.median_seconds)}."
        ),
        called=_say_called(found),
        examples=tuple(_describe_example(each, titles) for each in found.examples),
        metrics=tuple(_find_metrics(journey, found.target, metrics)),
    )


def say_way(way: Way, titles: dict[str, str]) -> str:
    """Name a move for people."""
    return f"{titles[way.source]} ({say_channel(way.from_channel)}) → {titles[way.target]} ({say_channel(way.to_channel)})"


def say_channel(channel: str) -> str:
    """Name a channel."""
    return "No channel" if channel == "unknown" else wording.humanise(channel)


def _say_called(way: Way) -> str:
    """Say how many met an agent afterwards."""
    if way.n_called is None:
        return ""
    share = wording.percent(way.n_called / max(way.n, 1))
    return f"{wording.count(way.n_called)} of them ({share}) called or met an agent within 7 days after it."


def _describe_example(example: Any, titles: dict[str, str]) -> ExampleRow:
    """Say one journey."""
    steps = [step.partition("@") for step in example.path]
    return ExampleRow(
        customer=example.customer,
        starts=say_time(example.starts_at),
        path=" → ".join(
            f"{titles.get(stage, stage)} ({say_channel(channel)})" for stage, _, channel in steps
        ),
        took=wording.duration(example.seconds),
        status=wording.humanise(example.status),
        called="" if example.called is None else "called" if example.called else "no call",
    )


def _find_metrics(journey: Document, target: str, metrics: list[Document]) -> list[Document]:
    """Return the metrics on a step: those of the stage, and those that count one of its events."""
    stage = next(each for each in journey["stages"] if each["key"] == target)
    events = {matcher["event"] for matcher in stage["match"]}
    return [
        metric
        for metric in metrics
        if (metric["journey"] == journey["key"] and metric.get("stage") == target)
        or any(matcher.get("event") in events for matcher in metric.get("match") or ())
    ]
