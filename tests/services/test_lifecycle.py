"""The life of an experiment in the database: every action is whole or has not been."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from abplat_sdk import compile_config
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from abplat.clock import format_instant
from abplat.db.models.audit import AuditEntry
from abplat.db.models.experiments import Experiment
from abplat.db.models.phases import Phase
from abplat.db.queries import assignments, sightings
from abplat.db.queries.assignments import Entry, Pin
from abplat.domain.layers import BUCKETS
from abplat.errors import (
    ConflictError,
    IllegalTransitionError,
    InvalidInputError,
    LayerFullError,
    NotFoundError,
    StaleVersionError,
)
from abplat.services import (
    audit,
    catalogue,
    checklists,
    deviations,
    experiments,
    metrics,
    phases,
    reports,
    schedules,
    segments,
    simulations,
    templates,
)
from abplat.services.configuration import build_configuration, state_of_configuration
from abplat.services.experiments import Moment
from abplat.services.platform import Platform
from tests.conftest import NOW, make_catalogue, make_experiment, make_metric
from tests.web.report_factory import make_report

KEY = "shorter-form"
WHO = ("shop", KEY)
WEIGHTS = {"weights": {"control": 6000, "treatment": 4000}, "reason": "too many calls"}


@pytest.fixture(autouse=True)
def _shop(session: Session) -> None:
    """Start with a project that has everything."""
    audit.act_as(session, "key:test")
    catalogue.apply(session, make_catalogue(), now=NOW)


def started(session: Session, **over: Any) -> dict[str, Any]:
    """Return a running experiment, changed before its start."""
    if over:
        experiments.update(session, *WHO, over, now=NOW)
    return experiments.start(session, *WHO, Moment(NOW))


def served(session: Session) -> dict[str, Any]:
    """Return what the configuration says of the experiment."""
    (found,) = build_configuration(session, "shop")["experiments"]
    return found


def answers(session: Session) -> list[tuple[str | None, str]]:
    """Return the decisions for some units."""
    evaluator = compile_config(build_configuration(session, "shop"))
    made = [evaluator.decide(KEY, f"cust:{number}") for number in range(400)]
    return [(each.variant, each.reason) for each in made]


def variants(session: Session) -> dict[str, str | None]:
    """Return the variant of those who take part."""
    return {str(n): variant for n, (variant, reason) in enumerate(answers(session)) if reason == "split"}


def test_from_draft_to_archive(session: Session) -> None:
    """Every station of a life, with what it leaves behind."""
    assert experiments.check(session, *WHO, now=NOW)["state"] == "checked"
    assert experiments.start(session, *WHO, Moment(NOW))["phase"] == 1
    assert experiments.pause(session, *WHO, {"reason": "holiday"}, now=NOW)["state"] == "paused"
    assert {reason for _, reason in answers(session)} == {"off"}
    assert experiments.resume(session, *WHO, {}, now=NOW)["state"] == "running"
    experiments.stop(session, *WHO, Moment(NOW + timedelta(days=9)))
    said = {"outcome": "won", "note": "Fewer fields.", "shipped": "treatment"}
    concluded = experiments.conclude(session, *WHO, said, now=NOW)
    assert concluded["conclusion"] == said | {"report": None, "against_verdict": False}
    archived = experiments.archive(session, *WHO, now=NOW)

    assert (archived["state"], archived["archived_at"]) == ("archived", NOW)
    verbs = [entry.verb for entry in session.scalars(select(AuditEntry).where(AuditEntry.key == KEY))]
    assert verbs == ["create", "check", "start", "pause", "resume", "stop", "conclude", "archive"]


def test_a_change_makes_a_checked_experiment_a_draft_again(session: Session) -> None:
    """But for its title, owner and schedule, which the checklist does not look at."""
    experiments.check(session, *WHO, now=NOW)
    assert experiments.update(session, *WHO, {"title": "New"}, now=NOW)["state"] == "checked"

    assert experiments.update(session, *WHO, {"included": 500}, now=NOW)["state"] == "draft"


def test_what_was_paused_comes_back_as_it_was(session: Session) -> None:
    """The salt does not change, so nobody's variant does."""
    started(session)
    before = answers(session)
    experiments.pause(session, *WHO, {}, now=NOW)
    experiments.resume(session, *WHO, {}, now=NOW)

    assert answers(session) == before


