"""Try a change or a phase of an experiment before it is made: what would differ, how much traffic would move?

The units are of three kinds: numbered ones, which hash as evenly as any and so measure shares well;
ids that the ledger or the waiting events know, with what they are bound to; and those that the caller
gives with their attributes. The lake is not read: this answers within a request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec
from abplat_sdk.evaluator import Evaluator, compile_config, normalise_unit
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.db.queries import samples
from abplat.domain import catalogue
from abplat.domain.catalogue import EXPERIMENTS, PERSONAS, SEGMENTS, Document
from abplat.domain.fields import require_none
from abplat.domain.lifecycle import RUNNING, UNSTARTED
from abplat.domain.phases import RESET
from abplat.domain.targeting import list_conditions
from abplat.errors import InvalidInputError
from abplat.services import phases, plans
from abplat.services.changes import describe_changes
from abplat.services.configuration import build_configuration, describe_experiment
from abplat.services.definitions import load_entries
from abplat.services.traffic import describe_groups, plan_traffic

SYNTHETIC: Final = 10_000
MAX_LEDGER: Final = 20_000
MAX_RECENT: Final = 5_000
MAX_GIVEN: Final = 10_000
_OWN_ATTRIBUTES = {"unit", "channel"}


class Trial(NamedTuple):
    """What is to be tried.

    Attributes:
        changes: Fields of the experiment with their new values, as in a change of it.
        phase: A phase as it would be begun, in place of changes; None for changes.
        attributes: What targeting sees of every unit that brings none of its own.
        channel: Channel of the calls.
        units: More units, each with its attributes.
    """

    changes: Mapping[str, Any]
    phase: Mapping[str, Any] | None
    attributes: Mapping[str, Any]
    channel: str | None
    units: tuple[tuple[str, Mapping[str, Any]], ...]


class _Unit(NamedTuple):
    """A unit to decide for."""

    source: str
    unit: str
    attributes: Mapping[str, Any]
    pins: Mapping[str, str] | None


def parse_trial(document: Mapping[str, Any]) -> Trial:
    """Read what is to be tried.

    Raises:
        InvalidInputError: If it is not one of changes and phase, a unit is none, or there are too many.
    """
    if (document.get("changes") is None) == (document.get("phase") is None):
        raise InvalidInputError.at("", "needs changes or phase, one of the two", "required")
    given = document.get("units") or []
    if len(given) > MAX_GIVEN:
        message = f"holds {len(given)} units; at most {MAX_GIVEN} are tried"
        raise InvalidInputError.at("units", message, "too_many")
    units = []
    for index, each in enumerate(given):
        unit = normalise_unit(each["unit"])
        if unit is None:
            message = "must be a text of 1 to 256 characters, or a whole number"
            raise InvalidInputError.at(f"units[{index}].unit", message, "bad_unit")
        units.append((unit, each.get("attributes") or {}))
    return Trial(
        changes=document.get("changes") or {},
        phase=document.get("phase"),
        attributes=document.get("attributes") or {},
        channel=document.get("channel"),
        units=tuple(units),
    )


def simulate(session: Session, project: str, key: str, trial: Trial) -> Document:
    """Decide every unit before and after a change and count who moves where.

    A draft is decided as if it ran already. Nothing is written.

    Raises:
        NotFoundError: If the project has no such experiment.
        InvalidInputError: If the changed experiment would not be valid.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    now = _served(session, row)
    if trial.phase is None:
        after = _change(session, row, now, trial.changes)
        changed = catalogue.changed_fields(catalogue.with_defaults(EXPERIMENTS, now["experiment"]), after)
        then_plan, phase = _plan(session, row, now, after), None
    else:
        changed, phase = {}, phases.preview(session, project, key, trial.phase)
        after, then_plan = now["experiment"], _with_phase(now, phase)
    pair = [describe_experiment(RUNNING, each) for each in (now, then_plan)]
    documents = _documents(session, project, pair)
    before, then = (compile_config(document) for document in documents)
    units = _units(session, project, after["unit_type"], trial)
    forgets = phase is not None and phase["kind"] == RESET
    moves = _count(units, (before, then), key, trial.channel, forgets=forgets)
    return {
        "experiment": key,
        "state": row.state,
        "config_version": documents[0]["version"],
        **describe_changes(row.state, changed),
        "phase": phase,
        **_describe(moves),
        "unknown_attributes": _unknown_attributes(documents, trial),
    }


