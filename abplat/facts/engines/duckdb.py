"""DuckDB over the lake: the embedded engine of the worker."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import duckdb
from arro3.core import DataType

from abplat.config import Settings
from abplat.facts.lake import Lake
from abplat.facts.tables import FOLDERS, LATER_COLUMNS, SCHEMAS, normal_kind

_SQL_TYPES = ((DataType.is_int64, "BIGINT"), (DataType.is_float64, "DOUBLE"), (DataType.is_date32, "DATE"))


def connect(settings: Settings, *, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open an engine in memory that keeps to its limits and spills to the data folder.

    Args:
        settings: Names the memory limit and the folder.
        threads: Threads to use; all cores where it is None.
    """
    spill = settings.data_dir.resolve() / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    return duckdb.connect(
        config={
            "memory_limit": settings.memory_limit,
            "threads": threads or os.cpu_count() or 1,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        }
    )


def create_view(
    connection: duckdb.DuckDBPyConnection, lake: Lake, project: str, kind: str, name: str | None = None
) -> str:
    """Create a view of a kind in which every event id is there once; return its name.

    An id that arrives again after its first row was drained is in the lake twice. The first that was
    received counts, and of those the one of the lowest batch. Where no id is there twice, which one
    pass over the ids tells, the view reads the files as they are.

    Args:
        connection: Where to create it.
        lake: The facts.
        project: Key of the project.
        kind: Kind of fact; an empty view where there is none yet.
        name: Name of the view; by default the name of the kind's folder, such as ``touchpoints``.
    """
    kind = normal_kind(kind)
    name = name or FOLDERS[kind]
    files = lake.files(project, kind)
    source = source_of(kind, files)
    repeated = f"{name}_repeated"
    if not files or not _find_repeated(connection, source, repeated):
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {_quote(name)} AS {source}")
        return name
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW {_quote(name)} AS "  # noqa: S608  # our own names and files, quoted
        f"SELECT * FROM ({source}) WHERE event_id NOT IN (FROM {_quote(repeated)}) UNION ALL "
        f"SELECT * FROM ({source}) WHERE event_id IN (FROM {_quote(repeated)}) "
        "QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY received_us, batch, ts_us) = 1"
    )
    return name


def _find_repeated(connection: duckdb.DuckDBPyConnection, source: str, name: str) -> int:
    """Put the ids that are there more than once into a table; return how many there are.

    Hashes are grouped first: ids of 36 characters would take many times the memory.
    """
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE {_quote(name)} AS "  # noqa: S608  # our own names and files, quoted
        f"WITH twice AS (SELECT hash(event_id) AS h FROM ({source}) GROUP BY 1 HAVING count(*) > 1) "
        f"SELECT event_id FROM ({source}) WHERE hash(event_id) IN (FROM twice) "
        "GROUP BY 1 HAVING count(*) > 1"
    )
    found = connection.execute(f"SELECT count(*) FROM {_quote(name)}").fetchall()  # noqa: S608
    return int(found[0][0])


def source_of(kind: str, files: Sequence[str]) -> str:
    """Return the query over the files as they are."""
    if files:
        return f"SELECT {', '.join(SCHEMAS[kind].names)} FROM {relation(kind, files)}"  # noqa: S608  # our own names
    return nothing(kind)


def relation(kind: str, files: Sequence[str], *, rows: bool = False) -> str:
    """Return some files of a kind as a relation; with ``rows`` it also says where each row lies."""
    listed = ", ".join(literal(file) for file in files)
    where = ", filename = true, file_row_number = true" if rows else ""
    found = (
        f"read_parquet([{listed}], union_by_name = true, "
        f"hive_partitioning = true, hive_types = {{'day': DATE}}{where})"
    )
    later = [SCHEMAS[kind].field(name) for name in LATER_COLUMNS.get(kind, ())]
    if not later:
        return found
    # No file may have them yet.
    empty = ", ".join(f"CAST(NULL AS {_sql_type(field.type)}) AS {field.name}" for field in later)
    return f"((SELECT {empty} WHERE false) UNION ALL BY NAME (FROM {found}))"


def nothing(kind: str) -> str:
    """Return the query for no rows of a kind."""
    return f"SELECT {typed_columns(kind)} WHERE false"


def typed_columns(kind: str) -> str:
    """Return the columns of a kind as empty values of their types."""
    fields = [SCHEMAS[kind].field(name) for name in SCHEMAS[kind].names]
    return ", ".join(f"CAST(NULL AS {_sql_type(field.type)}) AS {field.name}" for field in fields)


def _sql_type(kind: DataType) -> str:
    """Return DuckDB's name of an Arrow type."""
    return next((name for test, name in _SQL_TYPES if test(kind)), "VARCHAR")


def _quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str | Path) -> str:
    """Quote a text."""
    return "'" + str(text).replace("'", "''") + "'"


def count_exposed(
    lake: Lake, settings: Settings, whose: tuple[str, str], since_us: int, *, by_cluster: bool = False
) -> dict[str, int]:
    """Count the ids that were exposed to each variant of an experiment; overrides are none.

    Args:
        lake: The facts.
        settings: What the engine may use.
        whose: Project and experiment.
        since_us: Exposures before this instant are not counted.
        by_cluster: Whether groups were drawn, so that these are counted; an exposure that names none is of one.
    """
    project, experiment = whose
    unit = "coalesce(cluster, actor)" if by_cluster else "actor"
    source = source_of("exposure", lake.files(project, "exposure"))
    query = (
        f"SELECT variant, count(DISTINCT {unit}) FROM ({source}) "  # noqa: S608  # our own names and files, quoted
        "WHERE experiment = ? AND ts_us >= ? AND reason IS DISTINCT FROM 'override' GROUP BY 1"
    )
    connection = connect(settings, threads=1)
    try:
        return {
            variant: int(count)
            for variant, count in connection.execute(query, [experiment, since_us]).fetchall()
        }
    finally:
        connection.close()