def test_a_kill_is_off_for_everybody_at_once(session: Session) -> None:
    """Overrides too; the state of its life stays, and revive puts everything back."""
    started(session, overrides={"cust:7": "treatment"})
    before = answers(session)
    version = state_of_configuration(session, "shop")
    killed = experiments.kill(session, *WHO, {"reason": "wrong price"}, now=NOW)
    assert state_of_configuration(session, "shop") != version
    assert set(answers(session)) == {("control", "off")}
    assert (killed["state"], killed["killed_at"]) == ("running", NOW)
    assert experiments.kill(session, *WHO, {}, now=NOW)["revision"] == killed["revision"]
    entry = session.scalars(select(AuditEntry).where(AuditEntry.verb == "kill")).one()
    assert (entry.actor, entry.after["reason"]) == ("key:test", "wrong price")
    experiments.revive(session, *WHO, {}, now=NOW)

    assert answers(session) == before
    with pytest.raises(ConflictError, match="not killed"):
        experiments.revive(session, *WHO, {}, now=NOW)


def test_what_was_shipped_is_served_to_everybody_until_it_is_killed(session: Session) -> None:
    """Nobody takes part any more, and the kill takes it away."""
    started(session)
    experiments.stop(session, *WHO, Moment(NOW))
    assert set(answers(session)) == {("control", "off")}
    experiments.conclude(session, *WHO, {"outcome": "won", "shipped": "treatment"}, now=NOW)
    assert set(answers(session)) == {("treatment", "off")}
    experiments.kill(session, *WHO, {}, now=NOW)

    assert set(answers(session)) == {("control", "off")}


def test_coverage_only_grows_and_moves_nobody(session: Session) -> None:
    """Who took part keeps the variant; shrinking is refused with the way out."""
    started(session, included=2000)
    before = variants(session)
    phases.begin(session, *WHO, {"included": 7000, "reason": "all is well"}, now=NOW)
    after = variants(session)

    assert len(before) < len(after)
    assert before.items() <= after.items()
    with pytest.raises(ConflictError, match="only grows"):
        phases.begin(session, *WHO, {"included": 100, "reason": "fewer"}, now=NOW)


def test_weights_change_by_a_phase_only(session: Session) -> None:
    """In place they are refused; as a phase they are served, recorded and begin their own count."""
    started(session)
    other = [{"key": "control", "weight": 6000}, {"key": "treatment", "weight": 4000}]
    with pytest.raises(ConflictError, match="new phase"):
        experiments.update(session, *WHO, {"variants": other}, now=NOW)
    later = NOW + timedelta(days=2)
    tried = simulations.simulate(session, *WHO, simulations.parse_trial({"phase": WEIGHTS}))
    changed = phases.begin(session, *WHO, WEIGHTS, now=later)

    assert tried["phase"]["share_moved"] == pytest.approx(0.1)
    assert tried["switched_share"] == pytest.approx(0.1, abs=0.02)
    assert (changed["phase"], changed["weights"]) == (2, WEIGHTS["weights"])
    assert [variant["bound"] for variant in served(session)["variants"]] == [6000, BUCKETS]
    assert served(session)["salt"] == changed["salt"]
    assert [(each["kind"], each["counts_from"]) for each in phases.list_(session, *WHO)] == [
        ("start", NOW),
        ("reweigh", later),
    ]


def test_widening_goes_on_counting(session: Session) -> None:
    """Only new weights or a new salt begin a new count."""
    started(session, included=1000)
    phases.begin(session, *WHO, WEIGHTS, now=NOW + timedelta(days=1))
    phases.begin(session, *WHO, {"included": 2000, "reason": "more"}, now=NOW + timedelta(days=2))

    assert phases.list_(session, *WHO)[-1]["counts_from"] == NOW + timedelta(days=1)


