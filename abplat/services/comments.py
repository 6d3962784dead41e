"""What can be done with comments on experiments."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from abplat.db.models.comments import Comment
from abplat.db.queries import definitions as queries
from abplat.domain.catalogue import EXPERIMENTS, Document
from abplat.domain.fields import MAX_TEXT, Fields
from abplat.errors import NotAllowedError, NotFoundError
from abplat.services import audit, notices

NOUN: Final = "comments"
MAX_LISTED: Final = 1_000


def add(session: Session, project: str, experiment: str, document: Any, *, now: datetime) -> Document:
    """Say something of an experiment.

    Raises:
        NotFoundError: If there is no such experiment.
        InvalidInputError: If the comment says nothing, or too much.
    """
    queries.get(session, EXPERIMENTS, project, experiment)
    fields = Fields(document)
    body = fields.text("body", longest=MAX_TEXT)
    fields.finish("comment")
    author = audit.actor_of(session)
    row = Comment(project=project, experiment=experiment, author=author, body=body, created_at=now)
    session.add(row)
    session.flush()
    audit.record(session, now, (project, "create", NOUN, str(row.id)), after={"experiment": experiment})
    data = {"comment": row.id, "by": author, "body": body}
    notices.tell(session, project, notices.COMMENT, experiment, data, now=now)
    return describe(row)


def list_(session: Session, project: str, experiment: str) -> list[Document]:
    """Return the comments on an experiment, oldest first; those taken back keep their place.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    queries.get(session, EXPERIMENTS, project, experiment)
    wanted = select(Comment).where(Comment.project == project, Comment.experiment == experiment)
    return [describe(row) for row in session.scalars(wanted.order_by(Comment.id).limit(MAX_LISTED))]


def remove(session: Session, project: str, number: int, *, now: datetime, is_admin: bool = False) -> Document:
    """Take a comment back: its text is gone, its place stays.

    Raises:
        NotFoundError: If there is none of this number.
        NotAllowedError: If somebody else has written it, and the actor is no administrator.
    """
    row = session.get(Comment, number) if 0 < number < 2**63 else None
    if row is None or row.project != project:
        raise NotFoundError(f"there is no comment {number}")
    if row.author != audit.actor_of(session) and not is_admin:
        raise NotAllowedError("only its author or an administrator of the project can take a comment back")
    if row.removed_at is None:
        row.body, row.removed_at = "", now
        session.flush()
        audit.record(
            session, now, (project, "remove", NOUN, str(number)), before={"experiment": row.experiment}
        )
    return describe(row)


def describe(row: Comment) -> Document:
    """Return a comment as it is answered."""
    return {
        "id": row.id,
        "experiment": row.experiment,
        "author": row.author,
        "body": row.body,
        "created_at": row.created_at,
        "removed_at": row.removed_at,
    }
