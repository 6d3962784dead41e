"""Assign the units of a file, for a mailing: row by row out again, with the variant beside each."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from abplat_sdk.evaluator import unready_decision

from abplat.errors import InvalidInputError, NotFoundError
from abplat.facts.schema import Limits
from abplat.services import bulk, events
from abplat.services.exposures import make_exposure
from abplat.services.imports.reading import SourceRow, open_source
from abplat.services.platform import Platform
from abplat.services.report_table import FORMULA_STARTS
from abplat.services.standings import make_finder

if TYPE_CHECKING:
    from abplat.analysis.assignment import Assignments

COLUMNS: Final = ("variant", "in_experiment", "reason", "bucket")
TYPES: Final = ("text", "number", "truth")
_CHUNK: Final = 50_000
_EXPOSURES: Final = 5_000
_UNREADABLE: Final = "unreadable"
_PLAIN_NUMBER = re.compile(r"[+-]?[0-9][0-9 .,]*")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class MailingOrder:
    """What to assign, and how to read it.

    Attributes:
        path: The file: CSV (plain or gzip) or Parquet.
        project: Key of the project.
        experiment: Key of the experiment.
        unit_column: The column that names the units.
        unit_prefix: What stands before each unit, such as ``cust:`` where the file has bare numbers.
        attributes: Columns that targeting may look at, each with its type.
        channel: Channel of the mailing; recorded with exposures.
        expose: Whether to record that everybody in the experiment meets their variant now.
        delimiter: What separates the fields of a CSV file.
    """

    path: Path
    project: str
    experiment: str
    unit_column: str
    unit_prefix: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    channel: str | None = None
    expose: bool = False
    delimiter: str = ","


@dataclass
class Tally:
    """What became of the rows of a file."""

    variants: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    exposed: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Say it in words."""
        arms = ", ".join(f"{key} {count}" for key, count in sorted(self.variants.items())) or "nobody"
        lines = [f"in the experiment: {arms}"]
        if self.outside:
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(self.outside.items()))
            lines.append(f"outside it: {reasons}")
        if self.exposed or self.repeated or self.refused:
            lines.append(f"exposures: {self.exposed} recorded, {self.repeated} were there already")
        if self.refused:
            codes = ", ".join(f"{code} {count}" for code, count in sorted(self.refused.items()))
            lines.append(f"exposures refused: {codes}; units need a type, see --unit-prefix")
        return "\n".join(lines)


