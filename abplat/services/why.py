"""Why did this customer get this variant? Every gate of the decision, with what anybody can recompute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Evaluator
from abplat_sdk.trace import Gate, Hashed, explain
from sqlalchemy.orm import Session

from abplat.domain.catalogue import PERSONAS, SEGMENTS, Document
from abplat.domain.identities import fault_of_id, is_nobody
from abplat.domain.targeting import list_groups
from abplat.services import experiments, ledger, standings
from abplat.services.bulk import turn_away
from abplat.services.components import Standing
from abplat.services.ledger import Held
from abplat.services.open_journeys import list_definitions

_SQL: Final = {
    "duckdb": "SELECT ('0x' || substr(md5({text}), {at}, 8))::ubigint % 10000",
    "postgresql": "SELECT ('x' || substr(md5({text}), {at}, 8))::bit(32)::bigint % 10000",
}


class Inquiry(NamedTuple):
    """Who is asked about, in which circumstances.

    Attributes:
        unit: Identifier of the unit.
        attributes: What targeting saw.
        channel: Channel of the call.
        with_pins: Whether the call knew what the ledger binds the unit to.
        now: The present instant; without it nothing is said of where the customer stands.
    """

    unit: str
    attributes: Mapping[str, Any]
    channel: str | None
    with_pins: bool = True
    now: datetime | None = None


def explain_decision(
    session: Session, project: str, key: str, inquiry: Inquiry, evaluator: Evaluator, document: Document
) -> Document:
    """Decide as the service does now and say why, gate by gate.

    Args:
        session: Where the ledger is read.
        project: Key of the project.
        key: Key of the experiment.
        inquiry: Who is asked about.
        evaluator: The compiled configuration that decides.
        document: The configuration itself.

    Raises:
        NotFoundError: If the project has no such experiment.
    """
    found = experiments.get(session, project, key)
    held = _look_up(session, project, inquiry.unit)
    unit, is_shared = held.standing.unit, held.standing.shared
    attributes = {**_find_standing(session, project, held, inquiry, document), **inquiry.attributes}
    trace = explain(evaluator, key, unit, attributes, held.pins if inquiry.with_pins else {}, inquiry.channel)
    experiment, decision = evaluator.find(key), trace.decision
    if is_shared and experiment is not None:
        decision = turn_away(decision, experiment, inquiry.channel)
    return {
        "experiment": key,
        "state": found["state"],
        "unit": unit,
        "presented": inquiry.unit,
        "shared": is_shared,
        "channel": inquiry.channel,
        "attributes": attributes,
        "config_version": evaluator.version,
        "decision": decision._asdict(),
        "decided_by": trace.deciding.gate if decision is trace.decision else "shared",
        "gates": [_describe(gate, unit) for gate in trace.gates],
        "pins": {other: entry.pin._asdict() for other, entry in sorted(held.entries.items())},
        "pins_used": inquiry.with_pins,
        **_versions(document, key),
    }


def _look_up(session: Session, project: str, unit: str) -> Held:
    """Return who stands behind an id and what the ledger holds; an id that tells nobody apart is itself."""
    if fault_of_id(unit) is not None or is_nobody(unit):
        return Held(Standing(unit, (unit,), shared=False), {})
    return ledger.look_up(session.connection(), project, (unit,))


def _find_standing(
    session: Session, project: str, held: Held, inquiry: Inquiry, document: Document
) -> dict[str, str]:
    """Return where the customer stands, as a decision would be told."""
    if inquiry.now is None or held.standing.shared or not standings.is_wanted(document):
        return {}
    definitions, ids = list_definitions(session, project), held.standing.ids
    return standings.find_standing(session.connection(), project, definitions, ids, inquiry.now)


def _describe(gate: Gate, unit: str) -> Document:
    """Return a gate for machines and people."""
    described: Document = {
        name: value for name, value in gate._asdict().items() if name not in {"hashed", "parts"}
    }
    hashed = None if gate.hashed is None else _describe_hashed(gate.hashed, gate.name, unit)
    return {**described, "hashed": hashed, "conditions": list(gate.parts)}


def _describe_hashed(hashed: Hashed, name: str, unit: str) -> Document:
    """Return what was hashed, and the statements that hash it again."""
    text = "'" + f"{hashed.salt}:{unit}".replace("'", "''") + "'"
    return {
        "salt_of": name,
        "salt": hashed.salt,
        "word": hashed.word,
        "bucket": hashed.bucket,
        "range": [hashed.first, hashed.end],
        "sql": {engine: sql.format(text=text, at=8 * hashed.word + 1) for engine, sql in _SQL.items()},
    }


def _versions(document: Document, key: str) -> Document:
    """Return the versions of the segments and personas that the experiment goes by."""
    rules = [each["targeting"] for each in document["experiments"] if each["key"] == key]
    groups = list_groups(rules[0] if rules else None)
    return {
        noun: {group: document.get(noun, {}).get(group, {}).get("version") for group in groups[noun]}
        for noun in (SEGMENTS, PERSONAS)
    }
