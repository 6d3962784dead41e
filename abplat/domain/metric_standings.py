"""What people say of a metric: draft, certified for others to rely on, or retired."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

from abplat.domain.fields import Fields

DRAFT: Final = "draft"
CERTIFIED: Final = "certified"
RETIRED: Final = "retired"
STATUSES: Final = (DRAFT, CERTIFIED, RETIRED)
MAX_NOTE: Final = 1_000


class Standing(NamedTuple):
    """What was said of a metric.

    Attributes:
        status: draft, certified or retired; a certificate of an older version counts no longer.
        said: What was said last, whatever has changed since.
        definition_version: Of which version it was said; None where nothing was.
        actor: By whom.
        at: When.
        note: Why.
    """

    status: str = DRAFT
    said: str = DRAFT
    definition_version: int | None = None
    actor: str | None = None
    at: datetime | None = None
    note: str = ""

    @property
    def is_outdated(self) -> bool:
        """Tell whether the definition has changed since it was certified."""
        return self.said == CERTIFIED and self.status == DRAFT


def parse_standing(document: Any) -> tuple[str, str]:
    """Read what is to be said of a metric: status and note.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_standing({"status": "certified"})
        ('certified', '')
    """
    fields = Fields(document)
    found = (fields.choice("status", STATUSES), fields.text("note", "", MAX_NOTE))
    fields.finish("standing")
    return found


def judge(said: str, of_version: int, present_version: int) -> str:
    """Return what a status counts for now: a certificate is one of a definition, not of a name.

    Examples:
        >>> judge("certified", 1, 2), judge("retired", 1, 2)
        ('draft', 'retired')
    """
    return DRAFT if said == CERTIFIED and of_version != present_version else said
