"""``abplat plan``: how large and long a test must be, computed now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from abplat.cli import storage_options

if TYPE_CHECKING:
    from abplat.config import Settings
    from abplat.domain.plan_answers import PlanAnswer
    from abplat.domain.plans import PlanRequest

_KINDS = ("mean", "proportion", "ratio", "count", "quantile", "time_to_complete")
_OUTCOME = (
    "kind", "baseline", "sd", "dispersion", "numerator_mean", "numerator_sd", "denominator_mean",
    "denominator_sd", "correlation", "level", "density", "per_unit", "completed",
)  # fmt: skip
_MONITORING = {"design": "kind", "looks": "looks", "spending": "spending", "parameter": "parameter"}
_CLUSTER = {
    "cluster_size": "size",
    "intraclass_correlation": "intraclass_correlation",
    "size_variation": "size_variation",
}
_TRAFFIC = {"per_day": "per_day", "new_units_by_day": "new_units_by_day", "share": "share"}


def _numbers(text: str | None) -> list[Any] | None:
    """Read numbers with commas between them; what is none is left for the reader of requests to name."""
    if text is None:
        return None
    return [_number(part.strip()) for part in text.split(",")]


def _number(text: str) -> Any:
    """Read one number."""
    try:
        return float(text)
    except ValueError:
        return text


def outcome_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that describe a metric by numbers."""
    options = (
        click.option("--kind", type=click.Choice(_KINDS), help="Kind of the metric."),
        click.option("--baseline", type=float, help="Control value: mean, share, count or quantile."),
        click.option("--sd", type=float, help="Standard deviation between units (mean)."),
        click.option("--dispersion", type=float, help="Variance over mean (count). [1]"),
        click.option("--numerator-mean", type=float, help="Mean of the numerator per unit (ratio)."),
        click.option("--numerator-sd", type=float, help="Its standard deviation."),
        click.option("--denominator-mean", type=float, help="Mean of the denominator per unit (ratio)."),
        click.option("--denominator-sd", type=float, help="Its standard deviation."),
        click.option("--correlation", type=float, help="Correlation of the two (ratio)."),
        click.option("--level", type=float, help="Level of the quantile. [0.5]"),
        click.option("--density", type=float, help="Density of the events at the quantile."),
        click.option("--per-unit", type=float, help="Events per unit (quantile). [1]"),
        click.option(
            "--completed", type=float, help="Share completing within the horizon (time_to_complete)."
        ),
        click.option("--covariate-correlation", type=float, help="Correlation with a covariate."),
        click.option("--cluster-size", type=float, help="Mean units per cluster."),
        click.option("--intraclass-correlation", type=float, help="Within clusters."),
        click.option("--size-variation", type=float, help="Standard deviation over mean of cluster sizes."),
    )
    return _apply(options, function)


def test_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that describe the test."""
    options = (
        click.option("--effect", type=float, help="Effect to be shown, such as 0.05 for +5 %."),
        click.option("--hazard-ratio", type=float, help="Instead, for a time: above 1 is sooner."),
        click.option("--scale", type=click.Choice(("relative", "absolute")), help="Of effects. [relative]"),
        click.option("--units", "n_units", type=int, help="Also say what so many units would show."),
        click.option("--alpha", type=float, help="Error rate. [the experiment's, or 0.05]"),
        click.option("--power", type=float, help="Chance of showing the effect. [0.8]"),
        click.option("--sides", type=int, help="2, or 1. [2; 1 with a margin]"),
        click.option("--margin", type=float, help="Margin of non-inferiority or equivalence."),
        click.option(
            "--question",
            type=click.Choice(("superiority", "non_inferiority", "equivalence")),
            help="What is to be shown. [superiority; non_inferiority with a margin]",
        ),
        click.option(
            "--null-variance",
            type=click.Choice(("estimated", "restricted")),
            help="restricted: a share against its margin by Farrington and Manning. [estimated]",
        ),
        click.option("--direction", type=click.Choice(("up", "down")), help="Which way is good."),
        click.option("--arms", type=int, help="Arms, control among them. [2]"),
        click.option("--allocation", type=click.Choice(("equal", "best")), help="Sizes of the arms. [equal]"),
        click.option("--weights", help="Weight of each arm, control first, such as 2,1,1."),
        click.option(
            "--family", type=click.Choice(("none", "bonferroni", "dunnett")), help="Sharing of alpha."
        ),
        click.option("--guardrails", type=int, help="Guardrails to be shown harmless as well."),
        click.option(
            "--design", type=click.Choice(("fixed", "group_sequential", "always_valid")), help="[fixed]"
        ),
        click.option("--looks", type=int, help="Planned looks. [5 or 14]"),
        click.option("--spending", help="obrien_fleming, pocock, hwang_shih_decani or kim_demets."),
        click.option("--parameter", type=float, help="Of the last two."),
    )
    return _apply(options, function)


def time_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say whose history it is and how units come in."""
    options = (
        click.option("--project", help="Key of the project."),
        click.option("--experiment", help="Plan this experiment, from the project's history."),
        click.option("--metric", help="Plan this metric, from the project's history."),
        click.option("--journey", help="Journey of a metric that names none."),
        click.option("--horizon", help="How long after exposure a customer is watched, such as 7d."),
        click.option("--history-of", help="Experiment whose exposures stand for those of the test."),
        click.option("--entry-event", help="Event whose first occurrence stands for the exposure."),
        click.option("--as-of", help="Plan with what was known then, such as 2026-03-01T00:00:00Z. [now]"),
        click.option("--per-day", type=float, help="New units a day."),
        click.option("--new-units-by-day", help="New units of each day, with commas; 14 days at least."),
        click.option("--share", type=float, help="Share of them that takes part."),
        click.option("--starts-on", help="First day. [today]"),
        click.option("--weeks", type=int, help="Rows of the table. [12]"),
    )
    return _apply(options, function)