def test_a_reset_draws_anew_and_forgets_what_was_assigned(session: Session) -> None:
    """The seed of the experiment stays; the phase has a salt of its own."""
    begun = started(session)
    before = variants(session)
    assignments.keep(session.connection(), "shop", [Entry("cust:1", KEY, Pin("treatment", NOW))])
    reset = phases.begin(session, *WHO, {"reset": True, "included": 5000, "reason": "broken"}, now=NOW)

    after = variants(session)
    both = before.keys() & after.keys()
    assert reset["salt"] == begun["salt"] != served(session)["salt"]
    assert 0.3 < sum(before[key] != after[key] for key in both) / len(both) < 0.7
    assert assignments.entries_of(session.connection(), "shop", ["cust:1"]) == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"weights": {"control": 6000, "treatment": 4000}}, InvalidInputError),
        ({"reason": "x"}, InvalidInputError),
        ({"reason": "x", "weights": {"control": 6000}}, InvalidInputError),
        ({"reason": "x", "weights": {"control": 6000, "treatment": 4001}}, InvalidInputError),
        ({"reason": "x", "weights": {"control": 0, "treatment": 10_000}}, InvalidInputError),
        ({"reason": "x", "weights": {"control": 5000, "treatment": 5000}}, ConflictError),
        ({"reason": "x", "included": 10_000}, ConflictError),
        ({"reason": "x", "included": 10_001}, InvalidInputError),
        ({"reason": "x", "salt": "mine", "reset": True}, InvalidInputError),
        (None, InvalidInputError),
    ],
    ids=str,
)
def test_a_faulty_phase_is_refused(session: Session, body: Any, error: type[Exception]) -> None:
    """No phase without a reason, and none that changes nothing."""
    started(session)

    with pytest.raises(error):
        phases.begin(session, *WHO, body, now=NOW)


def test_actions_compare_the_revision(session: Session) -> None:
    """An action on what somebody else has changed is refused."""
    started(session)

    with pytest.raises(StaleVersionError):
        experiments.kill(session, *WHO, {}, now=NOW, revision=1)
    with pytest.raises(StaleVersionError):
        phases.begin(session, *WHO, WEIGHTS, now=NOW, revision=1)


def test_a_paused_experiment_keeps_its_slot(session: Session) -> None:
    """Otherwise nobody could resume it."""
    for key in ("a", "b"):
        experiments.create(session, "shop", make_experiment(key=key, layer="checkout"), now=NOW)
    experiments.start(session, "shop", "a", Moment(NOW))
    experiments.pause(session, "shop", "a", {}, now=NOW)

    with pytest.raises(LayerFullError, match="a"):
        experiments.start(session, "shop", "b", Moment(NOW))


def ticks(session: Session) -> dict[str, str]:
    """Return the state of each item of the checklist."""
    return {item.key: item.state for item in checklists.get(session, *WHO, now=NOW)}


def test_the_checklist_ticks_itself(session: Session) -> None:
    """What is not known is unknown, and does not keep anybody from starting."""
    payloads = {"payloads": {"web": {}}}
    arms = make_experiment()["variants"]
    experiments.update(session, *WHO, {"variants": [arms[0] | payloads, arms[1]]}, now=NOW)
    expected = {
        "journey": "passed", "owner": "passed", "metrics": "unknown", "guardrail": "failed", "payloads": "failed",
        "traffic": "passed", "slot": "passed", "prerequisites": "passed", "sdk": "unknown", "identities": "unknown", "aa": "unknown",
    }  # fmt: skip
    assert ticks(session) == expected
    seen = {("visit", "web"): 1, ("quote", ""): 1}
    sightings.note(session.connection(), "shop", "touchpoint", seen)
    assert (ticks(session)["sdk"], ticks(session)["metrics"]) == ("failed", "failed")
    seen = {(name, "web"): int(NOW.timestamp() * 1e6) for name in ("visit", "quote", "purchase")}
    sightings.note(session.connection(), "shop", "touchpoint", seen)
    assert (ticks(session)["sdk"], ticks(session)["metrics"]) == ("passed", "passed")

    with pytest.raises(ConflictError, match="treatment in web") as caught:
        experiments.start(session, *WHO, Moment(NOW))
    assert [problem.path for problem in caught.value.problems] == ["payloads"]
    with pytest.raises(ConflictError):
        experiments.check(session, *WHO, now=NOW)


def test_what_it_needs_has_to_run_first(session: Session) -> None:
    """Nobody could take part: a start is refused, unless it is said why."""
    experiments.create(session, "shop", make_experiment(key="base"), now=NOW)
    need = {"experiment": "base", "variants": ["treatment"]}
    experiments.update(session, *WHO, {"prerequisites": [need]}, now=NOW)
    assert ticks(session)["prerequisites"] == "failed"
    with pytest.raises(ConflictError, match="base is draft"):
        experiments.start(session, *WHO, Moment(NOW))
    experiments.start(session, "shop", "base", Moment(NOW))

    assert ticks(session)["prerequisites"] == "passed"
    assert experiments.start(session, *WHO, Moment(NOW))["state"] == "running"


