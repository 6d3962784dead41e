"""Spark over the lake: many machines read the files and bring each customer's touchpoints together.

Spark moves rows and nothing else. What it brings together, some customers at a time, goes through the
very functions that the embedded engine uses, so a result cannot depend on where it was computed.
A cluster is reached by its Connect address (``sc://HOST:PORT``, where ``pyspark-client`` is enough) or
as a master (``local[2]``, ``spark://HOST:PORT``); its machines need abplat and the files.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import duckdb
from arro3.core import Table

from abplat.errors import UnavailableError
from abplat.facts.sealing import first_received

COLUMNS = ("customer", "ts_us", "name", "channel", "value", "props")
"""What a partition holds of each touchpoint, sorted by customer, time and event id."""
_READ = ("event_id", "actor", "name", "channel", "value", "props", "ts_us", "received_us", "batch")
_ROWS_PER_PARTITION = 1_000_000
_PREFIX = "sc://"


@dataclass(frozen=True, slots=True)
class Touchpoints:
    """Which touchpoints to read.

    Attributes:
        files: Parquet files, as the cluster sees them.
        as_of_us: Nothing that happened or was received later exists.
        n_rows: About how many rows there are, for the number of partitions.
        unique: Whether each event id is there once.
    """

    files: tuple[str, ...]
    as_of_us: int
    n_rows: int
    unique: bool


Work: TypeAlias = Callable[[duckdb.DuckDBPyConnection], bytes]
"""Answers for the customers of one partition, whose rows are the relation ``touchpoints``."""


def is_spark(engine: str) -> bool:
    """Tell whether a setting names Spark.

    Examples:
        >>> is_spark("duckdb"), is_spark("local[2]"), is_spark("sc://spark.example:15002")
        (False, True, True)
    """
    return engine.startswith(("local", "spark://", "yarn", "k8s://", _PREFIX))


def open_session(engine: str) -> Any:
    """Open, or find, the session of a setting.

    Raises:
        UnavailableError: If Spark is not installed, or the cluster does not answer.
    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415  an extra, and slow to import
    except ImportError as error:
        message = f"ABPLAT_ENGINE is {engine}, and Spark is not installed; pip install 'abplat[spark]'"
        raise UnavailableError(message) from error
    builder = SparkSession.builder.appName("abplat").config(
        "spark.sql.execution.arrow.pyspark.enabled", "true"
    )
    if engine.startswith(_PREFIX):
        builder = builder.remote(engine)
    else:
        # the workers of a local master must be the Python that runs here
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        builder = builder.master(engine).config("spark.ui.enabled", "false")
        builder = builder.config(
            "spark.driver.maxResultSize", "0"
        )  # journeys, which this process has room for
        if engine.startswith("local"):
            builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config(
                "spark.driver.host", "127.0.0.1"
            )
    try:
        return builder.getOrCreate()
    except Exception as error:  # what a cluster or a missing Java raises has no common base
        raise UnavailableError(f"Spark at {engine} does not answer: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """Return the first line of what an error says: the rest is a trace of the cluster's."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def map_customers(session: Any, source: Touchpoints, customers: Table, work: Work) -> list[bytes]:
    """Bring the touchpoints of customers together and let each partition answer.

    Args:
        session: Of :func:`open_session`.
        source: What to read.
        customers: Columns ``actor`` and ``customer``: whose touchpoints are asked for.
        work: What each partition computes; must be importable on the cluster.

    Returns:
        The answers, in no order; partitions without rows give none.

    Raises:
        UnavailableError: If the cluster fails.
    """
    import pyarrow as pa  # noqa: PLC0415  comes with Spark

    parts = max(math.ceil(source.n_rows / _ROWS_PER_PARTITION), 1)
    try:
        frame = session.read.option("mergeSchema", "true").parquet(*source.files).select(*_READ)
        frame = frame.where(f"ts_us <= {source.as_of_us} AND received_us <= {source.as_of_us}")
        if not source.unique:
            copy = f"row_number() OVER (PARTITION BY event_id ORDER BY {_first()}) AS copy"
            frame = frame.selectExpr("*", copy).where("copy = 1")
        frame = frame.join(session.createDataFrame(pa.table(customers)), "actor")
        frame = frame.repartition(parts, "customer").sortWithinPartitions("customer", "ts_us", "event_id")
        answers = frame.select(*COLUMNS).mapInArrow(_Partition(work), "answer binary")
        return [bytes(row[0]) for row in answers.collect()]
    except Exception as error:
        raise UnavailableError(f"Spark failed: {_first_line(error)}") from error


def _first() -> str:
    """Return the order of copies of one event, with nulls where DuckDB has them."""
    return ", ".join(f"{name.strip()} ASC NULLS LAST" for name in first_received("touchpoint").split(","))


class _Partition:
    """Runs on the cluster: hands the rows of a partition to the work as a relation."""

    def __init__(self, work: Work) -> None:
        self._work = work

    def __call__(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Take the Arrow batches of a partition, and give one row."""
        import pyarrow as pa  # noqa: PLC0415  comes with Spark

        found = list(batches)
        if not any(batch.num_rows for batch in found):
            return
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute("SET preserve_insertion_order = true")
            connection.register("rows", pa.Table.from_batches(found))
            connection.execute("CREATE TEMP VIEW touchpoints AS SELECT *, customer AS actor_code FROM rows")
            answer = self._work(connection)
        yield pa.RecordBatch.from_pydict({"answer": pa.array([answer], pa.binary())})
