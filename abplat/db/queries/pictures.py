"""Read pictures of variants."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session, defer

from abplat.db.models.pictures import Picture


def find(session: Session, project: str, experiment: str, place: tuple[str, str]) -> Picture | None:
    """Return the picture of a variant in a channel, or None."""
    variant, channel = place
    wanted = select(Picture).where(
        Picture.project == project,
        Picture.experiment == experiment,
        Picture.variant == variant,
        Picture.channel == channel,
    )
    return session.scalars(wanted).one_or_none()


def list_of(session: Session, project: str, experiment: str) -> Sequence[Picture]:
    """Return the pictures of an experiment without their bodies, in the order of variants and channels."""
    wanted = select(Picture).where(Picture.project == project, Picture.experiment == experiment)
    ordered = wanted.order_by(Picture.variant, Picture.channel).options(defer(Picture.body))
    return session.scalars(ordered).all()
