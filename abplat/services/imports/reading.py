"""Read foreign files as a stream of rows: CSV, plain or gzip, and Parquet."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from abplat.errors import InvalidInputError

Values = list[str | None]

_GZIP_MAGIC = b"\x1f\x8b"
_PARQUET_MAGIC = b"PAR1"
_FOREIGN_MAGIC = {b"PK\x03\x04": "a zip archive or a spreadsheet", b"%PDF": "a PDF", b"SQLi": "a SQLite file"}
_PARQUET_BATCH = 20_000
_HASH_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as it stood in the file."""

    line: int
    number: int
    """Position among the rows, counted from 1: the stable name of the row."""
    values: Values
    problem: str | None = None


class SourceFile(Protocol):
    """A file of rows with named columns."""

    columns: list[str]

    def rows(self, skip: int, advance: Callable[[float], None]) -> Iterator[SourceRow]:
        """Yield the rows after the first ``skip``; ``advance`` is told the share done, 0 to 1."""
        ...


def open_source(path: Path, delimiter: str = ",") -> SourceFile:
    """Open a file by what it is, not by what it is called.

    Raises:
        InvalidInputError: If the file is missing, empty, or neither CSV nor Parquet.
    """
    try:
        with path.open("rb") as handle:
            magic = handle.read(4)
    except OSError as error:
        raise InvalidInputError.at(str(path), f"cannot be read: {error.strerror}", "no_file") from error
    if not magic:
        raise InvalidInputError.at(str(path), "is empty; a header line is needed", "empty_file")
    if magic in _FOREIGN_MAGIC:
        message = f"is {_FOREIGN_MAGIC[magic]}; save it as CSV or Parquet"
        raise InvalidInputError.at(str(path), message, "bad_file")
    return ParquetFile(path) if magic == _PARQUET_MAGIC else CsvFile(path, delimiter)


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(_HASH_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class CsvFile:
    """A CSV file with a header line, plain or gzip, UTF-8."""

    def __init__(self, path: Path, delimiter: str) -> None:
        """Read the header, so that a wrong file is refused before anything is written."""
        self._path = path
        self._delimiter = delimiter
        with path.open("rb") as raw:
            header = next(self._reader(raw), None)
        self.columns = _check_header(path, header)

    def _reader(self, raw: BinaryIO) -> Iterator[list[str]]:
        """Return the parsed rows of an open file; damage becomes one error of ours."""
        zipped = raw.read(2) == _GZIP_MAGIC
        raw.seek(0)
        stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if zipped else raw
        # Bytes that are no UTF-8 are kept apart, so that only their row is refused.
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
        parser = csv.reader(text, delimiter=self._delimiter)
        self._parser = parser
        try:
            while True:
                try:
                    yield next(parser)
                except csv.Error as error:
                    yield [f"\udcff{error}"]
        except StopIteration:
            return
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            message = f"is damaged after line {parser.line_num}: {error}; fetch it again"
            raise InvalidInputError.at(str(self._path), message, "bad_file") from error

    def rows(self, skip: int, advance: Callable[[float], None]) -> Iterator[SourceRow]:
        """Yield the rows after the first ``skip``."""
        size = max(self._path.stat().st_size, 1)
        with self._path.open("rb") as raw:
            parsed = self._reader(raw)
            next(parsed, None)
            number = 0
            for values in parsed:
                if not values:
                    continue
                number += 1
                if number > skip:
                    yield self._row(number, values)
                if not number % 2_000:
                    advance(min(raw.tell() / size, 1.0))

    def _row(self, number: int, values: list[str]) -> SourceRow:
        """Judge the form of one row."""
        problem = None
        if len(values) != len(self.columns):
            problem = f"has {len(values)} fields, the header has {len(self.columns)}"
        try:
            "".join(values).encode()
        except UnicodeEncodeError:
            problem = "is not UTF-8 text"
        return SourceRow(self._parser.line_num, number, [value or None for value in values], problem)


class ParquetFile:
    """A Parquet file, read by DuckDB; every value arrives as text."""

    def __init__(self, path: Path) -> None:
        """Read the columns, so that a wrong file is refused before anything is written."""
        import duckdb  # noqa: PLC0415  only who reads Parquet pays for the engine

        self._path = path
        self._connection = duckdb.connect()
        try:
            described = self._connection.execute(
                "DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]
            ).fetchall()
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise InvalidInputError.at(str(path), f"is not readable Parquet: {reason}", "bad_file") from error
        self.columns = _check_header(path, [row[0] for row in described])
        self._select = ", ".join(_as_text(name, kind) for name, kind, *_ in described)

    def rows(self, skip: int, advance: Callable[[float], None]) -> Iterator[SourceRow]:
        """Yield the rows after the first ``skip``."""
        counted = self._connection.execute(
            "SELECT count(*) FROM read_parquet(?)", [str(self._path)]
        ).fetchone()
        total = max(counted[0] if counted else 0, 1)
        query = f"SELECT {self._select} FROM read_parquet(?) OFFSET ?"  # noqa: S608  names are quoted
        cursor = self._connection.execute(query, [str(self._path), skip])
        number = skip
        while batch := cursor.fetchmany(_PARQUET_BATCH):
            for values in batch:
                number += 1
                yield SourceRow(number, number, [value or None for value in values])
            advance(min(number / total, 1.0))


def _as_text(name: str, kind: str) -> str:
    """Return the SQL that writes a column as text; an instant keeps its offset."""
    quoted = '"' + name.replace('"', '""') + '"'
    if kind == "TIMESTAMP WITH TIME ZONE":
        # The engine writes zones only with an extension that is not always there.
        return f"strftime(make_timestamp(epoch_us({quoted})), '%Y-%m-%dT%H:%M:%S.%fZ')"
    return f"{quoted}::VARCHAR"


def _check_header(path: Path, header: list[str] | None) -> list[str]:
    """Return the column names, which must be there and differ."""
    if not header:
        raise InvalidInputError.at(str(path), "has no header line", "bad_file")
    if any("\0" in name or any("\ud800" <= letter <= "\udfff" for letter in name) for name in header):
        raise InvalidInputError.at(str(path), "is not UTF-8 CSV and not Parquet", "bad_file")
    columns = [name.strip() for name in header]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        message = f"has two columns named {twice[0]!r}; rename one"
        raise InvalidInputError.at(str(path), message, "bad_file")
    return columns
