"""The file of refused rows: the rows as they stood, with the line, a code and the reason."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from abplat.errors import InvalidInputError

HEADER = ("line", "code", "reason")


class RefusedRows:
    """Collects refused rows; written only when the chunk they belong to is."""

    def __init__(self, path: Path, columns: list[str], written: int) -> None:
        """Go on behind the bytes of finished chunks; what lies beyond is of an unfinished one."""
        self._path = path
        self._columns = columns
        self._written = written
        self._waiting: list[tuple[object, ...]] = []
        self.length = written

    def __enter__(self) -> Self:
        """Start with what was written for certain."""
        if self._path.exists():
            if self._written > self._path.stat().st_size:
                self._written = self.length = self._path.stat().st_size
            with self._path.open("r+b") as handle:
                handle.truncate(self._written)
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Leave no empty file behind."""
        if self._path.exists() and not self._path.stat().st_size:
            self._path.unlink()

    def __len__(self) -> int:
        """Return the rows waiting to be written."""
        return len(self._waiting)

    def add(self, line: int, code: str, reason: str, values: list[str | None]) -> None:
        """Keep a row for the next write."""
        shown = [(value or "").encode(errors="backslashreplace").decode() for value in values]
        self._waiting.append((line, code, reason, *shown))

    def write(self) -> None:
        """Write the waiting rows and make sure that they stay."""
        if not self._waiting:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not self.length:
            writer.writerow((*HEADER, *self._columns))
        writer.writerows(self._waiting)
        encoded = text.getvalue().encode()
        try:
            with self._path.open("ab") as handle:
                handle.write(encoded)
                handle.flush()
                os.fsync(handle.fileno())
        except OSError as error:
            message = (
                f"refused rows cannot be written here: {error.strerror}; name another place with --refused"
            )
            raise InvalidInputError.at(str(self._path), message, "no_file") from error
        self.length += len(encoded)
        self._waiting.clear()
