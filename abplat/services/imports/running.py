"""Run an import: read, map, judge, append, remember; chunk by chunk and exactly once.

Facts go straight into the lake. Each chunk is one commit per kind of fact, and the commit itself
carries the number of the chunk (an application transaction of Delta), so that a chunk is written
once whatever happens between the commit and the note about it. Why not through the intake: see
``docs/decisions``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from abplat.clock import Clock, to_micros
from abplat.domain.suppression import Suppression
from abplat.facts.lake import Lake
from abplat.facts.rows import Row
from abplat.facts.schema import Limits, judge
from abplat.services.imports.facts import Fact, RowMapper
from abplat.services.imports.landing import Landing
from abplat.services.imports.maps import AnyMap, Kind, encode_map, read_map
from abplat.services.imports.progress import Progress, ProgressFile
from abplat.services.imports.reading import SourceFile, SourceRow, hash_file, open_source
from abplat.services.imports.refusals import RefusedRows
from abplat.services.imports.sources import RowRefusedError

FACTS_PER_CHUNK = 100_000
_ID_FORMAT = 1
Advance = Callable[[float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOrder:
    """What to import, and where to.

    Attributes:
        kind: events, exposures or outcomes.
        path: The file.
        map_path: The mapping file.
        project: Key of the project.
        refused_path: Where refused rows go; ``FILE.refused.csv`` when not named.
        facts_per_chunk: Facts of one commit.
        suppression: Whose facts are refused.
    """

    kind: Kind
    path: Path
    map_path: Path
    project: str
    refused_path: Path | None = None
    facts_per_chunk: int = FACTS_PER_CHUNK
    suppression: Suppression | None = None

    @property
    def refused(self) -> Path:
        """Where refused rows go."""
        return self.refused_path or self.path.with_name(f"{self.path.name}.refused.csv")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How an import ended."""

    imported: int
    refused: int
    duplicates: int
    left_out: int
    was_done: bool

    def __str__(self) -> str:
        """Say it in one line.

        Examples:
            >>> str(ImportResult(10, 1, 0, 0, was_done=False))
            'imported 10, refused 1, duplicates 0'
        """
        line = f"imported {self.imported:,}, refused {self.refused:,}, duplicates {self.duplicates:,}"
        return f"{line}, left out by where {self.left_out:,}" if self.left_out else line


@dataclass(slots=True)
class _Chunk:
    """Facts on their way into one commit."""

    facts: list[Fact] = field(default_factory=list)
    owners: list[SourceRow] = field(default_factory=list)
    rows: int = 0
    left_out: int = 0
    refused: list[tuple[SourceRow, str, str]] = field(default_factory=list)


def run_import(
    order: ImportOrder, lake: Lake, state_dir: Path, clock: Clock, advance: Advance
) -> ImportResult:
    """Import a file; call again to go on after an interruption.

    Args:
        order: What to import.
        lake: Where the facts go.
        state_dir: Folder for the notes on how far imports have come.
        clock: Gives the present, beyond which no event may lie.
        advance: Told the share done, 0 to 1.

    Raises:
        InvalidInputError: If the map or the file is wrong; nothing was written then.
        ConflictError: If the same import is running already.
    """
    parsed = read_map(order.map_path, order.kind)
    source = open_source(order.path, parsed.delimiter)
    file_hash = hash_file(order.path)
    mapper = RowMapper(parsed, source.columns, file_hash)
    note = ProgressFile(state_dir, _key(order, file_hash, parsed))
    with note.locked():
        before = note.load(file_hash)
        if before.done:
            return ImportResult(
                0, before.refused, before.imported + before.duplicates, before.left_out, was_done=True
            )
        must_look = getattr(parsed, "id", None) is not None or note.siblings(file_hash)
        landing = Landing(lake, order.project, _key(order, file_hash, parsed), must_look=must_look)
        run = _Run(order, note, landing, mapper, to_micros(clock()))
        after = run.go(source, before, advance)
    return ImportResult(
        after.imported - before.imported,
        after.refused,
        after.duplicates + before.imported,
        after.left_out,
        was_done=False,
    )


