"""Job: analyse experiments and keep their Reports.

Experiments of one project that wait for an analysis as of the same instant are read together and
reported one by one. A Report that was made of the same facts, definitions, instant and code is given
back as it was kept.
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from sqlalchemy.orm import Session

from abplat.clock import parse_instant, to_micros
from abplat.domain.report import Report, decode_report
from abplat.errors import AbplatError, InvalidInputError
from abplat.facts.drain import Drain
from abplat.jobs.context import JobContext, Outcome
from abplat.services import experiments, reports

if TYPE_CHECKING:
    from abplat.analysis.plan import AnalysisPlan

Payload = dict[str, Any]


class Analysed(NamedTuple):
    """A Report of an experiment.

    Attributes:
        report: The Report.
        key: Names all that it depends on; None where facts came in while it was made.
        is_kept: Whether it was made before and only given back.
    """

    report: Report
    key: str | None
    is_kept: bool = False

    def publish(self, session: Session, now: datetime) -> None:
        """Keep the Report, unless it is."""
        if not self.is_kept:
            reports.store(session, self.report, now=now, inputs_key=self.key)


class _Asked(NamedTuple):
    """An analysis to be made."""

    plan: AnalysisPlan
    document: Payload
    key: str


def run(context: JobContext, payload: Payload) -> Outcome:
    """Analyse ``payload["experiment"]`` of ``payload["project"]`` as of ``payload["as_of"]`` (now).

    The intake is drained first, so that the Report covers every event acknowledged before it.
    """
    [found] = run_many(context, [payload])
    if isinstance(found, Exception):
        raise found
    return found


def batch_of(payload: Payload) -> Hashable:
    """Return what analyses must have in common to be made together."""
    return payload.get("project"), payload.get("as_of")


def run_many(context: JobContext, payloads: Sequence[Payload]) -> Iterator[Outcome | Exception]:
    """Analyse experiments of one project together; give each one's outcome, or its error, as it is made."""
    project = _required(payloads[0], "project")
    Drain(context.engine, context.lake).run_waiting()
    named = payloads[0].get("as_of")
    as_of = parse_instant(named, "as_of") if named else context.clock()
    with closing(analyse_experiments(context, project, payloads, as_of)) as made:
        for payload, found in zip(payloads, made, strict=True):
            yield found if isinstance(found, Exception) else _outcome(context, payload["experiment"], found)


def _outcome(context: JobContext, experiment: str, found: Analysed) -> Outcome:
    """Say what an analysis came to, and keep it."""
    now = context.clock()
    words = ", ".join(f"{verdict.variant} {verdict.word.lower()}" for verdict in found.report.verdicts)
    kept = " (nothing has changed since it was analysed)" if found.is_kept else ""
    return Outcome(f"{experiment}: {words}{kept}", lambda session: found.publish(session, now))


def analyse_experiment(context: JobContext, project: str, experiment: str, as_of: datetime) -> Analysed:
    """Load the frozen plan of an experiment and analyse it.

    Raises:
        NotFoundError: If there is no such experiment.
    """
    [found] = analyse_experiments(context, project, [{"experiment": experiment}], as_of)
    if isinstance(found, Exception):
        raise found
    return found


def analyse_experiments(
    context: JobContext, project: str, payloads: Sequence[Payload], as_of: datetime
) -> Generator[Analysed | Exception]:
    """Analyse experiments of a project as of one instant, with one reading of the facts.

    Args:
        context: Database and lake.
        project: Key of the project.
        payloads: Name the experiments.
        as_of: The snapshot.

    Yields:
        For each experiment its Report, or why there is none.
    """
    from abplat.analysis.report_key import name_facts  # noqa: PLC0415  slow to import, and only a worker needs it
    from abplat.analysis.scorecard import analyse_each  # noqa: PLC0415

    as_of_us = to_micros(as_of)
    facts = name_facts(context.lake, project, as_of_us)
    asked = [_ask(context, (project, payload), as_of, facts) for payload in payloads]
    plans = [each.plan for each in asked if isinstance(each, _Asked)]
    with closing(analyse_each(context.lake, plans, as_of, context.settings)) as made:
        for each in asked:
            found = next(made) if isinstance(each, _Asked) else each
            if isinstance(each, _Asked) and isinstance(found, Report):
                # What came in meanwhile may be in the Report and is not in the key.
                is_same = name_facts(context.lake, project, as_of_us) == facts
                found = Analysed(found, each.key if is_same else None)
            yield cast("Analysed | Exception", found)


def _ask(
    context: JobContext, named: tuple[str, Payload], as_of: datetime, facts: str
) -> _Asked | Analysed | Exception:
    """Return the analysis to be made, the Report that is there already, or why it cannot be made."""
    from abplat.analysis.plan import make_plan  # noqa: PLC0415
    from abplat.analysis.report_key import make_key  # noqa: PLC0415

    project, payload = named
    try:
        experiment = _required(payload, "experiment")
        with context.sessions() as session:
            found = experiments.get_analysis(session, project, experiment, as_of)
            key = make_key(found, facts, to_micros(as_of))
            kept = reports.find_made(session, project, experiment, key)
            if kept is not None:
                return Analysed(decode_report(kept.document), key, is_kept=True)
        document = dict(found)
        return _Asked(make_plan(document.pop("plan"), **document), found, key)
    except AbplatError as error:
        return error


def _required(payload: Payload, name: str) -> str:
    """Return a text that a job cannot do without."""
    value = payload.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError.at(name, "is missing from the job", "required")
    return value
