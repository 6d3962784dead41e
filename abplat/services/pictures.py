"""Pictures of variants: what customers see, kept beside what they are told."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple, cast

from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.models.pictures import Picture
from abplat.db.queries import definitions as queries
from abplat.db.queries import pictures as picture_queries
from abplat.domain.catalogue import CHANNELS, EXPERIMENTS, Document
from abplat.domain.pictures import read_picture
from abplat.errors import InvalidInputError, NotFoundError
from abplat.services import audit

NOUN = "pictures"


class Place(NamedTuple):
    """Where a picture belongs: a variant of an experiment, in a channel."""

    experiment: str
    variant: str
    channel: str

    @property
    def pair(self) -> tuple[str, str]:
        """Return variant and channel."""
        return self.variant, self.channel


def put(session: Session, project: str, place: Place, body: bytes, *, now: datetime) -> Document:
    """Keep a picture in place of the one that was there.

    Raises:
        NotFoundError: If there is no such experiment.
        InvalidInputError: If the experiment has no such variant, the project no such channel, or the file is no
            picture that can be kept.
    """
    _require_place(session, project, place)
    facts = read_picture(body)
    digest = hashlib.sha256(body).hexdigest()
    row = picture_queries.find(session, project, place.experiment, place.pair)
    before = row.hash if row is not None else None
    if row is None:
        row = Picture(project=project, **place._asdict())
        session.add(row)
    row.media_type, row.width, row.height = facts
    row.hash, row.body, row.author, row.created_at = digest, body, audit.actor_of(session), now
    session.flush()
    if digest != before:
        _record(session, project, place, (before, digest), now)
    return _describe(row)


def get(session: Session, project: str, place: Place) -> Picture:
    """Return a picture with its body.

    Raises:
        NotFoundError: If nothing was kept there.
    """
    found = picture_queries.find(session, project, place.experiment, place.pair)
    if found is None:
        raise NotFoundError(
            f"there is no picture of variant {place.variant[:64]!r} in channel {place.channel[:64]!r}"
        )
    return found


def list_(session: Session, project: str, experiment: str) -> list[Document]:
    """Return what is known of the pictures of an experiment; those of variants that are gone are left out.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, experiment))
    variants = {each["key"] for each in row.document["variants"]}
    found = picture_queries.list_of(session, project, experiment)
    return [_describe(each) for each in found if each.variant in variants]


def remove(session: Session, project: str, place: Place, *, now: datetime) -> None:
    """Take a picture away.

    Raises:
        NotFoundError: If nothing was kept there.
    """
    row = get(session, project, place)
    session.delete(row)
    session.flush()
    _record(session, project, place, (row.hash, None), now)


def _require_place(session: Session, project: str, place: Place) -> None:
    """Refuse a variant or a channel that is not there."""
    row = cast("Experiment", queries.get(session, EXPERIMENTS, project, place.experiment))
    if place.variant not in [each["key"] for each in row.document["variants"]]:
        message = f"{place.variant[:64]!r} is no variant of {place.experiment}"
        raise InvalidInputError.at("variant", message, "unknown_variant")
    channel = queries.find(session, CHANNELS, project, place.channel)
    if channel is None or channel.archived_at is not None:
        raise InvalidInputError.at(
            "channel", f"this project has no channel {place.channel[:64]!r}", "unknown_channel"
        )


def _record(
    session: Session, project: str, place: Place, hashes: tuple[str | None, str | None], now: datetime
) -> None:
    """Note in the audit trail which picture took the place of which."""
    before, after = (None if each is None else {**place._asdict(), "hash": each} for each in hashes)
    verb = "remove" if after is None else "put"
    audit.record(session, now, (project, verb, NOUN, place.experiment), before, after)


def _describe(row: Picture) -> Document:
    """Return what is known of a picture beside its body."""
    return {
        "variant": row.variant,
        "channel": row.channel,
        "media_type": row.media_type,
        "width": row.width,
        "height": row.height,
        "hash": row.hash,
        "author": row.author,
        "created_at": row.created_at,
    }