def test_a_failed_checklist_can_be_passed_over_with_a_reason(session: Session) -> None:
    """The reason is audited and listed as a deviation."""
    experiments.update(session, *WHO, {"included": 0}, now=NOW)
    with pytest.raises(ConflictError, match="nobody takes part"):
        experiments.start(session, *WHO, Moment(NOW))
    experiments.start(session, *WHO, Moment(NOW), anyway="a rehearsal")

    (found,) = deviations.list_(session, *WHO)
    assert (found["code"], found["actor"]) == ("started_anyway", "key:test")
    assert "a rehearsal" in found["sentence"]


def test_deviations_are_listed_in_order(session: Session) -> None:
    """All that was done otherwise than planned, and nothing that was planned."""
    started(session, included=1000, decide_after="14d")
    experiments.update(session, *WHO, {"title": "Another title"}, now=NOW)
    added = [*make_experiment()["metrics"], {"metric": "clicks", "role": "touchpoint"}]
    experiments.update(session, *WHO, {"metrics": added}, now=NOW)
    experiments.pause(session, *WHO, {"reason": "holiday"}, now=NOW)
    experiments.resume(session, *WHO, {}, now=NOW)
    phases.begin(session, *WHO, {"included": 2000, "reason": "calm"}, now=NOW)
    phases.begin(session, *WHO, WEIGHTS, now=NOW)
    experiments.stop(session, *WHO, Moment(NOW + timedelta(days=3)), reason="enough")

    codes = [each["code"] for each in deviations.list_(session, *WHO)]
    assert codes == ["metrics_added", "paused", "resumed", "widened", "reweighed", "stopped_early"]
    analysis = experiments.get_analysis(session, *WHO, NOW)
    assert [use["metric"] for use in analysis["plan"]["experiment"]["metrics"]] == ["completed", "clicks"]
    assert "clicks" in analysis["plan"]["metrics"]
    assert len(analysis["phases"]) == 3
    assert (
        experiments.hash_plan(experiments.get_plan(session, *WHO))
        == experiments.get(session, *WHO)["plan_hash"]
    )


def test_an_older_analysis_sees_no_later_phase(session: Session) -> None:
    """So that it can be made again."""
    started(session)
    phases.begin(session, *WHO, WEIGHTS, now=NOW + timedelta(days=2))

    analysis = experiments.get_analysis(session, *WHO, NOW + timedelta(days=1))
    assert ([each["number"] for each in analysis["phases"]], analysis["deviations"]) == ([1], [])


def test_a_metric_that_joins_later_must_exist_and_not_decide(session: Session) -> None:
    """The plan was made without it."""
    started(session)
    planned = make_experiment()["metrics"]

    with pytest.raises(InvalidInputError, match="gone"):
        experiments.update(
            session, *WHO, {"metrics": [*planned, {"metric": "gone", "role": "secondary"}]}, now=NOW
        )
    metrics.create(session, "shop", make_metric(key="started", kind="start"), now=NOW)
    for uses in ([], [{"metric": "started", "role": "primary"}]):
        with pytest.raises((ConflictError, InvalidInputError)):
            experiments.update(session, *WHO, {"metrics": uses}, now=NOW)


def test_a_template_gives_what_is_not_said(session: Session) -> None:
    """Once, at the creation; a template changed later changes no experiment."""
    said = {"key": "new", "title": "New", "owner": "Ada", "template": "usual"}
    said |= {"variants": make_experiment()["variants"], "horizon": "3d"}
    made = experiments.create(session, "shop", said, now=NOW)
    templates.update(session, "shop", "usual", {"experiment": {"alpha": 0.1}}, now=NOW)

    assert (made["template"], made["journey"], made["horizon"]) == ("usual", "buy", "3d")
    assert experiments.get(session, "shop", "new")["alpha"] == 0.05
    with pytest.raises(NotFoundError):
        experiments.create(session, "shop", said | {"key": "other", "template": "gone"}, now=NOW)


def test_a_template_can_bound_the_number_of_metrics(session: Session) -> None:
    """Every further metric is another chance to be fooled."""
    templates.update(session, "shop", "usual", {"max_metrics": 1}, now=NOW)
    two = [*make_experiment()["metrics"], {"metric": "clicks", "role": "touchpoint"}]

    with pytest.raises(InvalidInputError, match="allows 1"):
        experiments.create(session, "shop", make_experiment(key="n", template="usual", metrics=two), now=NOW)


