"""The lake: facts at rest, as Delta tables that other tools can read too.

``<root>/<project>/<touchpoints|exposures|aliases|scores>``, partitioned by ``day``. What an append
returns from is durable, and a sequence number of an application is written once, whoever tries.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from arro3.core import Array, DataType, Table
from deltalake import (
    ColumnProperties,
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    QueryBuilder,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from abplat.errors import ConflictError, InvalidInputError, UnavailableError
from abplat.facts.durability import harden, harden_checkpoint, set_aside_broken, sync_folders
from abplat.facts.ordered import day_by_day
from abplat.facts.tables import CODED, FOLDERS, SCHEMAS, normal_kind

_KEY = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,64}")
_CHECKPOINT_EVERY = 50
_KEEP_HOURS = 168
# Statistics go into the log as they are: no ids of people, no properties.
_CONFIGURATION = {"delta.dataSkippingStatsColumns": "ts_us,received_us,batch"}
_WRITER = WriterProperties(compression="ZSTD")
# Sealed days are read again and again: differences of sorted numbers are smaller, and read twice as fast.
_DIFFERENCES = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")
_SEALED_WRITER = WriterProperties(
    compression="ZSTD",
    column_properties=dict.fromkeys(
        ("ts_us", "received_us", *(f"{name}_code" for names in CODED.values() for name in names)),
        _DIFFERENCES,
    ),
)
# Checkpoints must be synced, so we make them ourselves.
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)


class FileStatistics(NamedTuple):
    """What the log of a table says of one file; None where it says nothing."""

    day: str
    rows: int | None
    ts_us: tuple[int | None, int | None]
    """Lowest and highest."""
    received_us: tuple[int | None, int | None]


class LakeTable:
    """One open handle of a table: what is checked with it and then written with it cannot be raced."""

    def __init__(self, path: Path) -> None:
        """Open the table as it is now."""
        self.path = path
        self._delta = DeltaTable(str(path))

    @property
    def version(self) -> int:
        """The version this handle sees."""
        return int(self._delta.version())

    @property
    def files(self) -> list[str]:
        """The data files of this version."""
        return sorted(self._delta.file_uris())

    def last_sequence(self, app: str) -> int | None:
        """Return the newest sequence number that an application has written, as of this handle."""
        found = self._delta.transaction_version(app)
        return None if found is None else int(found)

    def append(self, rows: Table, app: str, sequence: int) -> None:
        """Append rows under a sequence number and make them durable.

        Raises:
            ConflictError: If somebody else has written for this application since this handle was
                opened; nothing was written.
        """
        before = self.version
        marker = CommitProperties(app_transactions=[Transaction(app, sequence)])
        try:
            write_deltalake(
                self._delta,
                rows,
                mode="append",
                schema_mode="merge",  # a column that came later is added to an older table
                writer_properties=_WRITER,
                commit_properties=marker,
                post_commithook_properties=_NO_HOOKS,
            )
        except CommitFailedError as error:
            raise ConflictError(f"{app} {sequence} of {self.path} was written by somebody else") from error
        # The commit before may be a rival's that is not synced yet, and ours is worth nothing without it.
        harden(self.path, range(before, self.version + 1))
        if self.version // _CHECKPOINT_EVERY > before // _CHECKPOINT_EVERY:
            self._delta.create_checkpoint()
            harden_checkpoint(self.path)

    def ids_of_batch(self, batch: int) -> list[str]:
        """Return the event ids of one drained batch."""
        query = f"SELECT event_id FROM t WHERE batch = {batch:d}"  # noqa: S608  # a number
        found = QueryBuilder().register("t", self._delta).execute(query).read_all()
        return [str(value) for value in found.column("event_id").to_pylist()]

    def replace_days(self, days: Sequence[str], rows: Any) -> int:
        """Replace all rows of some days by others, durably; return how many rows were written.

        What was read through this handle is what is replaced: rows appended since are never lost.

        Args:
            days: Such as ``2024-03-01``.
            rows: An Arrow stream of rows of these days, day by day, in the order in which they shall lie.

        Raises:
            ConflictError: If somebody has written to one of the days; nothing was replaced.
        """
        before = self.version
        listed = ", ".join(f"'{day}'" for day in days)
        try:
            write_deltalake(
                self._delta,
                day_by_day(rows),
                mode="overwrite",
                predicate=f"day IN ({listed})",
                schema_mode="merge",
                writer_properties=_SEALED_WRITER,
                post_commithook_properties=_NO_HOOKS,
            )
        except CommitFailedError as error:
            raise ConflictError(f"{self.path} changed while its days were sealed") from error
        harden(self.path, range(before, self.version + 1))
        if self.version // _CHECKPOINT_EVERY > before // _CHECKPOINT_EVERY:
            self._delta.create_checkpoint()
            harden_checkpoint(self.path)
        return sum(found.rows or 0 for found in self.statistics.values() if found.day in days)

    def drop_old_files(self) -> None:
        """Remove files that no version of the last week holds; whoever reads has that long."""
        self._delta.vacuum(retention_hours=_KEEP_HOURS, dry_run=False)

    @property
    def statistics(self) -> dict[str, FileStatistics]:
        """What the log says of each data file, by path."""
        found = Table.from_arrow(self._delta.get_add_actions(flatten=True))
        names = (
            "path",
            "num_records",
            "min.ts_us",
            "max.ts_us",
            "max.received_us",
            "min.received_us",
            "partition.day",
        )
        there = [
            found.column(name).to_pylist() if name in found.schema.names else [None] * found.num_rows
            for name in names
        ]
        root = str(self.path)
        return {
            os.path.join(root, unquote(path)): FileStatistics(str(day), rows, (first, last), (early, late))  # noqa: PTH118
            for path, rows, first, last, late, early, day in zip(*there, strict=True)
        }

    def has_column(self, name: str) -> bool:
        """Tell whether a row was ever written with a column that came later."""
        return any(field.name == name for field in self._delta.schema().fields)

    def erase(self, ids: Sequence[str], columns: Sequence[str]) -> int:
        """Delete the rows that name one of some ids, and every file that ever held them.

        The ids are matched through a small table: a predicate would write them into the log. Who is
        reading an older version fails and has to read again.

        Returns:
            How many rows are gone.

        Raises:
            ConflictError: If somebody else has written meanwhile; nothing was deleted.
        """
        before, deleted = self.version, 0
        named = Table.from_pydict({"erased_id": Array(sorted(ids), type=DataType.string())})
        try:
            for column in columns:
                outcome = (
                    self._delta.merge(
                        named,
                        f"t.{column} = s.erased_id",
                        source_alias="s",
                        target_alias="t",
                        writer_properties=_WRITER,
                        post_commithook_properties=_NO_HOOKS,
                    )
                    .when_matched_delete()
                    .execute()
                )
                deleted += int(outcome["num_target_rows_deleted"])
        except CommitFailedError as error:
            raise ConflictError(f"{self.path} changed while people were erased from it") from error
        self._settle(before)
        return deleted

    def drop_before(self, first_day: str) -> int:
        """Let go of the days before a first one, such as ``2026-03-04``; return how many days that were.

        The log keeps no more than the days' names. Who is reading an older version has to read again.

        Raises:
            ConflictError: If somebody else has written meanwhile; nothing was deleted.
        """
        old = {each for each in self._days() if each < first_day}
        if not old:
            return 0
        before = self.version
        try:
            self._delta.delete(
                f"day < '{first_day}'", writer_properties=_WRITER, post_commithook_properties=_NO_HOOKS
            )
        except CommitFailedError as error:
            raise ConflictError(f"{self.path} changed while old days were let go") from error
        self._settle(before)
        return len(old)

    def _days(self) -> set[str]:
        """Return the days that the table holds."""
        return {part["day"] for part in self._delta.partitions()}

    def _settle(self, before: int) -> None:
        """Make what was deleted durable, and delete the files that held it at once."""
        harden(self.path, range(before, self.version + 1))
        self._delta.create_checkpoint()
        harden_checkpoint(self.path)
        self._delta.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)

    def compact(self) -> int:
        """Merge small files; return how many files there are fewer.

        Old files stay for a week, for those who are reading them.
        """
        before, files = self.version, len(self._delta.file_uris())
        try:
            self._delta.optimize.compact(
                max_concurrent_tasks=1, writer_properties=_WRITER, post_commithook_properties=_NO_HOOKS
            )
        except CommitFailedError as error:
            raise ConflictError(f"{self.path} changed while it was compacted") from error
        if self.version == before:
            return 0
        harden(self.path, range(before, self.version + 1))
        self._delta.create_checkpoint()
        harden_checkpoint(self.path)
        self.drop_old_files()
        return files - len(self._delta.file_uris())


class Lake:
    """The folder of all facts of all projects.

    A kind is named as in events (``touchpoint``) or as its folder (``touchpoints``).
    """

    kinds = tuple(SCHEMAS)

    def __init__(self, root: Path | str) -> None:
        """Remember the folder; it is made with the first append."""
        self.root = Path(root)

    def path(self, project: str, kind: str) -> Path:
        """Return the folder of a table.

        Raises:
            InvalidInputError: If the project's key could lead out of the lake.
        """
        if not _KEY.fullmatch(project):
            raise InvalidInputError.at("project", f"{project!r} is not a key", "bad_key")
        return self.root / project / FOLDERS[normal_kind(kind)]

    def files(self, project: str, kind: str) -> list[str]:
        """Return the data files of the newest version; none where nothing was ever drained.

        Read them as a list: a pattern over the folder would catch files that are no longer valid.
        """
        table = self.find(project, kind)
        return table.files if table else []

    def version(self, project: str, kind: str) -> int | None:
        """Return the newest version of a table, or None where there is none."""
        table = self.find(project, kind)
        return table.version if table else None

    def find(self, project: str, kind: str) -> LakeTable | None:
        """Open a table, or return None where there is none.

        Raises:
            UnavailableError: If there is one and it cannot be read.
        """
        path = self.path(project, kind)
        try:
            return LakeTable(path)
        except TableNotFoundError:
            return None
        except DeltaError as error:
            raise UnavailableError(f"the table {path} cannot be read: {error}") from error

    def open(self, project: str, kind: str) -> LakeTable:
        """Open a table for writing; make it, durably, where there is none."""
        return self.find(project, kind) or self._create(project, kind)

    def append(self, project: str, kind: str, rows: Table, *, app: str, sequence: int) -> bool:
        """Append rows once: a sequence number that the application has used already is passed over.

        For imports: name the application after the file's content and number its pieces, and the
        import may be stopped and repeated at will.

        Args:
            project: Key of the project.
            kind: Kind of all rows.
            rows: As made by :func:`abplat.facts.tables.to_table`.
            app: Who writes.
            sequence: Grows with every append of this application to this table.

        Returns:
            Whether the rows were written now.
        """
        table = self.open(project, kind)
        last = table.last_sequence(app)
        if last is not None and last >= sequence:
            return False
        table.append(rows, app, sequence)
        return True

    def compact(self, project: str, kind: str) -> int:
        """Merge the small files of a table; return how many files there are fewer."""
        table = self.find(project, kind)
        return table.compact() if table else 0

    def drop_before(self, project: str, kind: str, first_day: str) -> int:
        """Let go of the days before a first one; return how many days that were."""
        table = self.find(project, kind)
        return table.drop_before(first_day) if table else 0

    def repair(self, project: str, kind: str) -> bool:
        """Set aside a newest log entry that a power cut left broken; tell whether there was one."""
        return set_aside_broken(self.path(project, kind)) is not None

    def projects(self) -> list[str]:
        """Return the projects that have a folder."""
        return (
            sorted(path.name for path in self.root.iterdir() if path.is_dir()) if self.root.is_dir() else []
        )

    def _create(self, project: str, kind: str) -> LakeTable:
        """Make an empty table and everything above it durable."""
        path = self.path(project, kind)
        path.mkdir(parents=True, exist_ok=True)
        with suppress(CommitFailedError):  # a rival has made it in the meantime
            DeltaTable.create(
                str(path),
                SCHEMAS[normal_kind(kind)],
                mode="ignore",
                partition_by=["day"],
                configuration=_CONFIGURATION,
            )
        harden(path, [0])
        sync_folders([path, path.parent, self.root])
        return LakeTable(path)
