"""The configuration document, from which SDKs and the service decide alike."""

from __future__ import annotations

import hashlib
from itertools import accumulate
from typing import Final

import msgspec
from sqlalchemy.orm import Session

from abplat.db.queries import projects as project_queries
from abplat.db.queries.experiments import list_started_versions
from abplat.db.queries.versions import list_present
from abplat.domain.catalogue import PERSONAS, SEGMENTS, Document
from abplat.domain.lifecycle import RUNNING
from abplat.domain.targeting import asks_for_standing
from abplat.services.plans import list_plans
from abplat.services.traffic import describe_groups

SCHEMA_VERSION: Final = 1


def build_configuration(session: Session, project_key: str) -> Document:
    """Return everything that decisions of a project depend on, as frozen at each start.

    Segments and personas are the exception: they are those of now, and a running experiment follows them.
    Its version is a hash of the rest: the same definitions give the same version on any server.
    """
    plans = list_plans(session, project_key)
    rules = [plan["experiment"]["targeting"] for state, plan in plans if state == RUNNING]
    groups = describe_groups(session, project_key, rules)
    rest = {
        "schema_version": SCHEMA_VERSION,
        "project": project_key,
        **groups,
        "experiments": [describe_experiment(state, plan) for state, plan in plans],
    }
    rules += [group.get("rule") for noun in (SEGMENTS, PERSONAS) for group in groups[noun].values()]
    if _fills_standing(session, project_key) and any(map(asks_for_standing, rules)):
        rest["fill_standing"] = True
    digest = hashlib.sha256(msgspec.json.encode(rest, order="deterministic")).hexdigest()
    return {"schema_version": SCHEMA_VERSION, "version": digest[:16], **rest}


def describe_experiment(state: str, plan: Document) -> Document:
    """Return one experiment as the evaluator reads it."""
    experiment = plan["experiment"]
    variants = experiment["variants"]
    bounds = accumulate(variant["weight"] for variant in variants)
    return {
        "key": experiment["key"],
        "salt": plan["salt"],
        "hash_version": plan["hash_version"],
        "phase": plan.get("phase", 1),
        "unit_type": experiment["unit_type"],
        "state": state,
        "layer": plan["layer"],
        "holdouts": plan["holdouts"],
        "prerequisites": experiment.get("prerequisites", []),
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
    return (
        _fills_standing(session, project_key),
        *list_started_versions(session, project_key),
        *list_present(session, project_key, SEGMENTS),
        *list_present(session, project_key, PERSONAS),
    )


def _fills_standing(session: Session, project_key: str) -> bool:
    """Tell whether the project asks the service to tell targeting where a customer stands."""
    project = project_queries.find(session, project_key)
    return project is not None and project.fill_standing
