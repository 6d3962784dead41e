"""Which files of the lake are sealed: every event id once, ids of people as numbers, sorted.

The list is a note beside the tables and never the truth: a file that it does not name is read with
every precaution, only slower. So whatever rewrites a file (a compaction, an erasure, a restored
backup) cannot make the list wrong, and a crash between a rewritten day and the note costs time only.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from abplat.facts.durability import sync_folders

FORMAT = 1
_NAME = "seals.json"


class SealedFile(msgspec.Struct, frozen=True):
    """One sealed file.

    Attributes:
        replaces: Names of the files whose rows it holds, and no other rows.
        has_captured: Whether some touchpoint says what it asked the customer for.
        channels: The channels of its touchpoints; None where nobody has listed them.
        in_order: Whether its rows are known to lie in their order; an earlier abplat could mix up the
            batches of a large day.
    """

    replaces: tuple[str, ...] = ()
    has_captured: bool = False
    channels: tuple[str, ...] | None = None
    in_order: bool = False


class _Note(msgspec.Struct, frozen=True):
    """The note as it is written."""

    format: int = FORMAT
    book: str = ""
    next_code: int = 0
    files: dict[str, dict[str, SealedFile]] = {}


@dataclass(frozen=True, slots=True)
class Seals:
    """The sealed files of one project.

    Attributes:
        book: Name of the book of ids (see :mod:`abplat.facts.actors`) whose numbers the files hold.
        next_code: The number that the next new id gets; it never falls, whatever is erased.
        files: Per kind, the sealed files by name.
    """

    book: str = ""
    next_code: int = 0
    files: Mapping[str, Mapping[str, SealedFile]] = field(default_factory=dict)

    def of(self, kind: str) -> Mapping[str, SealedFile]:
        """Return the sealed files of a kind."""
        return self.files.get(kind, {})


def read_seals(folder: Path) -> Seals:
    """Read the note of a project's folder; nothing is sealed where there is none, or none that we know."""
    try:
        note = msgspec.json.decode((folder / _NAME).read_bytes(), type=_Note)
    except (FileNotFoundError, msgspec.DecodeError):
        return Seals()
    return Seals(note.book, note.next_code, note.files) if note.format == FORMAT else Seals()


def write_seals(folder: Path, seals: Seals) -> None:
    """Replace the note as a whole, durably."""
    files = {kind: dict(sorted(found.items())) for kind, found in sorted(seals.files.items())}
    note = _Note(book=seals.book, next_code=seals.next_code, files=files)
    write_whole(folder / _NAME, msgspec.json.encode(note))


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there from end to end or not at all."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_folders([path.parent])


def file_name(path: str) -> str:
    """Return the name by which the note knows a file: its day and its own name.

    Examples:
        >>> file_name("/lake/shop/touchpoints/day=2024-03-01/part-0.parquet")
        'day=2024-03-01/part-0.parquet'
    """
    return "/".join(path.replace("\\", "/").split("/")[-2:])


def split(files: Iterable[str], sealed: Mapping[str, SealedFile]) -> tuple[list[str], list[str]]:
    """Return the sealed files among some, and the others."""
    listed = sorted(files, key=file_name)
    return (
        [path for path in listed if file_name(path) in sealed],
        [path for path in listed if file_name(path) not in sealed],
    )
