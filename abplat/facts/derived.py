"""What was derived from sealed facts, as Delta tables beside them, and the note that allows to use it.

The note is never the truth: it says which sealed files the tables were derived from, and which files
each table is made of. It is written last, as a whole. A note that is missing, or speaks of files that
are gone, costs time and nothing else; what a killed refresh has left behind is not in the note, so
nobody sees it and the next refresh takes it back.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from arro3.core import Array, DataType, Table
from deltalake import DeltaTable, PostCommitHookProperties, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from abplat import __version__
from abplat.errors import ConflictError
from abplat.facts.durability import harden, harden_checkpoint, sync_folders
from abplat.facts.seals import write_whole

FORMAT = 1
FOLDER = "derived"
_NAME = "note.json"
_CHECKPOINT_EVERY = 20
_KEEP_HOURS = 168
# Read far more often than written: a third more on disk, a third less to read.
_WRITER = WriterProperties(compression="SNAPPY")
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


class DerivedTable(msgspec.Struct, frozen=True):
    """One table as the note knows it.

    Attributes:
        version: The version that holds what the note says.
        files: Its files, the oldest day first.
        about: What it was derived by, for people.
    """

    version: int
    files: tuple[str, ...]
    about: str = ""


class DerivedNote(msgspec.Struct, frozen=True):
    """What the tables hold.

    Attributes:
        book: Name of the book of ids whose numbers stand for customers.
        through_us: The instant as of which they were derived; no file below holds anything later.
        covered: The sealed files of touchpoints, by name.
        channels: Channels by the numbers that the tables use.
        channel_rows: How many touchpoints of the covered files came through each.
        tables: By name.
        format: Of the tables.
        code: Version of the code that derived them.
    """

    book: str
    through_us: int
    covered: tuple[str, ...]
    channels: tuple[str, ...]
    channel_rows: tuple[int, ...]
    tables: dict[str, DerivedTable]
    format: int = FORMAT
    code: str = __version__


class DerivedStore:
    """The derived tables of one project."""

    def __init__(self, folder: Path) -> None:
        """Remember where: below a project's folder."""
        self.path = folder / FOLDER

    def read_note(self) -> DerivedNote | None:
        """Return the note; None where there is none that this version of the code can use."""
        try:
            note = msgspec.json.decode((self.path / _NAME).read_bytes(), type=DerivedNote)
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        return note if (note.format, note.code) == (FORMAT, __version__) else None

    def write_note(self, note: DerivedNote) -> None:
        """Replace the note as a whole, durably."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_whole(self.path / _NAME, msgspec.json.encode(note))

    def publish(self, note: DerivedNote, sources: Sequence[str]) -> None:
        """Write the note, and remove tables that it does not name; unless facts were erased meanwhile.

        Args:
            note: What the tables hold.
            sources: Files that they were derived from. An erasure removes them at once, anything else only
                after a week.

        Raises:
            ConflictError: If one of them is gone: then everything derived is gone, too.
        """
        paths = [Path(path) for path in sources]
        if all(path.exists() for path in paths):
            self.write_note(note)
            if all(path.exists() for path in paths):  # it may have been now
                self.keep_only(note.tables)
                return
        self.drop()
        raise ConflictError(f"facts beside {self.path} went while they were derived")

    def forget_note(self) -> None:
        """Let nobody use the tables from now on."""
        with suppress(FileNotFoundError):
            (self.path / _NAME).unlink()

    def drop(self) -> bool:
        """Remove everything, the note first; tell whether there was anything."""
        self.forget_note()
        there = self.path.exists()
        shutil.rmtree(self.path, ignore_errors=True)
        if there and self.path.parent.exists():
            sync_folders([self.path.parent])
        return there

    def files(self, name: str, table: DerivedTable) -> list[str]:
        """Return the paths of a table's files."""
        return [str(self.path / name / each) for each in table.files]

    def replace(self, name: str, rows: Table, *, by: str | None = None, about: str = "") -> DerivedTable:
        """Write a table anew.

        Args:
            name: Of the table.
            rows: All its rows, in the order in which they shall lie.
            by: The column to partition by.
            about: What it was derived by.
        """
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        before = _version(path)
        write_deltalake(
            str(path),
            rows,
            mode="overwrite",
            schema_mode="overwrite" if before is not None else None,
            partition_by=[by] if by else None,
            writer_properties=_WRITER,
            post_commithook_properties=_NO_HOOKS,
            configuration=None if before is not None else {"delta.dataSkippingStatsColumns": _statistics(rows)},
        )  # fmt: skip
        return self._settle(path, -1 if before is None else before, about)

    def replace_days(
        self, name: str, table: DerivedTable, rows: Table, by: str, days: Sequence[str]
    ) -> DerivedTable:
        """Replace the rows of some days in one commit.

        Args:
            name: Of the table.
            table: As the note knows it; what came after is taken back.
            rows: All rows of these days.
            by: The column of days.
            days: Such as ``2024-03-01``.

        Raises:
            ConflictError: If somebody else refreshes at the same time.
        """
        path = self.path / name
        delta = DeltaTable(str(path))
        if delta.version() != table.version:
            delta.restore(table.version, post_commithook_properties=_NO_HOOKS)
            delta = DeltaTable(str(path))
        before = delta.version()
        listed = ", ".join(f"'{day}'" for day in days)
        try:
            write_deltalake(
                delta,
                rows,
                mode="overwrite",
                predicate=f"{by} IN ({listed})",
                writer_properties=_WRITER,
                post_commithook_properties=_NO_HOOKS,
            )
        except CommitFailedError as error:
            raise ConflictError(f"{path} changed while it was refreshed") from error
        return self._settle(path, before, table.about)

    def _settle(self, path: Path, before: int, about: str) -> DerivedTable:
        """Make a commit durable and describe the table."""
        delta = DeltaTable(str(path))
        version = delta.version()
        if version != before + 1:
            raise ConflictError(f"{path} was written by two at a time")
        harden(path, range(max(before - 1, 0), version + 1))
        sync_folders([path, path.parent])
        if version % _CHECKPOINT_EVERY == 0 and version:
            delta.create_checkpoint()
            harden_checkpoint(path)
            delta.vacuum(retention_hours=_KEEP_HOURS, dry_run=False)
        root = f"{path}/"
        files = sorted(each.removeprefix(root) for each in delta.file_uris())
        return DerivedTable(version, tuple(files), about)

    def keep_only(self, names: Iterable[str]) -> None:
        """Remove the tables that are not named."""
        kept = {*names, _NAME}
        for path in self.path.iterdir() if self.path.is_dir() else ():
            if path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)


def make_table(columns: Mapping[str, Any]) -> Table:
    """Make an Arrow table; a column that ends in ``_day`` holds days since 1970."""
    made: dict[str, Any] = {}
    for name, values in columns.items():
        if name.endswith("_day"):
            made[name] = Array(np.asarray(values, np.int32)).cast(DataType.date32())
        elif isinstance(values, list):
            made[name] = Array(values, type=DataType.string())
        else:
            made[name] = Array(np.ascontiguousarray(values))
    return Table.from_pydict(made)


def _statistics(rows: Table) -> str:
    """Return the columns whose bounds the log may name: instants, and nothing of people."""
    names = [name for name in rows.schema.names if name in {"start_us", "end_us", "ts_us"}]
    return ",".join(names or rows.schema.names[:1])


def _version(path: Path) -> int | None:
    """Return the version of a table; None where there is none."""
    try:
        return int(DeltaTable(str(path)).version())
    except TableNotFoundError:
        return None
    except DeltaError:  # left broken by a power cut: nobody has used it, and nobody will
        shutil.rmtree(path)
        path.mkdir()
        return None
