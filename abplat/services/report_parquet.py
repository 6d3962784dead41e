"""The metric table of a Report as Parquet, with types, for notebooks and warehouses."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Final

from abplat.domain.report import Report
from abplat.services.report_table import COLUMNS, list_rows

_NUMBERS: Final = frozenset({
    "margin", "total", "value", "effect", "se", "ci_lower", "ci_upper", "rel_effect", "rel_ci_lower",
    "rel_ci_upper", "p_value",
})  # fmt: skip
_FLAGS: Final = frozenset({"is_control", "may_ship"})


def write_parquet(report: Report) -> bytes:
    """Return one row per metric and variant, as in the CSV, with numbers as numbers and gaps as nulls."""
    import duckdb  # noqa: PLC0415  the web process loads it with the first table asked for
    from arro3.core import Array, Table  # noqa: PLC0415

    rows = list_rows(report)
    columns: dict[str, Any] = {
        name: Array([row[name] for row in rows], type=_type_of(name)) for name in COLUMNS
    }
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "metrics.parquet"
        connection.register("metrics", Table.from_pydict(columns))
        connection.execute(f"COPY metrics TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
        return path.read_bytes()


def _type_of(name: str) -> Any:
    """Return the Arrow type of a column."""
    from arro3.core import DataType  # noqa: PLC0415

    if name in _NUMBERS:
        return DataType.float64()
    if name in _FLAGS:
        return DataType.bool()
    return DataType.int64() if name == "n" else DataType.string()
