"""A small table that any frame library can take over: columns of plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib import import_module
from typing import Any, Final

_SHOWN: Final = 30


class Frame:
    """Rows with named columns.

    Args:
        rows: One mapping a row; a name that a row lacks is None there.
        columns: Names in their order; those of the rows, in the order met, where it is left out.

    Examples:
        >>> frame = Frame([{"key": "a", "n": 3}, {"key": "b"}])
        >>> frame.columns, len(frame), frame["n"]
        (('key', 'n'), 2, [3, None])
        >>> frame.to_arrow().column("n").to_pylist()
        [3, None]
    """

    def __init__(self, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
        """Turn rows into columns."""
        names = columns or dict.fromkeys(name for row in rows for name in row)
        self._columns: dict[str, list[Any]] = {name: [row.get(name) for row in rows] for name in names}
        self._n = len(rows)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self._columns)

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._n

    def __getitem__(self, name: str) -> list[Any]:
        """Return a column."""
        return self._columns[name]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the rows."""
        for place in range(self._n):
            yield {name: values[place] for name, values in self._columns.items()}

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame; pandas must be installed."""
        return import_module("pandas").DataFrame(self._columns)

    def to_polars(self) -> Any:
        """Return a Polars DataFrame; Polars must be installed."""
        return import_module("polars").DataFrame(self._columns, strict=False)

    def to_arrow(self) -> Any:
        """Return a PyArrow table; PyArrow must be installed."""
        return import_module("pyarrow").table(self._columns)

    def __repr__(self) -> str:
        """Say what it holds."""
        return f"Frame({self._n} rows: {', '.join(self.columns)})"

    def _repr_html_(self) -> str:
        """Show the first rows in a notebook; every text is escaped."""
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join(
            f"<tr>{''.join(f'<td>{_show(value)}</td>' for value in row.values())}</tr>"
            for row, _ in zip(self, range(_SHOWN), strict=False)
        )
        more = f"<p>{self._n - _SHOWN} rows more</p>" if self._n > _SHOWN else ""
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _show(value: Any) -> str:
    """Return a value as HTML; a gap is empty."""
    return "" if value is None else escape(str(value))
