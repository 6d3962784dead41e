"""Synthetic cross-channel traffic, written straight into a lake: what the engine's figures are taken on.

Customers come to the web, the app, the shop and the phone; on the web and in the app most are known by
an anonymous id that a link joins to the customer later. Everything follows from the seed and is made
by the database engine, so 100 million events take minutes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
from arro3.core import Table

from abplat.analysis.plan import AnalysisPlan, make_plan
from abplat.facts.lake import Lake
from abplat.facts.tables import SCHEMAS

PROJECT = "shop"
DAY = 86_400_000_000
FIRST_DAY = 19_800  # 2024-03-18
N_DAYS = 60
AS_OF_US = (FIRST_DAY + N_DAYS) * DAY
EVENTS_PER_CUSTOMER = 19
EXPERIMENTS = ("shorter-form", "new-price", "call-back")
_APP = "traffic"

# A draw below a million that follows from a number and a salt alone.
_MACROS = """
CREATE OR REPLACE MACRO draw(i, salt) AS (hash(i, salt) >> 8) % 1000000;
CREATE OR REPLACE MACRO event_name(d) AS CASE
  WHEN d < 200000 THEN 'visit' WHEN d < 320000 THEN 'quote' WHEN d < 390000 THEN 'purchase'
  WHEN d < 440000 THEN 'call' WHEN d < 480000 THEN 'chat' WHEN d < 750000 THEN 'page'
  WHEN d < 900000 THEN 'search' ELSE 'newsletter' END;
CREATE OR REPLACE MACRO channel_name(d) AS CASE
  WHEN d < 450000 THEN 'web' WHEN d < 750000 THEN 'app' WHEN d < 850000 THEN 'phone'
  WHEN d < 930000 THEN 'store' WHEN d < 980000 THEN 'email' ELSE NULL END;
CREATE OR REPLACE MACRO id_of(customer, d) AS CASE
  WHEN d < 450000 THEN 'cust:' || lpad(customer::VARCHAR, 9, '0')
  WHEN d < 850000 THEN 'anon:' || substr(md5(customer::VARCHAR), 1, 12)
  ELSE 'anon:' || substr(md5('b' || customer::VARCHAR), 1, 12) END;