class Mailing:
    """One file on its way through.

    Raises:
        InvalidInputError: If the file cannot be read, or lacks a column.
        NotFoundError: If the experiment has not started.
    """

    def __init__(self, order: MailingOrder, platform: Platform) -> None:
        """Open the file and find what decides."""
        self._order = order
        self._platform = platform
        self._source = open_source(order.path, order.delimiter)
        self._places = {name: self._place(name) for name in (order.unit_column, *order.attributes)}
        taken = [name for name in COLUMNS if name in self._source.columns]
        if taken:
            message = f"has a column {taken[0]!r} already; rename it, as the answer is written there"
            raise InvalidInputError.at(str(order.path), message, "bad_file")
        self._evaluator = platform.configurations.evaluator(order.project)
        experiment = self._evaluator.find(order.experiment)
        if experiment is None:
            raise NotFoundError(
                f"no experiment {order.experiment[:64]!r} has started in project {order.project!r}"
            )
        self._control, self._phase = experiment.control, experiment.phase

    def run(self, out: TextIO, advance: Callable[[float], None], *, now: datetime) -> Tally:
        """Write every row with its assignment; return what became of them."""
        tally = Tally()
        writer = csv.writer(out, lineterminator="\r\n")
        writer.writerow([_safe(name) for name in (*self._source.columns, *COLUMNS)])
        rows = self._source.rows(0, advance)
        while chunk := list(islice(rows, _CHUNK)):
            self._write(writer, chunk, tally, now)
        return tally

    def _place(self, name: str) -> int:
        """Return where a column stands."""
        if name not in self._source.columns:
            known = ", ".join(self._source.columns[:20])
            message = f"has no column {name!r}; its columns are {known}"
            raise InvalidInputError.at(str(self._order.path), message, "unknown_column")
        return self._source.columns.index(name)

    def _write(self, writer: Any, chunk: list[SourceRow], tally: Tally, now: datetime) -> None:
        """Assign and write some rows."""
        from abplat.analysis.assignment import assign_columns  # noqa: PLC0415  # the web process never comes here

        order, platform = self._order, self._platform
        ids = [self._read_unit(row) for row in chunk]
        attributes = [self._read_attributes(row) for row in chunk] if order.attributes else None
        with platform.engine.connect() as connection:
            presented = bulk.look_up(connection, order.project, order.experiment, ids)
            find = make_finder(platform, connection, order.project)
            given = attributes if find is None else bulk.add_standings(
                presented, attributes, find(presented.homes)
            )  # fmt: skip
        columns = assign_columns(
            self._evaluator, order.experiment, presented.units, given, pins=presented.pins
        )
        for index, unit in enumerate(presented.units if presented.shared else ()):
            if unit in presented.shared and columns.in_experiment[index]:
                columns.keep_out(index, self._control)
        for row, *made in zip(chunk, *_cells(columns), strict=True):
            cells = made if row.problem is None else ["", "false", _UNREADABLE, ""]
            writer.writerow([_safe(value or "") for value in self._readable(row)] + cells)
            if cells[1] == "true":
                tally.variants[cells[0]] += 1
            else:
                tally.outside[cells[2]] += 1
        if order.expose:
            self._expose(presented.units, columns, tally, now)

    def _readable(self, row: SourceRow) -> list[str | None]:
        """Return the fields of a row, as many as the header has; bytes that are no text are spelled out."""
        if row.problem is None:
            return row.values
        n_columns = len(self._source.columns)
        fields = (row.values + [None] * n_columns)[:n_columns]
        return [(value or "").encode(errors="backslashreplace").decode() for value in fields]

    def _read_unit(self, row: SourceRow) -> str:
        """Return the unit of a row; empty where there is none, which is no unit."""
        place = self._places[self._order.unit_column]
        value = row.values[place] if row.problem is None else None
        return f"{self._order.unit_prefix}{value}" if value else ""

    def _read_attributes(self, row: SourceRow) -> dict[str, Any]:
        """Return the attributes of a row."""
        if row.problem is not None:
            return {}
        kinds = self._order.attributes.items()
        return {name: _read_value(kind, row.values[self._places[name]]) for name, kind in kinds}

    def _expose(self, units: list[str], columns: Assignments, tally: Tally, now: datetime) -> None:
        """Record the exposures of some rows, of which the ledger hears too."""
        platform, project, limits = self._platform, self._order.project, Limits(events=_EXPOSURES)
        made = self._make_exposures(units, columns, now)
        while batch := list(islice(made, _EXPOSURES)):
            done = events.record(
                platform.intake, project, {"events": batch}, now=now, is_public=False, limits=limits
            )
            tally.exposed += done.receipt.accepted
            tally.repeated += done.receipt.duplicates
            tally.refused.update(each.code for each in done.refused)

    def _make_exposures(
        self, units: list[str], columns: Assignments, now: datetime
    ) -> Iterator[dict[str, Any]]:
        """Make the exposure of every unit that is in the experiment."""
        order, version = self._order, self._evaluator.version
        found = zip(units, columns.variant, columns.reason, columns.in_experiment.tolist(), strict=True)
        for unit, variant, reason, is_in in found:
            if is_in:
                decision = unready_decision(order.experiment, unit, reason, version)._replace(
                    variant=variant, phase=self._phase
                )
                yield make_exposure(order.project, decision, order.channel, now=now)


def _cells(columns: Assignments) -> Iterable[list[str]]:
    """Return the columns of assignments as texts."""
    yield [_safe(variant or "") for variant in columns.variant]
    yield ["true" if each else "false" for each in columns.in_experiment.tolist()]
    yield columns.reason
    yield ["" if bucket < 0 else str(bucket) for bucket in columns.bucket.tolist()]


def _read_value(kind: str, text: str | None) -> Any:
    """Read a field as its type; what is not of it is as if it were missing."""
    if text is None or kind == "text":
        return text
    if kind == "truth":
        return _TRUTHS.get(text.strip().lower())
    try:
        return float(text)
    except ValueError:
        return None


def _safe(text: str) -> str:
    """Write a cell; what a spreadsheet would calculate gets an apostrophe in front, a number does not."""
    if text.startswith(FORMULA_STARTS) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text