def test_an_analysis_only_experiment_is_never_served(session: Session) -> None:
    """It starts in the past, and nothing of it can be paused, killed or shipped."""
    then = NOW - timedelta(days=30)
    experiments.create(session, "shop", make_experiment(key="old", kind="analysis_only"), now=NOW)
    begun = experiments.start(session, "shop", "old", Moment(NOW, then))
    assert begun["started_at"] == then
    assert build_configuration(session, "shop")["experiments"] == []
    for act in (experiments.pause, experiments.kill, phases.begin):
        with pytest.raises(ConflictError, match="only analysed"):
            act(session, "shop", "old", {}, now=NOW)
    experiments.stop(session, "shop", "old", Moment(NOW, NOW - timedelta(days=1)))

    with pytest.raises(InvalidInputError):
        experiments.conclude(session, "shop", "old", {"outcome": "won", "shipped": "treatment"}, now=NOW)
    assert experiments.conclude(session, "shop", "old", {"outcome": "won"}, now=NOW)["state"] == "concluded"


def test_a_trial_writes_nothing(session: Session) -> None:
    """It names fields and payloads, and says what a change would be refused for."""
    started(session)
    arms = make_experiment()["variants"]
    changes = {"changes": {"variants": [arms[0], arms[1] | {"payloads": {"web": {"fields": 4}}}]}}
    found = simulations.simulate(session, *WHO, simulations.parse_trial(changes))

    assert [each["field"] for each in found["fields"]] == ["variants"]
    assert found["payloads"] == [
        {"variant": "treatment", "channel": "web", "before": None, "after": {"fields": 4}}
    ]
    assert found["refused"] == ["variants"]
    assert "new phase" in found["refusal"]
    assert experiments.get(session, *WHO)["revision"] == 2
    for body in ({}, {"changes": {}, "phase": {}}):
        with pytest.raises(InvalidInputError):
            simulations.parse_trial(body)


def test_a_reset_on_trial_draws_everybody_anew(session: Session) -> None:
    """Also those whom the ledger binds; half of two equal arms see another variant."""
    started(session)
    pins = [Entry(f"cust:{number}", KEY, Pin("treatment", NOW)) for number in range(400)]
    assignments.keep(session.connection(), "shop", pins)
    trial = simulations.parse_trial({"phase": {"reset": True, "reason": "a bug"}})
    found = simulations.simulate(session, *WHO, trial)

    assert found["phase"]["kind"] == "reset"
    assert found["switched_share"] == pytest.approx(0.5, abs=0.03)
    assert {each["source"]: each["moved_share"] for each in found["sources"]}["ledger"] == pytest.approx(
        0.5, abs=0.1
    )
    assert len(phases.list_(session, *WHO)) == 1


def test_a_conclusion_names_the_report_that_it_rests_on(session: Session) -> None:
    """And whether its verdict speaks against what is shipped."""
    started(session)
    experiments.stop(session, *WHO, Moment(NOW))
    report = make_report()
    there = msgspec.structs.replace(report.experiment, key=KEY)
    stored = reports.store(
        session, msgspec.structs.replace(report, project="shop", experiment=there), now=NOW
    )
    may_ship = {verdict.variant: verdict.may_ship for verdict in report.verdicts}.get("treatment", False)
    said = {"outcome": "won", "shipped": "treatment"}
    conclusion = experiments.conclude(session, *WHO, said, now=NOW)["conclusion"]

    assert (conclusion["report"], conclusion["against_verdict"]) == (stored.hash, not may_ship)
    codes = [each["code"] for each in deviations.list_(session, *WHO)]
    assert codes == ([] if may_ship else ["against_verdict"])


def test_an_archived_template_makes_nothing(session: Session) -> None:
    """It is out of use."""
    templates.archive(session, "shop", "usual", now=NOW)

    with pytest.raises(ConflictError, match="archived"):
        experiments.create(session, "shop", make_experiment(key="n", template="usual"), now=NOW)


class CrashError(Exception):
    """The process has died."""


