"""What an experiment's traffic depends on beside itself: layer, holdouts, segments, personas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

from sqlalchemy.orm import Session

from abplat.db.models.holdouts import Holdout
from abplat.db.models.layers import Layer
from abplat.db.queries import definitions as queries
from abplat.db.queries.versions import VersionedDefinition
from abplat.domain.catalogue import HOLDOUTS, LAYERS, PERSONAS, SEGMENTS, Document
from abplat.domain.layers import find_holdouts
from abplat.domain.targeting import list_groups


def plan_traffic(session: Session, project: str, experiment: Mapping[str, Any]) -> Document:
    """Return what a plan keeps of an experiment's traffic.

    Layer and holdouts are frozen with their salts. Segments and personas are named with the version
    of this moment; a running experiment follows them when they change.
    """
    holdouts = {row.key: row for row in queries.list_all(session, HOLDOUTS, project)}
    documents = {key: row.document for key, row in holdouts.items()}
    groups = list_groups(experiment["targeting"])
    return {
        "layer": _plan_layer(session, project, experiment),
        "holdouts": [
            _plan_holdout(cast("Holdout", holdouts[key]))
            for key in find_holdouts(dict(experiment), documents)
        ],
        SEGMENTS: _versions(session, project, SEGMENTS, groups[SEGMENTS]),
        PERSONAS: _versions(session, project, PERSONAS, groups[PERSONAS]),
    }


def _plan_layer(session: Session, project: str, experiment: Mapping[str, Any]) -> Document | None:
    """Return the layer of an experiment as a plan keeps it."""
    if experiment["layer"] is None:
        return None
    layer = cast("Layer", queries.get(session, LAYERS, project, experiment["layer"]))
    return {"key": layer.key, "salt": layer.salt, "slot": list(experiment["slot"])}


def _plan_holdout(holdout: Holdout) -> Document:
    """Return a holdout as a plan keeps it."""
    return {"key": holdout.key, "salt": holdout.salt, "share": holdout.document["share"]}


def _versions(session: Session, project: str, noun: str, keys: Iterable[str]) -> dict[str, int]:
    """Return the present version of some segments or personas."""
    found = {key: cast("VersionedDefinition", queries.get(session, noun, project, key)) for key in keys}
    return {key: row.definition_version for key, row in found.items()}


def describe_groups(session: Session, project: str, rules: Iterable[Any]) -> dict[str, Document]:
    """Return the segments and personas that some rules refer to, as the configuration carries them.

    What no rule refers to is left out: an SDK in a browser is told no more than it needs.
    """
    wanted: dict[str, set[str]] = {SEGMENTS: set(), PERSONAS: set()}
    for rule in rules:
        for noun, keys in list_groups(rule).items():
            wanted[noun].update(keys)
    return {noun: _describe_each(session, project, noun, sorted(keys)) for noun, keys in wanted.items()}


def _describe_each(session: Session, project: str, noun: str, keys: Iterable[str]) -> Document:
    """Return what decides membership, and the version that it is of."""
    rows = ((key, queries.find(session, noun, project, key)) for key in keys)
    return {
        key: _describe_group(noun, cast("VersionedDefinition", row)) for key, row in rows if row is not None
    }


def _describe_group(noun: str, row: VersionedDefinition) -> Document:
    """Return a segment or persona as the evaluator reads it."""
    described: Document = {"version": row.definition_version}
    if noun == PERSONAS:
        described["origin"] = row.document["origin"]
    members = row.document.get("members")
    part = {"rule": row.document["rule"]} if members is None else {"members": members}
    return {**described, **part}