def _key(order: ImportOrder, file_hash: str, parsed: AnyMap) -> str:
    """Name an import by all that decides its facts."""
    parts = (order.kind, order.project, file_hash, str(order.facts_per_chunk), str(_ID_FORMAT))
    digest = hashlib.sha256("\n".join(parts).encode() + b"\n" + encode_map(parsed))
    return digest.hexdigest()[:32]


class _Run:
    """One run over a file."""

    def __init__(
        self, order: ImportOrder, note: ProgressFile, landing: Landing, mapper: RowMapper, now_us: int
    ) -> None:
        """Take all that stays the same from chunk to chunk."""
        self._order = order
        self._note = note
        self._landing = landing
        self._mapper = mapper
        self._now_us = now_us
        self._suppression = order.suppression

    def go(self, source: SourceFile, progress: Progress, advance: Advance) -> Progress:
        """Write chunk after chunk until the file ends."""
        rows = source.rows(progress.rows, advance)
        with RefusedRows(self._order.refused, source.columns, progress.refused_bytes) as refused:
            for chunk in self._chunks(rows):
                progress = self._land(chunk, progress, refused)
            progress = msgspec.structs.replace(progress, done=True)
            self._note.save(progress)
        return progress

    def _chunks(self, rows: Iterator[SourceRow]) -> Iterator[_Chunk]:
        """Cut the rows into chunks, at the same places every time."""
        chunk = _Chunk()
        for row in rows:
            chunk.rows += 1
            self._take(row, chunk)
            if len(chunk.facts) >= self._order.facts_per_chunk:
                yield chunk
                chunk = _Chunk()
        if chunk.rows:
            yield chunk

    def _take(self, row: SourceRow, chunk: _Chunk) -> None:
        """Make facts of one row, all of them or none."""
        if row.problem is not None:
            chunk.refused.append((row, "bad_row", row.problem))
            return
        if not self._mapper.keep(row):
            chunk.left_out += 1
            return
        try:
            facts = list(self._mapper.to_facts(row))
        except RowRefusedError as error:
            chunk.refused.append((row, error.code, error.message))
            return
        chunk.facts += facts
        chunk.owners += [row] * len(facts)

    def _land(self, chunk: _Chunk, progress: Progress, refused: RefusedRows) -> Progress:
        """Judge a chunk and write it: refusals first, then the facts, then the note."""
        rows, received = self._judge(chunk)
        number = progress.chunks + 1
        for row, code, reason in sorted(chunk.refused, key=lambda item: item[0].number):
            refused.add(row.line, code, reason, row.values)
        refused.write()
        imported, duplicates = self._landing.append(number, rows, received)
        after = Progress(
            file_hash=progress.file_hash,
            chunks=number,
            rows=progress.rows + chunk.rows,
            imported=progress.imported + imported,
            refused=progress.refused + len(chunk.refused),
            duplicates=progress.duplicates + duplicates,
            left_out=progress.left_out + chunk.left_out,
            refused_bytes=refused.length,
        )
        self._note.save(after)
        return after

    def _judge(self, chunk: _Chunk) -> tuple[list[Row], list[int]]:
        """Hold the facts to the rules of the events API; a row with one bad fact goes as a whole."""
        rows, failures = judge([fact.wire for fact in chunk.facts], self._now_us, Limits(), self._suppression)
        if not failures:
            return rows, [_received(row, fact) for row, fact in zip(rows, chunk.facts, strict=True)]
        bad: dict[int, tuple[SourceRow, str, str]] = {}
        for failure in failures:
            owner = chunk.owners[failure.index]
            bad.setdefault(owner.number, (owner, failure.code, failure.message))
        chunk.refused += bad.values()
        failed = {failure.index for failure in failures}
        judged = iter(rows)
        kept: list[Row] = []
        received: list[int] = []
        for index, fact in enumerate(chunk.facts):
            if index in failed:
                continue
            row = next(judged)
            if chunk.owners[index].number not in bad:
                kept.append(row)
                received.append(_received(row, fact))
        return kept, received


def _received(row: Row, fact: Fact) -> int:
    """Return when a fact was received: when it happened, unless the file says otherwise."""
    return row.ts_us if fact.received_us is None else fact.received_us
