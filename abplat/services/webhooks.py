"""What can be done with webhooks, and how messages are sent to them and by mail."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from abplat.clock import to_micros
from abplat.config import Settings
from abplat.db.models.webhooks import Delivery, Webhook
from abplat.db.queries import projects
from abplat.db.queries import webhooks as queries
from abplat.domain.catalogue import Document
from abplat.domain.notices import MEANINGS, TEST, parse_webhook, sign
from abplat.errors import AbplatError, ConflictError, NotFoundError
from abplat.services import audit, mail, notices, outbound

NOUN: Final = "webhooks"
MAX_OF_PROJECT: Final = 20
MAX_TRIES: Final = 8
FIRST_PAUSE: Final = timedelta(seconds=10)
LONGEST_PAUSE: Final = timedelta(hours=6)
_SHOWN: Final = 500


class Letter(NamedTuple):
    """A message, ready to be sent by somebody who holds no database session."""

    id: int
    event: str
    message: Mapping[str, Any]
    url: str | None
    secret: str
    email: str | None


class Sent(NamedTuple):
    """What became of a try."""

    id: int
    is_good: bool
    status: int | None
    detail: str


def create(session: Session, project: str, document: Any, *, now: datetime) -> Document:
    """Add a webhook; its secret is in the answer, and can be read again by nobody.

    Raises:
        InvalidInputError: With every fault found.
        ConflictError: If the project has very many already.
    """
    projects.get(session, project)
    url, events = parse_webhook(document)
    if len(queries.list_(session, project)) >= MAX_OF_PROJECT:
        raise ConflictError(f"a project has at most {MAX_OF_PROJECT} webhooks; remove one first")
    secret = f"whsec_{secrets.token_hex(32)}"
    row = Webhook(project=project, url=url, secret=secret, events=list(events), created_at=now)
    session.add(row)
    session.flush()
    audit.record(session, now, (project, "create", NOUN, str(row.id)), after=_audited(row))
    return {**describe(row), "secret": secret}


def update(session: Session, project: str, number: int, document: Any, *, now: datetime) -> Document:
    """Change where a webhook sends, or what.

    Raises:
        InvalidInputError: With every fault found.
        NotFoundError: If there is none of this number.
    """
    row = _get(session, project, number)
    before = _audited(row)
    changes = dict(document) if isinstance(document, Mapping) else document
    url, events = parse_webhook({**before, **changes} if isinstance(changes, dict) else changes)
    row.url, row.events = url, list(events)
    session.flush()
    if before != _audited(row):
        audit.record(session, now, (project, "update", NOUN, str(number)), before, _audited(row))
    return describe(row)


def remove(session: Session, project: str, number: int, *, now: datetime) -> None:
    """Take a webhook out of use; what waits is sent no more, the log stays.

    Raises:
        NotFoundError: If there is none of this number.
    """
    row = _get(session, project, number)
    row.removed_at = now
    session.flush()
    audit.record(session, now, (project, "remove", NOUN, str(number)), before=_audited(row))


def get(session: Session, project: str, number: int) -> Document:
    """Return a webhook.

    Raises:
        NotFoundError: If there is none of this number.
    """
    return describe(_get(session, project, number))


def list_(session: Session, project: str) -> list[Document]:
    """Return the webhooks of a project, oldest first."""
    return [describe(row) for row in queries.list_(session, project)]


def list_deliveries(
    session: Session, project: str, number: int | None = None, *, limit: int = 50
) -> list[Document]:
    """Return what was sent, to a webhook or in all, the latest first."""
    if number is not None:
        _get(session, project, number)
    return [describe_delivery(row) for row in queries.list_deliveries(session, project, number, limit)]


def try_out(session: Session, project: str, number: int, *, now: datetime) -> Document:
    """Write a test message to one webhook.

    Raises:
        NotFoundError: If there is none of this number.
    """
    row = _get(session, project, number)
    message = {
        "id": secrets.token_hex(16),
        "event": TEST,
        "at": now.isoformat().replace("+00:00", "Z"),
        "project": project,
        "experiment": "",
        "data": {"note": "This is a test of abplat."},
    }
    delivery = notices.make_delivery(message, {"webhook_id": row.id}, now)
    session.add(delivery)
    session.flush()
    return describe_delivery(delivery)


def list_letters(session: Session, now: datetime, limit: int) -> list[Letter]:
    """Return what is to be sent now; messages to webhooks that were removed have no address any more."""
    letters = []
    for row in queries.list_due(session, now, limit):
        hook = session.get(Webhook, row.webhook_id) if row.webhook_id else None
        url = hook.url if hook and hook.removed_at is None else None
        letters.append(Letter(row.id, row.event, row.message, url, hook.secret if hook else "", row.email))
    return letters


def send(letter: Letter, settings: Settings, now: datetime) -> Sent:
    """Send a letter; whatever goes wrong is said, never raised."""
    try:
        if letter.email is not None:
            text = write_text(letter.message, settings.public_url)
            mail.send(settings, mail.make_mail(settings, letter.email, write_subject(letter.message), text))
            return Sent(letter.id, is_good=True, status=None, detail="")
        if letter.url is None:
            return Sent(letter.id, is_good=False, status=None, detail="the webhook was removed")
        return _post(letter, letter.url, settings, now)
    except AbplatError as error:
        return Sent(letter.id, is_good=False, status=None, detail=error.message[:_SHOWN])


def note(session: Session, sent: Sent, *, now: datetime) -> None:
    """Keep what became of a try, and when to try again."""
    row = session.get(Delivery, sent.id)
    if row is None or row.state != "waiting":
        return
    row.tries += 1
    row.status, row.detail = sent.status, sent.detail[:_SHOWN]
    if sent.is_good:
        row.state, row.finished_at = "sent", now
    elif row.tries >= MAX_TRIES or sent.detail == "the webhook was removed":
        row.state, row.finished_at = "failed", now
    else:
        row.next_at = now + find_pause(row.tries)


def find_pause(tries: int) -> timedelta:
    """Return how long to wait after so many tries: each time four times as long.

    Examples:
        >>> [find_pause(tries).total_seconds() for tries in (1, 2, 3, 7)]
        [10.0, 40.0, 160.0, 21600.0]
    """
    pause: timedelta = FIRST_PAUSE * 4 ** (tries - 1)
    return min(LONGEST_PAUSE, pause)


def write_subject(message: Mapping[str, Any]) -> str:
    """Return the subject of a mail."""
    return f"[abplat] {message['project']}/{message['experiment']}: {MEANINGS.get(message['event'], message['event'])}"


def write_text(message: Mapping[str, Any], public_url: str) -> str:
    """Return the text of a mail."""
    lines = [f"{MEANINGS.get(message['event'], message['event'])}.".capitalize(), ""]
    lines += [f"{name}: {value}" for name, value in message["data"].items() if value not in ("", None)]
    lines += ["", f"Experiment: {message['experiment']}, project: {message['project']}, at {message['at']}."]
    if public_url:
        lines.append(
            f"{public_url.rstrip('/')}/projects/{message['project']}/experiments/{message['experiment']}"
        )
    return "\n".join([*lines, "", "You get this mail because your account page asks for it."])


def describe(row: Webhook) -> Document:
    """Return a webhook without its secret."""
    return {"id": row.id, "url": row.url, "events": row.events, "created_at": row.created_at}


def describe_delivery(row: Delivery) -> Document:
    """Return a message with what became of it."""
    return {
        "id": row.id,
        "webhook": row.webhook_id,
        "email": row.email,
        "event": row.event,
        "message": row.message,
        "state": row.state,
        "tries": row.tries,
        "status": row.status,
        "detail": row.detail,
        "created_at": row.created_at,
        "next_at": row.next_at if row.state == "waiting" else None,
        "finished_at": row.finished_at,
    }


def _post(letter: Letter, url: str, settings: Settings, now: datetime) -> Sent:
    """Post a letter to a webhook, signed."""
    body = msgspec.json.encode(letter.message)
    timestamp = to_micros(now) // 1_000_000
    headers = {
        "Content-Type": "application/json",
        "Abplat-Event": letter.event,
        "Abplat-Id": str(letter.message["id"]),
        "Abplat-Timestamp": str(timestamp),
        "Abplat-Signature": sign(letter.secret, timestamp, body),
    }
    answer = outbound.request("POST", url, body=body, headers=headers, allowed=settings.outbound_allowed)
    is_good = 200 <= answer.status < 300
    detail = "" if is_good else answer.body[:_SHOWN].decode(errors="replace").replace("\x00", "")
    return Sent(letter.id, is_good, answer.status, detail)


def _audited(row: Webhook) -> Document:
    """Return what the audit trail keeps of a webhook: never its secret."""
    return {"url": row.url, "events": list(row.events)}


def _get(session: Session, project: str, number: int) -> Webhook:
    """Return a webhook of a project."""
    row = session.get(Webhook, number) if 0 < number < 2**63 else None
    if row is None or row.project != project or row.removed_at is not None:
        raise NotFoundError(f"there is no webhook {number}")
    return row
