"""The configuration document, from which SDKs and the service decide alike."""

from __future__ import annotations

import hashlib
from itertools import accumulate
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from abplat.db.queries.experiments import list_started_versions
from abplat.domain.catalogue import Document
from abplat.services.plans import list_plans

SCHEMA_VERSION: Final = 1


def build_configuration(session: Session, project_key: str) -> Document:
    """Return everything that decisions of a project depend on, as frozen at each start.

    Its version is a hash of the rest: the same definitions give the same version on any server.
    """
    experiments = [_describe(state, plan) for state, plan in list_plans(session, project_key)]
    rest = {
        "schema_version": SCHEMA_VERSION,
        "project": project_key,
        "segments": {},
        "experiments": experiments,
    }
    digest = hashlib.sha256(msgspec.json.encode(rest, order="deterministic")).hexdigest()
    return {"schema_version": SCHEMA_VERSION, "version": digest[:16], **rest}


def _describe(state: str, plan: Document) -> Document:
    """Return one experiment as the evaluator reads it."""
    experiment = plan["experiment"]
    variants = experiment["variants"]
    bounds = accumulate(variant["weight"] for variant in variants)
    return {
        "key": experiment["key"],
        "salt": plan["salt"],
        "hash_version": plan["hash_version"],
        "unit_type": experiment["unit_type"],
        "state": state,
        "layer": plan["layer"],
        "holdouts": plan["holdouts"],
        "included": experiment["included"],
        "control": plan["control"],
        "variants": [
            {"key": variant["key"], "bound": bound, "payloads": variant["payloads"]}
            for variant, bound in zip(variants, bounds, strict=True)
        ],
        "targeting": experiment["targeting"],
        "overrides": experiment["overrides"],
    }


def state_of_configuration(session: Session, project_key: str) -> tuple[object, ...]:
    """Return something cheap to read that differs whenever the configuration does."""
    return tuple(list_started_versions(session, project_key))
