"""Why did this customer get this variant? Every gate of the decision, with what anybody can recompute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from abplat_sdk.evaluator import Evaluator
from abplat_sdk.trace import Gate, Hashed, explain
from sqlalchemy.orm import Session

from abplat.db.queries import assignments
from abplat.domain.catalogue import PERSONAS, SEGMENTS, Document
from abplat.domain.targeting import list_groups
from abplat.services import experiments

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
    """

    unit: str
    attributes: Mapping[str, Any]
    channel: str | None
    with_pins: bool = True


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
    entries = assignments.entries_of(session.connection(), project, [inquiry.unit])
    ledger = {entry.experiment: entry.pin for entry in entries}
    pins = {other: pin.variant for other, pin in ledger.items()} if inquiry.with_pins else {}
    trace = explain(evaluator, key, inquiry.unit, inquiry.attributes, pins, inquiry.channel)
    return {
        "experiment": key,
        "state": found["state"],
        "unit": inquiry.unit,
        "channel": inquiry.channel,
        "attributes": dict(inquiry.attributes),
        "config_version": evaluator.version,
        "decision": trace.decision._asdict(),
        "decided_by": trace.deciding.gate,
        "gates": [_describe(gate, inquiry.unit) for gate in trace.gates],
        "pins": {other: pin._asdict() for other, pin in sorted(ledger.items())},
        "pins_used": inquiry.with_pins,
        **_versions(document, key),
    }


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
