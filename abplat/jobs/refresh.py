"""Job: bring the derived tables up to date with the sealed days, so that analyses need not read them again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from abplat.clock import to_micros
from abplat.errors import ConflictError
from abplat.jobs.context import JobContext, Outcome
from abplat.services import plans

if TYPE_CHECKING:
    from abplat.analysis.derived.refresh import Refreshed

_LOG = logging.getLogger(__name__)
Progress = Callable[[str, int, int], None]


def run(context: JobContext, payload: dict[str, Any]) -> Outcome:
    """Refresh all projects; ``payload["rebuild"]`` derives everything anew, such as every night."""
    tables = rows = 0
    for project in context.lake.projects():
        try:
            done = refresh(context, project, rebuild=bool(payload.get("rebuild")))
        except ConflictError as error:  # somebody else refreshes, or erases; the next run looks again
            _LOG.info("%s is not refreshed: %s", project, error.message)
            continue
        tables, rows = tables + done.tables, rows + done.rows
    return Outcome(f"{tables} tables refreshed, {rows:,} rows" if tables else "")


def refresh(
    context: JobContext, project: str, *, rebuild: bool = False, progress: Progress | None = None
) -> Refreshed:
    """Derive what the running experiments of a project ask for, and those that wait for their last numbers.

    Raises:
        ConflictError: If somebody else refreshes, or facts went meanwhile.
    """
    from abplat.analysis.derived.refresh import Wanted, refresh_project  # noqa: PLC0415  slow to import
    from abplat.analysis.derived.units import refresh_units  # noqa: PLC0415
    from abplat.analysis.plan import make_plan  # noqa: PLC0415
    from abplat.analysis.reading import list_wanted  # noqa: PLC0415

    now = context.clock()
    with context.sessions() as session:
        found = [
            plans.get_analysis(session, project, key, now) for key in plans.list_followed(session, project)
        ]
    asked = [make_plan(each.pop("plan"), **each) for each in found]
    definitions, matches = list_wanted(asked)
    as_of_us = to_micros(now)
    done = refresh_project(
        context.lake,
        project,
        context.settings,
        Wanted(tuple(definitions), tuple(matches)),
        as_of_us=as_of_us,
        rebuild=rebuild,
        **({} if progress is None else {"progress": progress}),
    )
    if done.tables:
        refresh_units(context.lake, project, context.settings, asked, as_of_us=as_of_us)
    return done
