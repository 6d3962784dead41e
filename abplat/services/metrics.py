"""What can be done with metrics."""

from __future__ import annotations

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import EXPERIMENTS, METRICS, TEMPLATES, Document
from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.services.definitions import Verbs

_verbs = Verbs(METRICS)

create = _verbs.create
get = _verbs.get
list_ = _verbs.list_
update = _verbs.update
archive = _verbs.archive
list_versions = _verbs.list_versions


def list_kinds() -> list[Document]:
    """Return the catalogue of kinds: what each counts, over whom, and how it is compared."""
    return [msgspec.to_builtins(kind) for kind in KINDS_BY_KEY.values()]


def list_uses(session: Session, project: str, key: str) -> list[Document]:
    """Return everything that uses a metric: experiments, templates, composites.

    Raises:
        NotFoundError: If the project has none of this key.
    """
    queries.get(session, METRICS, project, key)
    found: list[Document] = []
    for row in queries.list_all(session, EXPERIMENTS, project):
        state = row.state if isinstance(row, Experiment) else None
        found += [
            {"noun": EXPERIMENTS, "key": row.key, "role": use["role"], "state": state}
            for use in row.document["metrics"]
            if use["metric"] == key
        ]
    for row in queries.list_all(session, TEMPLATES, project):
        uses = (row.document.get("experiment") or {}).get("metrics") or ()
        found += [
            {"noun": TEMPLATES, "key": row.key, "role": use.get("role"), "state": None}
            for use in uses
            if use.get("metric") == key
        ]
    for row in queries.list_all(session, METRICS, project):
        if any(part["metric"] == key for part in row.document.get("parts") or ()):
            found.append({"noun": METRICS, "key": row.key, "role": None, "state": None})
    return found