def decide_one(
    session: Session, project: str, key: str, unit: str, attributes: Mapping[str, Any]
) -> Document:
    """Say what one unit would get of an experiment if it ran now; nothing is written or remembered.

    Raises:
        NotFoundError: If the project has no such experiment.
        InvalidInputError: If the unit is none.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    known = normalise_unit(unit)
    if known is None:
        raise InvalidInputError.at("unit", "must be a text of 1 to 256 characters", "bad_unit")
    documents = _documents(session, project, [describe_experiment(RUNNING, _served(session, row))])
    decision = compile_config(documents[0]).decide(key, known, attributes)
    return {
        "unit": known,
        "variant": decision.variant,
        "in_experiment": decision.in_experiment,
        "reason": decision.reason,
    }


def _with_phase(now: Document, phase: Mapping[str, Any]) -> Document:
    """Return what decisions would depend on in a new phase; a reset draws by a salt of its own."""
    weights, included = phase["after"]["weights"], phase["after"]["included"]
    variants = [{**each, "weight": weights[each["key"]]} for each in now["experiment"]["variants"]]
    experiment = {**now["experiment"], "variants": variants, "included": included}
    salt = f"{now['salt']}:reset" if phase["kind"] == RESET else now["salt"]
    return {**now, "experiment": experiment, "salt": salt}


def _served(session: Session, row: Experiment) -> Document:
    """Return what is served now, with salt, weights and coverage of the present phase; or would be."""
    if row.plan is not None:
        _, served = plans.serve(row)
        return {**served, "control": served["experiment"]["variants"][0]["key"]}
    plan = plans.build_plan(session, row)
    return {**plan, "control": plan["experiment"]["variants"][0]["key"]}


def _change(session: Session, row: Experiment, now: Document, changes: Mapping[str, Any]) -> Document:
    """Return the changed experiment, checked as saving it would."""
    if changes.get("key", row.key) != row.key:
        raise InvalidInputError.at("changes.key", f"is {row.key!r} for good", "immutable")
    after = catalogue.canonical(EXPERIMENTS, {**now["experiment"], **changes})
    entries = load_entries(session, row.project)
    entries[EXPERIMENTS][row.key] = after
    states = experiment_queries.list_states(session, row.project)
    settled = [key for key, state in states.items() if state not in UNSTARTED and key != row.key]
    prefix = f"{EXPERIMENTS}[{row.key}]."
    problems = catalogue.check_references(entries, settled)
    own = [problem for problem in problems if problem.path.startswith(prefix)]
    require_none([each._replace(path=each.path.removeprefix(prefix)) for each in own], "experiment")
    return after


def _plan(session: Session, row: Experiment, now: Document, document: Document) -> Document:
    """Return what decisions would depend on; layer and holdouts stay frozen where the change leaves them."""
    before = now["experiment"]
    is_same = all(before.get(name) == document[name] for name in ("layer", "slot", "holdouts"))
    traffic = {} if is_same else plan_traffic(session, row.project, document)
    return {**now, **traffic, "experiment": document, "control": document["variants"][0]["key"]}


def _documents(session: Session, project: str, pair: list[Document]) -> list[Document]:
    """Return the configuration before and after, of what the experiment depends on alone."""
    whole = build_configuration(session, project)
    others = {each["key"]: each for each in whole["experiments"] if each["key"] != pair[0]["key"]}
    needed = list(_follow(others, pair))
    rules = [each["targeting"] for each in (*pair, *needed)]
    groups = describe_groups(session, project, rules)
    return [{**whole, **groups, "experiments": [each, *needed]} for each in pair]


def _follow(others: Mapping[str, Document], start: Iterable[Document]) -> Iterator[Document]:
    """Yield the experiments that some need, each once."""
    seen: set[str] = set()
    waiting = list(start)
    while waiting:
        for need in waiting.pop().get("prerequisites", []):
            other = others.get(need["experiment"])
            if other is not None and other["key"] not in seen:
                seen.add(other["key"])
                waiting.append(other)
                yield other


def _units(session: Session, project: str, unit_type: str, trial: Trial) -> Iterator[_Unit]:
    """Yield the units to try, each once."""
    seen: set[str] = set()
    for each in _all_units(session, project, unit_type, trial):
        if each.unit not in seen:
            seen.add(each.unit)
            yield each


def _all_units(session: Session, project: str, unit_type: str, trial: Trial) -> Iterator[_Unit]:
    """Yield units of every source, the caller's first."""
    pins: dict[str, dict[str, str]] = {}
    for unit, experiment, variant in samples.list_assignments(session, project, unit_type, MAX_LEDGER):
        pins.setdefault(unit, {})[experiment] = variant
    for unit, attributes in trial.units:
        yield _Unit("given", unit, {**trial.attributes, **attributes}, pins.get(unit))
    for unit, held in pins.items():
        yield _Unit("ledger", unit, trial.attributes, held)
    for body in samples.list_recent_bodies(session, project, MAX_RECENT):
        actor = msgspec.json.decode(body).get("actor", "")
        if actor.startswith(f"{unit_type}:"):
            yield _Unit("recent", actor, trial.attributes, None)
    for number in range(SYNTHETIC):
        yield _Unit("synthetic", f"{unit_type}:simulated-{number}", trial.attributes, None)


