"""What a change would do, said before it is done; nothing here writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.domain import catalogue
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.fields import Fields
from abplat.domain.lifecycle import CHECKED, DRAFT, UNCHECKED, require_changeable
from abplat.errors import ConflictError, InvalidInputError
from abplat.services import phases


def preview(session: Session, project: str, key: str, body: Any) -> Document:
    """Say what changes of a definition, or a new phase, would do to an experiment.

    Args:
        session: Where to read.
        project: Key of the project.
        key: Key of the experiment.
        body: ``changes`` as they would be sent to change it, or ``phase`` as it would be begun.

    Raises:
        NotFoundError: If there is no such experiment.
        InvalidInputError: With every fault found.
        ConflictError: If the phase could not be begun.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, key))
    fields = Fields(body)
    changes, phase = fields.value("changes", None), fields.value("phase", None)
    if (changes is None) == (phase is None):
        fields.fault("", "needs changes or phase, one of the two", "required")
    if changes is not None and not isinstance(changes, dict):
        fields.fault("changes", "is not a mapping of fields", "not_a_mapping")
    fields.finish("preview")
    if phase is not None:
        return _describe(row, {}, None, phases.preview(session, project, key, phase))
    return _preview_changes(row, changes)


def _preview_changes(row: Experiment, changes: Mapping[str, Any]) -> Document:
    """Say what changes of a definition would do."""
    if changes.get("key", row.key) != row.key:
        raise InvalidInputError.at("key", f"is {row.key!r} for good; create another instead", "immutable")
    definition = catalogue.canonical(EXPERIMENTS, {**row.document, **changes})
    changed = catalogue.changed_fields(row.document, definition)
    refused = None
    try:
        require_changeable(row.state, changed)
    except ConflictError as error:
        refused = error.message
    return _describe(row, changed, refused, None)


def _describe(
    row: Experiment, changed: Mapping[str, tuple[Any, Any]], refused: str | None, phase: Document | None
) -> Document:
    """Return a preview as it is answered."""
    back = row.state == CHECKED and set(changed) - UNCHECKED
    return {
        "fields": [{"field": name, "before": old, "after": new} for name, (old, new) in changed.items()],
        "payloads": list(_diff_payloads(*changed["variants"])) if "variants" in changed else [],
        "state": DRAFT if back else row.state,
        "refused": refused,
        "phase": phase,
    }


def _diff_payloads(before: list[Document], after: list[Document]) -> Iterator[Document]:
    """Yield each payload that differs, per variant and channel; null where there is none."""
    old, new = ({each["key"]: each["payloads"] for each in variants} for variants in (before, after))
    for variant in dict.fromkeys((*old, *new)):
        was, becomes = old.get(variant, {}), new.get(variant, {})
        for channel in dict.fromkeys((*was, *becomes)):
            if was.get(channel) != becomes.get(channel):
                yield {
                    "variant": variant,
                    "channel": channel,
                    "before": was.get(channel),
                    "after": becomes.get(channel),
                }
