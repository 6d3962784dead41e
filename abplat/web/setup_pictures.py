"""Pictures of variants in the set-up: kept with the form, shown by an address of their own."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request
from sqlalchemy.orm import Session

from abplat.domain.catalogue import CHANNELS
from abplat.domain.pictures import MAX_BYTES
from abplat.errors import InvalidInputError, NotFoundError
from abplat.services import pictures
from abplat.services.definitions import load_entries
from abplat.services.pictures import Place
from abplat.services.setups import Draft
from abplat.web.form_reader import FormReader, make_sentence
from abplat.web.writing import current_platform

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Content-Disposition": "inline",
    "Cache-Control": "private, max-age=3600",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def add_pages(pages: Blueprint) -> None:
    """Put the picture under its address."""
    place = "/projects/<project>/experiments/<key>/pictures/<variant>/<channel>"
    pages.add_url_rule(place, "show_picture", show_picture)


def show_picture(project: str, key: str, variant: str, channel: str) -> Response:
    """Hand out a picture, as what it is and nothing else."""
    with current_platform().sessions() as session:
        found = pictures.get(session, project, Place(key, variant, channel))
    return Response(found.body, content_type=found.media_type, headers=_HEADERS)


def keep_pictures(session: Session, project: str, draft: Draft, form: FormReader) -> None:
    """Keep the files that came with the form, and take away what was ticked.

    Raises:
        InvalidInputError: Without problems; which file is at fault stands beside its field.
    """
    now = current_platform().clock()
    channels = load_entries(session, project)[CHANNELS]
    for index, variant in enumerate(draft.document["variants"]):
        for channel in channels:
            place = Place(str(draft.experiment), variant["key"], channel)
            file = request.files.get(f"picture-{index}-{channel}")
            if form.flag(f"nopicture-{index}-{channel}"):
                _remove(session, project, place)
            if file is None or not file.filename:
                continue
            try:
                pictures.put(session, project, place, file.stream.read(MAX_BYTES + 1), now=now)
            except InvalidInputError as error:
                message = f"The picture {error.problems[0].message}"
                form.faults[f"picture-{index}-{channel}"] = make_sentence(message)
    form.require_readable()


def _remove(session: Session, project: str, place: Place) -> None:
    """Take a picture away; one that is gone already is fine."""
    try:
        pictures.remove(session, project, place, now=current_platform().clock())
    except NotFoundError:
        return
