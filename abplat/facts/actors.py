"""The book of ids: every id of a person that sealed facts speak of, with its number.

Numbers are given in the order in which ids are first sealed and are never given twice; they mean
nothing outside this installation. The book is one small Delta table beside the facts, sorted by id,
written anew with every sealing before the files that use its numbers.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from arro3.core import Array as ArrowArray
from arro3.core import DataType, Table
from deltalake import (
    ColumnProperties,
    DeltaTable,
    PostCommitHookProperties,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import TableNotFoundError

from abplat.facts.durability import harden, harden_checkpoint, sync_folders

FOLDER = "actors"
NEVER_US = 2**63 - 1
_CHECKPOINT_EVERY = 20
_KEEP_HOURS = 168
_CONFIGURATION = {"delta.dataSkippingStatsColumns": "code"}
_WRITER = WriterProperties(
    compression="ZSTD",
    column_properties={"place": ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED")},
)
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
_EMPTY = (
    "SELECT NULL::VARCHAR AS actor, NULL::BIGINT AS code, NULL::BIGINT AS known_us, "
    "NULL::BOOLEAN AS is_suspect, NULL::VARCHAR AS id_type, NULL::BIGINT AS place WHERE false"
)
ID_TYPE = "(CASE WHEN contains(actor, ':') THEN split_part(actor, ':', 1) ELSE '' END)"
"""The type of an id: what stands before its first colon."""

# Ids that may tell nobody apart: all those, and some more, that the identity policy blocks.
SUSPECT = (
    "(regexp_matches(actor, '[^\\x00-\\x7F]') OR regexp_matches(lower(substr(actor, strpos(actor, ':') + 1)), "
    "'(?s)^[\\x00-\\x20]*(0|-1|null|none|nil|nan|undefined|unknown|anonymous|anon|guest|empty|n/a|na|false|true|default"
    "|test.*|[0-]*)[\\x00-\\x20]*$'))"
)


class ActorBook:
    """The book of one project as it is now."""

    def __init__(self, folder: Path) -> None:
        """Open the book in a project's folder; there may be none yet."""
        self.path = folder / FOLDER
        try:
            self._delta: DeltaTable | None = DeltaTable(str(self.path))
        except TableNotFoundError:
            self._delta = None

    @property
    def name(self) -> str:
        """The identity of the book: another table in its place is another book."""
        return "" if self._delta is None else str(self._delta.metadata().id)

    @property
    def version(self) -> int:
        """The version seen; -1 where there is no book."""
        return -1 if self._delta is None else int(self._delta.version())

    @property
    def has_places(self) -> bool:
        """Whether ``place`` says where each id stands among all; books of an earlier abplat do not say it."""
        return self._delta is None or "place" in self._names()

    def _names(self) -> set[str]:
        """Return the columns of the table."""
        return set() if self._delta is None else {field.name for field in self._delta.schema().fields}

    def query(self) -> str:
        """Return the SQL that reads actor, code, known_us, is_suspect, id_type and place.

        ``known_us`` is the instant since when some touchpoint of the id can be seen; ``place`` grows
        with the order of the ids. Books of an earlier abplat do not say the type, which is taken from
        the id, nor the place.
        """
        if self._delta is None or not (files := sorted(self._delta.file_uris())):
            return _EMPTY
        listed = ", ".join("'" + str(path).replace("'", "''") + "'" for path in files)
        told = self._names()
        kind = "id_type" if "id_type" in told else f"{ID_TYPE} AS id_type"
        place = "place" if "place" in told else "NULL::BIGINT AS place"
        return f"SELECT actor, code, known_us, is_suspect, {kind}, {place} FROM read_parquet([{listed}])"  # noqa: S608

    def next_code(self, connection: Any) -> int:
        """Return the number after the highest one given."""
        [(last,)] = connection.execute(f"SELECT max(code) FROM ({self.query()})").fetchall()  # noqa: S608
        return 0 if last is None else int(last) + 1

    def erase(self, ids: Collection[str]) -> int:
        """Strike ids out, and delete every file that ever held them; return how many were there.

        Their numbers are never given again. The ids are matched through a small table, so that the
        log does not name them.
        """
        if self._delta is None:
            return 0
        before = self.version
        named = Table.from_pydict({"erased_id": ArrowArray(sorted(ids), type=DataType.string())})
        outcome = (
            self._delta.merge(named, "t.actor = s.erased_id", source_alias="s", target_alias="t",
                              post_commithook_properties=_NO_HOOKS)
            .when_matched_delete()
            .execute()
        )  # fmt: skip
        harden(self.path, range(before, self.version + 1))
        self._delta.create_checkpoint()
        harden_checkpoint(self.path)
        self._delta.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
        return int(outcome["num_target_rows_deleted"])

    def replace(self, connection: Any, query: str) -> None:
        """Write the book anew, durably, from a query that gives its rows sorted by actor."""
        rows = Table.from_arrow(connection.sql(query))
        before = self.version
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_deltalake(
            self._delta or str(self.path),
            rows,
            mode="overwrite",
            schema_mode="overwrite",
            writer_properties=_WRITER,
            post_commithook_properties=_NO_HOOKS,
            configuration=None if self._delta else _CONFIGURATION,
        )
        self._delta = self._delta or DeltaTable(str(self.path))
        harden(self.path, range(max(before, 0), self.version + 1))
        sync_folders([self.path, self.path.parent])
        if self.version // _CHECKPOINT_EVERY > before // _CHECKPOINT_EVERY:
            self._delta.create_checkpoint()
            harden_checkpoint(self.path)
            self._delta.vacuum(retention_hours=_KEEP_HOURS, dry_run=False)
