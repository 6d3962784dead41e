"""Several experiments analysed with one reading, regularly, and Reports that are there already."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.analysis.scorecard import analyse, analyse_each
from abplat.clock import format_instant, to_micros
from abplat.config import Settings
from abplat.db.engine import writing
from abplat.db.models.jobs import jobs
from abplat.db.queries import jobs as queries
from abplat.domain.report import Report, encode_report
from abplat.facts.drain import Drain
from abplat.facts.engines.duckdb import connect
from abplat.facts.erasure import erase_facts
from abplat.facts.intake import Intake
from abplat.facts.lake import Lake
from abplat.facts.rows import ExposureRow, Row, TouchpointRow
from abplat.facts.sealing import seal_project
from abplat.jobs import look
from abplat.jobs.analyse import Analysed, analyse_experiment
from abplat.jobs.context import JobContext
from abplat.jobs.runner import JobResult, Runner
from abplat.services import experiments, journeys, metrics, personas, projects, reports
from abplat.services.experiments import Moment
from abplat.services.jobs import enqueue

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AS_OF = NOW + timedelta(days=20)
KEYS = ("button", "mail", "price")


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> JobContext:
    """Start three experiments, and let forty customers meet each."""
    settings = Settings(data_dir=tmp_path)
    stages = [{"key": key, "title": key, "match": [{"event": key}]} for key in ("visit", "purchase")]
    journey = {"key": "buy", "title": "Buy", "owner": "Ada", "window": "7d", "stages": stages}
    bought = {"key": "bought", "title": "Bought", "owner": "Ada", "kind": "completion", "journey": "buy"}
    with Session(writing(engine)) as session, session.begin():
        projects.create(session, {"key": "shop", "title": "Shop"}, now=NOW)
        journeys.create(session, "shop", journey, now=NOW)
        metrics.create(session, "shop", bought, now=NOW)
        for key in KEYS:
            experiments.create(session, "shop", make_document(key), now=NOW)
            experiments.start(session, "shop", key, Moment(NOW), anyway="a test")
    made = JobContext(settings=settings, clock=lambda: AS_OF, engine=engine, lake=Lake(settings.lake_dir))
    send(made, [row for n in range(40) for row in rows_of(n)])
    return made


def make_document(key: str) -> dict[str, Any]:
    """Return an experiment."""
    return {
        "key": key, "title": key, "owner": "Ada", "journey": "buy", "horizon": "7d",
        "hypothesis": "More will buy.",
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": "bought", "role": "primary"}],
    }  # fmt: skip


def rows_of(n: int) -> list[Row]:
    """Return what one customer did."""
    at = to_micros(NOW + timedelta(hours=n))
    met: list[Row] = [
        ExposureRow(f"{key}{n}", f"cust:{n}", key, ("control", "treatment")[(n + place) % 2], at, "web")
        for place, key in enumerate(KEYS)
    ]
    visit = TouchpointRow(f"v{n}", f"cust:{n}", "visit", at + 1, "web")
    return [*met, visit, TouchpointRow(f"p{n}", f"cust:{n}", "purchase", at + 2 + n % 3, "web")]


def send(context: JobContext, rows: list[Row], received: datetime = AS_OF - timedelta(days=1)) -> None:
    """Record events."""
    inbox = Intake(context.engine, lambda: received)
    inbox.submit("shop", rows)
    inbox.close()
    Drain(context.engine, context.lake).run_waiting()


def ask(context: JobContext, *keys: str) -> None:
    """Queue analyses as of one instant."""
    with Session(writing(context.engine)) as session, session.begin():
        for key in keys:
            payload = {"project": "shop", "experiment": key, "as_of": format_instant(AS_OF)}
            enqueue(session, "analyse", payload, key=f"shop/{key}", now=NOW)


def states(context: JobContext) -> dict[str, str]:
    """Return the state of every analysis."""
    with context.engine.connect() as connection:
        rows = connection.execute(select(jobs.c.key, jobs.c.state).where(jobs.c.kind == "analyse"))
        return {key.removeprefix("shop/"): state for key, state in rows}


def stored(context: JobContext, key: str) -> bytes:
    """Return the youngest report of an experiment."""
    with Session(context.engine) as session:
        return reports.get(session, "shop", key).document


def plan_of(context: JobContext, key: str) -> AnalysisPlan:
    """Return the plan of an experiment."""
    with Session(context.engine) as session:
        found = experiments.get_analysis(session, "shop", key, AS_OF)
    return make_plan(found.pop("plan"), **found)


def test_each_report_is_kept_as_it_is_made(context: JobContext) -> None:
    """While the first is told of, the others are still under way; each is the one it is alone."""
    seen: list[tuple[str, dict[str, str]]] = []

    def watch(result: JobResult) -> None:
        if result.kind == "analyse":
            seen.append((result.key, states(context)))

    ask(context, *KEYS)

    assert Runner(context, on_result=watch).run_once() == 0
    assert [key for key, _ in seen] == [f"shop/{key}" for key in KEYS]
    assert seen[0][1] == {"button": "done", "mail": "running", "price": "running"}
    for key in KEYS:
        alone = analyse(context.lake, plan_of(context, key), AS_OF, context.settings)
        assert stored(context, key) == encode_report(alone)


def test_one_that_fails_stops_no_other(context: JobContext) -> None:
    """Its error is its own."""
    told: list[JobResult] = []
    ask(context, "button", "gone", "mail")

    assert Runner(context, on_result=told.append).run_once() == 1
    assert states(context) == {"button": "done", "gone": "failed", "mail": "done"}
    assert "gone" in next(result.detail for result in told if result.state == "failed")


def break_reading(plan: AnalysisPlan) -> AnalysisPlan:
    """Return a plan that cannot even be asked of the facts."""
    return replace(plan, journeys={})


def break_metric(plan: AnalysisPlan) -> AnalysisPlan:
    """Return a plan whose facts can be read and not be counted."""
    return replace(plan, metrics=(replace(plan.primary, kind="nonsense"),))


@pytest.mark.parametrize("spoil", [break_reading, break_metric])
def test_an_error_of_the_analysis_stops_no_other(
    context: JobContext, spoil: Callable[[AnalysisPlan], AnalysisPlan]
) -> None:
    """Be it in what one asks of the facts, or in what is made of them."""
    plans = [plan_of(context, key) for key in KEYS]
    plans[1] = spoil(plans[1])
    found = list(analyse_each(context.lake, plans, AS_OF, context.settings))

    assert [isinstance(each, Report) for each in found] == [True, False, True]


def test_told_to_stop_the_worker_gives_the_rest_back(context: JobContext) -> None:
    """What is done is done, and what was not begun waits as if nobody had taken it."""
    stop = threading.Event()
    ask(context, *KEYS)
    runner = Runner(context, on_result=lambda result: stop.set() if result.kind == "analyse" else None)
    while not stop.is_set():
        runner.run(stop, poll_seconds=0.01)

    assert states(context) == {"button": "done", "mail": "queued", "price": "queued"}
    assert Runner(context).run_once() == 0
    assert set(states(context).values()) == {"done"}


def test_what_runs_is_looked_at_until_all_are_mature(context: JobContext) -> None:
    """Once a day, all as of one instant; of a stopped one until the last customer is mature."""

    def due(hours: float) -> list[str]:
        now = AS_OF + timedelta(hours=hours)
        later = JobContext(context.settings, lambda: now, context.engine, context.lake)
        outcome = look.run(later, {})
        if outcome.publish is None:
            return []
        with Session(writing(context.engine)) as session, session.begin():
            outcome.publish(session)
        waiting = [key for key, state in states(context).items() if state == "queued"]
        Runner(later).run_once()
        return waiting

    assert due(0) == list(KEYS)
    assert due(23) == []
    with Session(writing(context.engine)) as session, session.begin():
        experiments.stop(session, "shop", "mail", Moment(AS_OF + timedelta(hours=1)))
    assert due(24) == list(KEYS)
    assert due(24 * 9) == list(KEYS)
    assert due(24 * 10) == ["button", "price"]


def keep(context: JobContext, key: str = "mail", as_of: datetime = AS_OF) -> Analysed:
    """Analyse and keep."""
    found = analyse_experiment(context, "shop", key, as_of)
    with Session(writing(context.engine)) as session, session.begin():
        found.publish(session, AS_OF)
    return found


def test_what_was_made_of_the_same_is_given_back(context: JobContext) -> None:
    """Byte for byte, and no second row is kept."""
    first, again = keep(context), keep(context)

    assert (first.is_kept, again.is_kept) == (False, True)
    assert encode_report(first.report) == encode_report(again.report) == stored(context, "mail")
    with Session(context.engine) as session:
        assert len(reports.list_(session, "shop", "mail")) == 1


def add_event(context: JobContext) -> None:
    """Somebody buys."""
    send(context, [TouchpointRow("late", "cust:1", "purchase", to_micros(NOW) + 5, "web")])


def add_metric(context: JobContext) -> None:
    """One more number is asked for."""
    visited = {"key": "visited", "title": "Visited", "owner": "Ada", "kind": "start", "journey": "buy"}
    uses = [{"metric": "bought", "role": "primary"}, {"metric": "visited", "role": "secondary"}]
    with Session(writing(context.engine)) as session, session.begin():
        metrics.create(session, "shop", visited, now=NOW)
        experiments.update(session, "shop", "mail", {"metrics": uses}, now=NOW)


def name_persona(context: JobContext) -> None:
    """Reports break down by personas."""
    rule = {"attribute": "unit", "op": "equals", "value": "cust:1"}
    persona = {"key": "one", "title": "One", "origin": "data", "rule": rule}
    with Session(writing(context.engine)) as session, session.begin():
        personas.create(session, "shop", persona, now=NOW)


def erase_somebody(context: JobContext) -> None:
    """Somebody is forgotten."""
    erase_facts(context.engine, context.lake, "shop", ["cust:3"])


@pytest.mark.parametrize("change", [add_event, add_metric, name_persona, erase_somebody])
def test_what_can_change_a_report_makes_a_new_one(
    context: JobContext, change: Callable[[JobContext], None]
) -> None:
    """A new event, another definition, an erasure."""
    before = keep(context)
    change(context)
    after = keep(context)

    assert not after.is_kept
    assert after.key != before.key
    assert encode_report(after.report) != encode_report(before.report)


def test_another_instant_is_another_report(context: JobContext) -> None:
    """Time alone makes customers mature."""
    keep(context)

    assert not keep(context, as_of=AS_OF + timedelta(seconds=1)).is_kept
    assert not keep(context, as_of=AS_OF - timedelta(days=19)).is_kept
    assert keep(context).is_kept


def test_what_came_later_changes_nothing(context: JobContext) -> None:
    """A file of which the log says that all in it was received after the instant is not looked at."""
    before = keep(context)
    send(context, rows_of(77), received=AS_OF + timedelta(days=2))

    assert keep(context).is_kept
    assert encode_report(keep(context).report) == encode_report(before.report)


def test_files_written_anew_may_miss_and_never_lie(context: JobContext) -> None:
    """Sealing changes the files, not the Report."""
    before = keep(context)
    with connect(context.settings) as connection:
        seal_project(connection, context.lake, "shop", to_micros(AS_OF), everything=True)
    after = keep(context)

    assert not after.is_kept
    assert encode_report(after.report) == encode_report(before.report)
    assert keep(context).is_kept


def test_a_job_given_back_makes_way_for_one_that_waits(context: JobContext) -> None:
    """One waiting job of a key is enough."""
    ask(context, "mail")
    with writing(context.engine).begin() as connection:
        lease = queries.claim(connection, "me", to_micros(AS_OF), ["analyse"])
    assert lease is not None
    ask(context, "mail")
    with writing(context.engine).begin() as connection:
        assert queries.release(connection, lease)
        found = connection.execute(select(jobs.c.state).order_by(jobs.c.id)).scalars().all()

    assert found == ["done", "queued"]
