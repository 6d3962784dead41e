"""The work of ``abplat journeys discover``: look at the events, and write what can be edited."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from abplat.clock import parse_instant, system_clock
from abplat.config import Settings
from abplat.db.queries import projects
from abplat.domain.discoveries import Discovery
from abplat.facts.drain import Drain
from abplat.facts.lake import Lake
from abplat.jobs.context import JobContext
from abplat.jobs.discover import discover_project
from abplat.services.discoveries import describe_as_document
from abplat.services.platform import open_database

SHOWN = 10


def look(
    settings: Settings, project: str, since: str | None, as_of: str | None, n: int
) -> tuple[Discovery, str]:
    """Return what the events of a project show, and the title of the project.

    Raises:
        NotFoundError: If there is no such project.
    """
    engine = open_database(settings)
    context = JobContext(settings, system_clock, engine, Lake(settings.lake_dir))
    try:
        with context.sessions() as session:
            title = str(projects.get(session, project).title)
        Drain(engine, context.lake).run()
        instant = parse_instant(as_of, "--as-of") if as_of else context.clock()
        start = parse_instant(since, "--since") if since else None
        return discover_project(context, project, instant, since=start, n=n), title
    finally:
        engine.dispose()


def write_yaml(found: Discovery, title: str) -> str:
    """Write the proposals as a document for ``abplat apply``, with what was found as comments."""
    document = describe_as_document(found, title)
    head = [f"# {line}".rstrip() for line in _comment(found)]
    parts = [
        yaml.safe_dump({"project": document["project"]}, sort_keys=False, allow_unicode=True),
        "journeys:",
    ]
    for proposal in found.proposals:
        said = f"{proposal.n_completed} of {proposal.n_started} that start it complete it"
        parts += [f"  # {_one_line(proposal.why)}", f"  # {said}", _indent(proposal.definition)]
    if not found.proposals:
        parts[-1] = "journeys: []"
    return "\n".join([*head, "", *(part.rstrip("\n") for part in parts)]) + "\n"


def _comment(found: Discovery) -> Iterator[str]:
    """Yield what was found, a line each."""
    sample = " (a sample)" if found.is_sample else ""
    yield f"{found.n_events} events of {found.n_customers} customers in {found.n_episodes} episodes{sample}, as of {found.as_of}"
    for name, points in (("begin", found.entries), ("end", found.ends)):
        said = ", ".join(f"{_one_line(each.event)} {each.n} of {each.n_with}" for each in points)
        yield f"episodes {name} with: {said or 'nothing'}"
    for path in found.paths[:SHOWN]:
        yield f"path {path.n}: {_one_line(' > '.join(path.events))}"
    for each in found.unknown_touchpoints[:SHOWN]:
        where = f" in {_one_line(each.channel)}" if each.channel else ""
        yield f"not registered: {_one_line(each.event)}{where}, {each.n_events} events"


def _one_line(text: str) -> str:
    """Return a text that cannot leave its comment."""
    return "".join(character if character.isprintable() else "?" for character in text)


def _indent(definition: dict[str, Any]) -> str:
    """Write one entry of a list."""
    text = yaml.safe_dump([definition], sort_keys=False, allow_unicode=True)
    return "\n".join(f"  {line}" if line else line for line in text.splitlines())