"""

_TOUCHPOINTS = """
SELECT printf('%012x', ts_us // 1000) || substr(md5('e' || i::VARCHAR), 1, 20) AS event_id,
  id_of(customer, CASE WHEN channel IN ('web', 'app') THEN who ELSE 0 END) AS actor, name, channel,
  CASE WHEN name = 'purchase' THEN 10 + draw(i, 6) / 10000.0 END AS value,
  CASE WHEN name = 'page' AND draw(i, 7) < 50000 THEN '{{"page":"p' || (i % 40)::VARCHAR || '"}}' END AS props,
  ts_us, ts_us + 1000000 + draw(i, 8) * 60 AS received_us, {day}::BIGINT AS batch,
  (DATE '1970-01-01' + {epoch_day}) AS day
FROM (
  SELECT i, (hash(i, 1) % {customers})::BIGINT AS customer, draw(i, 2) AS who,
    event_name(draw(i, 3)) AS name, channel_name(draw(i, 4)) AS channel,
    {epoch_day}::BIGINT * 86400000000 + draw(i, 5) * 86400 AS ts_us
  FROM (SELECT unnest(range({first}, {last})) AS i)
)
"""

_EXPOSURES = """
SELECT printf('%012x', ts_us // 1000) || substr(md5('x{key}' || c::VARCHAR), 1, 20) AS event_id,
  id_of(c, draw(c, {salt} + 1)) AS actor, '{key}' AS experiment,
  CASE WHEN draw(c, {salt} + 2) < 500000 THEN 'control' ELSE 'treatment' END AS variant,
  channel_name(draw(c, {salt} + 3)) AS channel, 'split' AS reason, 'v1' AS config_version, 1 AS phase, 'python' AS sdk, NULL::VARCHAR AS cluster,
  ts_us, ts_us + 2000000 AS received_us, 1::BIGINT AS batch, (DATE '1970-01-01' + (ts_us // 86400000000)::INT) AS day
FROM (
  SELECT c, ({epoch_day} + {days} // 4 + draw(c, {salt} + 5) % ({days} // 2))::BIGINT * 86400000000
    + draw(c, {salt} + 4) * 86400 AS ts_us
  FROM (SELECT unnest(range({customers})) AS c) WHERE draw(c, {salt}) < 600000
)
"""

_ALIASES = """
SELECT printf('%012x', ts_us // 1000) || substr(md5('a' || c::VARCHAR || w::VARCHAR), 1, 20) AS event_id,
  id_of(c, 500000 + w * 400000) AS a, id_of(c, 0) AS b, 'login' AS source,
  ts_us, ts_us + 1500000 AS received_us, 1::BIGINT AS batch, (DATE '1970-01-01' + (ts_us // 86400000000)::INT) AS day
FROM (
  SELECT c, w, ({epoch_day} + draw(c, 22 + w) % {days})::BIGINT * 86400000000 + draw(c, 30 + w) * 86400 AS ts_us
  FROM (SELECT unnest(range({customers})) AS c), (SELECT unnest(range(2)) AS w)
  WHERE draw(c, 20 + w) < (CASE WHEN w = 0 THEN 600000 ELSE 250000 END)
)
"""


def make_traffic(root: Path, n_events: int, *, n_days: int = N_DAYS, first_day: int = 0) -> Lake:
    """Write traffic of so many events into a lake, a batch per day; days that are there are passed over."""
    lake = Lake(root)
    customers = max(n_events // EVENTS_PER_CUSTOMER, 1)
    common = {"customers": customers, "days": n_days, "epoch_day": FIRST_DAY}
    exposures = " UNION ALL ".join(
        f"({_EXPOSURES.format(key=key, salt=100 + 10 * place, **common)})"
        for place, key in enumerate(EXPERIMENTS)
    )
    with duckdb.connect(config={"threads": 2, "memory_limit": "3GB"}) as connection:
        connection.execute(_MACROS)
        for kind, query in (("exposure", exposures), ("alias", _ALIASES.format(**common))):
            _append(connection, lake, kind, query, 1)
        for day in range(first_day, n_days):
            span = {"first": n_events * day // n_days, "last": n_events * (day + 1) // n_days}
            today = {"day": day + 1, "epoch_day": FIRST_DAY + day, "customers": customers}
            _append(connection, lake, "touchpoint", _TOUCHPOINTS.format(**span, **today), day + 1)
    return lake


def _append(connection: Any, lake: Lake, kind: str, query: str, sequence: int) -> None:
    """Write what a query makes, in the order in which it was received."""
    columns = ", ".join(SCHEMAS[kind].names)
    rows = Table.from_arrow(connection.sql(f"SELECT {columns} FROM ({query}) ORDER BY received_us"))
    lake.append(PROJECT, kind, _conform(rows, kind), app=_APP, sequence=sequence)


def _conform(rows: Table, kind: str) -> Table:
    """Give columns the types of the lake."""
    return Table.from_arrays([rows.column(name).cast(SCHEMAS[kind].field(name).type) for name in SCHEMAS[kind].names],
                             schema=SCHEMAS[kind])  # fmt: skip


def make_plans() -> list[AnalysisPlan]:
    """Return the plans of the three experiments, which share a journey and eight metrics."""
    return [make_plan(make_document(key)) for key in EXPERIMENTS]


def make_document(key: str) -> dict[str, Any]:
    """Return the frozen plan of one experiment."""
    stages = [{"key": name, "match": [{"event": name}]} for name in ("visit", "quote", "purchase")]
    journey = {"key": "buy", "owner": "benchmarks", "stages": stages, "window": "7d"}
    metrics: dict[str, dict[str, Any]] = {
        "completed": {"kind": "completion"},
        "started": {"kind": "start"},
        "quoted": {"kind": "reach", "stage": "quote"},
        "time": {"kind": "time_to_complete"},
        "effort": {"kind": "effort"},
        "calls": {"kind": "touchpoint", "measure": "count", "match": [{"event": "call"}], "direction": "down"},
        "chats": {"kind": "touchpoint", "measure": "customers", "match": [{"event": "chat", "channel": ["web", "app"]}]},
        "revenue": {"kind": "value", "match": [{"event": "purchase"}]},
    }  # fmt: skip
    roles = ["primary"] + ["secondary"] * 4 + ["touchpoint"] * 2 + ["secondary"]
    experiment = {
        "key": key,
        "journey": "buy",
        "horizon": "7d",
        "alpha": 0.05,
        "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": name, "role": role} for name, role in zip(metrics, roles, strict=True)],
    }
    frozen = {"key": "buy", "version": 1, "document": journey}
    return {
        "project": PROJECT,
        "experiment": experiment,
        "journey": frozen,
        "journeys": {"buy": frozen},
        "metrics": metrics,
    }