class _Moves(NamedTuple):
    """How many units of each source went from where to where; None stands for outside."""

    counts: Counter[tuple[str, str | None, str | None]]

    def total(self, source: str | None = None) -> int:
        """Return how many units there are."""
        return sum(n for (own, _, _), n in self.counts.items() if source in (None, own))

    def moved(self, source: str | None = None) -> int:
        """Return how many come in, go out or change the variant."""
        return sum(n for (own, old, new), n in self.counts.items() if old != new and source in (None, own))


def _count(
    units: Iterable[_Unit],
    evaluators: tuple[Evaluator, Evaluator],
    key: str,
    channel: str | None,
    *,
    forgets: bool,
) -> _Moves:
    """Decide every unit twice; after a reset nobody is bound to a variant any more."""
    counts: Counter[tuple[str, str | None, str | None]] = Counter()
    for source, unit, attributes, pins in units:
        kept = {other: pin for other, pin in (pins or {}).items() if not (forgets and other == key)}
        old = evaluators[0].decide(key, unit, attributes, None, channel, pins)
        new = evaluators[1].decide(key, unit, attributes, None, channel, kept)
        here = old.variant if old.in_experiment else None
        there = new.variant if new.in_experiment else None
        counts[source, here, there] += 1
    return _Moves(counts)


def _describe(moves: _Moves) -> Document:
    """Return what the counts say."""
    total, pairs = moves.total(), Counter[tuple[str | None, str | None]]()
    for (_, old, new), count in moves.counts.items():
        pairs[old, new] += count
    switched = sum(n for (old, new), n in pairs.items() if None not in (old, new) and old != new)
    share = moves.moved() / total
    return {
        "sentence": f"this change moves {share:.1%} of traffic; {switched / total:.1%} would see another variant",
        "moved_share": share,
        "switched_share": switched / total,
        "entering_share": sum(n for (old, new), n in pairs.items() if old is None is not new) / total,
        "leaving_share": sum(n for (old, new), n in pairs.items() if new is None is not old) / total,
        "moves": [
            {"from": old, "to": new, "units": count, "share": count / total}
            for (old, new), count in sorted(pairs.items(), key=lambda item: (-item[1], str(item[0])))
        ],
        "sources": [
            {
                "source": source,
                "units": moves.total(source),
                "moved_share": moves.moved(source) / moves.total(source),
            }
            for source in sorted({source for source, _, _ in moves.counts})
        ],
    }


def _unknown_attributes(documents: list[Document], trial: Trial) -> list[str]:
    """Return what rules look at and only units given with attributes have."""
    rules = [each["targeting"] for document in documents for each in document["experiments"]]
    rules += [
        group.get("rule") for document in documents for noun in (SEGMENTS, PERSONAS)
        for group in document[noun].values()
    ]  # fmt: skip
    names = {condition.attribute for rule in rules for condition in list_conditions(rule)}
    return sorted(names - _OWN_ATTRIBUTES - set(trial.attributes))