@contextmanager
def crashing(platform: Platform, at: int) -> Iterator[list[str]]:
    """Die after so many writing statements; the last one is the commit itself."""
    engine, seen = platform.engine, []

    def after(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            die(statement)

    def die(statement: str) -> None:
        seen.append(statement)
        if len(seen) == at:
            raise CrashError(statement)

    def commit(_connection: Any) -> None:
        die("COMMIT")

    event.listen(engine, "after_cursor_execute", after)
    event.listen(engine, "commit", commit)
    try:
        yield seen
    finally:
        event.remove(engine, "after_cursor_execute", after)
        event.remove(engine, "commit", commit)


def everything(platform: Platform) -> tuple[Any, ...]:
    """Return all that an action may write, and what is served."""
    with platform.sessions() as session:
        row = session.scalars(select(Experiment)).one()
        columns = {name: getattr(row, name) for name in row.__mapper__.columns.keys()}  # noqa: SIM118  # not a dict
        phases_ = [(each.number, each.weights, each.salt) for each in session.scalars(select(Phase))]
        audits = len(session.scalars(select(AuditEntry)).all())
        return columns, phases_, audits, build_configuration(session, "shop")["experiments"]


def _start(session: Session) -> None:
    experiments.start(session, *WHO, Moment(NOW))


def _reweigh(session: Session) -> None:
    phases.begin(session, *WHO, WEIGHTS, now=NOW)


def _reset(session: Session) -> None:
    phases.begin(session, *WHO, {"reset": True, "reason": "broken"}, now=NOW)


def _stop(session: Session) -> None:
    experiments.stop(session, *WHO, Moment(NOW))


def _kill(session: Session) -> None:
    experiments.kill(session, *WHO, {}, now=NOW)


def _conclude(session: Session) -> None:
    experiments.conclude(session, *WHO, {"outcome": "won", "shipped": "treatment"}, now=NOW)


def _end_by_schedule(session: Session) -> None:
    schedules.run_due(session, {}, now=NOW + timedelta(days=2))


@pytest.mark.parametrize(
    ("before", "act"),
    [
        ([], _start),
        ([_start], _reweigh),
        ([_start], _reset),
        ([_start], _kill),
        ([_start], _stop),
        ([_start, _stop], _conclude),
        ([_start], _end_by_schedule),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_a_crash_leaves_all_or_nothing(
    platform: Platform, session: Session, before: list[Callable[..., None]], act: Callable[..., None]
) -> None:
    """F16: die after every single statement of an action, the commit among them."""
    ends = {"end_at": format_instant(NOW + timedelta(days=1))}
    experiments.update(session, *WHO, {"schedule": ends}, now=NOW)
    for each in before:
        each(session)
    session.commit()
    untouched, at, n_crashes = everything(platform), 1, 0
    while True:
        with crashing(platform, at) as seen:
            try:
                with platform.writers.begin() as own:
                    act(own)
                break
            except CrashError:
                n_crashes += 1
        assert everything(platform) == untouched, seen[-1]
        at += 1

    assert n_crashes >= 3
    assert everything(platform) != untouched


def test_illegal_steps_write_nothing(session: Session) -> None:
    """What cannot be done leaves no trace."""
    for act in (experiments.pause, experiments.resume, experiments.kill, experiments.conclude):
        with pytest.raises(IllegalTransitionError):
            act(session, *WHO, {}, now=NOW)

    assert len(session.scalars(select(AuditEntry).where(AuditEntry.key == KEY)).all()) == 1


def test_an_older_analysis_sees_state_and_registry_as_they_were(session: Session) -> None:
    """A later stop, a later segment and its later version change no report of before."""
    started(session)
    later = NOW + timedelta(days=2)
    before = experiments.get_analysis(session, *WHO, NOW + timedelta(days=1))
    segment = {"key": "regulars", "title": "Regulars", "members": ["cust:1"]}
    segments.create(session, WHO[0], segment, now=later)
    segments.update(session, WHO[0], "regulars", {"members": ["cust:2"]}, now=later + timedelta(days=1))
    experiments.stop(session, *WHO, Moment(later), reason="enough")

    def ask(days: int) -> Any:
        return experiments.get_analysis(session, *WHO, NOW + timedelta(days=days))

    assert ask(1) == before
    assert (before["state"], before["stopped_at"]) == ("running", None)
    assert (ask(2)["state"], ask(2)["stopped_at"]) == ("stopped", later)
    held = [ask(days)["registry"]["segments"].get("regulars") for days in (1, 2, 3)]
    assert [each and each["members"] for each in held] == [None, ["cust:1"], ["cust:2"]]