def _apply(options: tuple[Callable[..., Any], ...], function: Callable[..., Any]) -> Callable[..., Any]:
    """Apply decorators so that the first one stands first in the help."""
    for option in reversed(options):
        function = option(function)
    return function


@click.command(name="plan", short_help="Say how large and long a test must be.")
@click.option(
    "--file", "path", type=click.Path(path_type=Path), help="Request in YAML or JSON; options add to it."
)
@outcome_options
@test_options
@time_options
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
@storage_options
def command(
    settings: Settings, path: Path | None, project: str | None, *, as_json: bool, **options: Any
) -> None:
    """Compute sample size, power, smallest effect and run time of a test.

    Either from numbers (--kind and what it needs) or from the history of a project (--experiment,
    or --metric with --horizon).
    """
    from abplat.domain.plans import parse_plan_request

    document = make_document(path, options)
    request = parse_plan_request(document)
    answer = compute(settings, project, request)
    if as_json:
        from abplat.domain.plan_answers import encode_answer

        click.echo(encode_answer(answer))
    else:
        from abplat.web.plan_tables import print_plan

        print_plan(answer)


def make_document(path: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the request: that of the file, with what the options say instead.

    Raises:
        InvalidInputError: If the file holds no mapping.
    """
    from abplat.errors import InvalidInputError
    from abplat.services.documents import read_document

    document = {} if path is None else read_document(path)
    if not isinstance(document, dict):
        raise InvalidInputError.at("--file", f"{path} holds no mapping of fields")
    said = {name: value for name, value in options.items() if value is not None}
    said.update({name: _numbers(said[name]) for name in ("weights", "new_units_by_day") if name in said})
    parts = {"outcome": dict(zip(_OUTCOME, _OUTCOME, strict=True)), "monitoring": _MONITORING}
    parts |= {"cluster": _CLUSTER, "traffic": _TRAFFIC}
    for part, names in parts.items():
        given = {field: said.pop(name) for name, field in names.items() if name in said}
        if given:
            before = document.get(part)
            said[part] = {**before, **given} if isinstance(before, dict) else given
    return {**document, **said}


def compute(settings: Settings, project: str | None, request: PlanRequest) -> PlanAnswer:
    """Compute the answer; a database is opened only where history is asked for.

    Raises:
        InvalidInputError: If the project is missing, or the request does not fit the past.
    """
    from abplat.clock import system_clock
    from abplat.errors import InvalidInputError

    if not request.needs_project:
        from abplat.analysis.planning.planner import make_answer

        return make_answer(request, system_clock())
    if project is None:
        raise InvalidInputError.at("--project", "is missing; name the project of the history", "required")
    from abplat.facts.lake import Lake
    from abplat.jobs.context import JobContext
    from abplat.jobs.plan import compute_plan
    from abplat.services import projects
    from abplat.services.platform import open_database

    engine = open_database(settings)
    context = JobContext(settings=settings, clock=system_clock, engine=engine, lake=Lake(settings.lake_dir))
    try:
        with context.sessions() as session:
            projects.get(session, project)
        return compute_plan(context, project, request)
    finally:
        engine.dispose()
