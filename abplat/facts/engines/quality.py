"""The numbers of the data-quality board, out of the lake."""

from __future__ import annotations

from typing import Final

from abplat.config import Settings
from abplat.domain.quality import Stranger, Volume
from abplat.facts.engines.duckdb import connect, source_of
from abplat.facts.lake import Lake

_DAY_US: Final = 86_400_000_000
_SKEW_US: Final = 300_000_000
_MOST_STRANGERS: Final = 100
_VOLUMES = """
SELECT strftime(day, '%Y-%m-%d'), {channel} AS channel, count(*), count(*) - count(DISTINCT event_id),
  count(*) FILTER (received_us - ts_us > {late}), count(*) FILTER (ts_us - received_us > {early}),
  greatest(approx_quantile(received_us - ts_us, 0.5), 0) / 1e6,
  greatest(approx_quantile(received_us - ts_us, 0.99), 0) / 1e6
FROM ({source}) WHERE day >= ?::DATE GROUP BY 1, 2 ORDER BY 1, 2
"""
_STRANGERS = """
SELECT name, coalesce(channel, ''), count(*) FROM ({source})
WHERE day >= ?::DATE AND name NOT IN (SELECT unnest(?::VARCHAR[])) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT ?
"""


def count_volumes(lake: Lake, settings: Settings, project: str, since: str) -> list[Volume]:
    """Count the facts of every kind, channel and day since a day such as ``2026-03-04``."""
    found = []
    for kind in lake.kinds:
        files = lake.files(project, kind)
        if not files:
            continue
        channel = "''" if kind == "alias" else "coalesce(channel, '')"
        query = _VOLUMES.format(channel=channel, late=_DAY_US, early=_SKEW_US, source=source_of(kind, files))
        for day, where, n, repeated, late, early, median, most in _run(settings, query, [since]):
            found.append(
                Volume(
                    day=day, kind=kind, channel=where, n=n, repeated=repeated, late=late, early=early,
                    p50_late_s=round(float(median), 3), p99_late_s=round(float(most), 3),
                )
            )  # fmt: skip
    return sorted(found, key=lambda each: (each.day, each.kind, each.channel))


def find_strangers(
    lake: Lake, settings: Settings, project: str, since: str, known: list[str]
) -> list[Stranger]:
    """Return the names of events that no touchpoint has, the most frequent first."""
    files = lake.files(project, "touchpoint")
    if not files:
        return []
    query = _STRANGERS.format(source=source_of("touchpoint", files))
    rows = _run(settings, query, [since, known, _MOST_STRANGERS])
    return [Stranger(name=name, channel=channel, n=n) for name, channel, n in rows]


def _run(settings: Settings, query: str, values: list[object]) -> list[tuple]:  # type: ignore[type-arg]
    """Run one query."""
    connection = connect(settings, threads=1)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()
