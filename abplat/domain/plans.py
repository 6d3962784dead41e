"""Requests for a plan: what is measured, how the test is run, and what history stands for its customers.

A request is read here and computed elsewhere: the web process only needs to know that it is good.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any, Final

import msgspec

from abplat.clock import parse_instant
from abplat.domain.fields import Fields, show
from abplat.domain.plan_parts import (
    Monitoring,
    OutcomeNumbers,
    Range,
    Traffic,
    read_monitoring,
    read_number,
    read_outcome,
    read_traffic,
)
from abplat.errors import InvalidInputError

SCALES: Final = ("relative", "absolute")
FAMILIES: Final = ("none", "bonferroni", "dunnett")
ALLOCATIONS: Final = ("equal", "best")
SUPERIORITY: Final = "superiority"
NON_INFERIORITY: Final = "non_inferiority"
EQUIVALENCE: Final = "equivalence"
QUESTIONS: Final = (SUPERIORITY, NON_INFERIORITY, EQUIVALENCE)
"""What is to be shown: a difference; no loss beyond a margin; no difference beyond it either way."""
NULL_VARIANCES: Final = ("estimated", "restricted")
"""With which standard error a share is held against its margin: of the shares seen, or Farrington and Manning's."""
MAX_ARMS: Final = 20
MAX_WEEKS: Final = 52
MAX_HORIZON_DAYS: Final = 3_660
YEARS: Final = (1970, 2200)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_PAST_FIELDS = ("journey", "history_of", "entry_event", "as_of")


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Units that come in groups, such as the customers of one store."""

    size: float
    intraclass_correlation: float
    size_variation: float


class PlanRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One question about a test that has not run yet.

    What is None is taken from the experiment, where one is named, and else from a default.
    """

    outcome: OutcomeNumbers | None
    experiment: str | None
    metric: str | None
    journey: str | None
    horizon: str | None
    history_of: str | None
    entry_event: str | None
    as_of: str | None
    covariate_correlation: float | None
    cluster: Cluster | None
    effect: float | None
    hazard_ratio: float | None
    scale: str
    n_units: int | None
    alpha: float | None
    power: float
    sides: int | None
    margin: float | None
    question: str | None
    null_variance: str
    direction: str | None
    arms: int | None
    allocation: str
    weights: tuple[float, ...]
    family: str | None
    guardrails: int
    monitoring: Monitoring
    traffic: Traffic | None
    starts_on: date | None
    weeks: int

    @property
    def needs_project(self) -> bool:
        """Whether definitions and facts of a project answer for the numbers."""
        return self.outcome is None


def parse_plan_request(document: Any) -> PlanRequest:
    """Read a request for a plan.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> parse_plan_request({"outcome": {"kind": "proportion", "baseline": 0.1}, "effect": 0.05}).power
        0.8
    """
    fields = Fields(document)
    request = PlanRequest(
        outcome=read_outcome(fields),
        experiment=fields.key("experiment", None),
        metric=fields.key("metric", None),
        journey=fields.key("journey", None),
        horizon=fields.duration("horizon", None),
        history_of=fields.key("history_of", None),
        entry_event=fields.text("entry_event", None),
        as_of=_read_instant(fields),
        covariate_correlation=read_number(fields, "covariate_correlation", Range(None, above=-1, below=1)),
        cluster=_read_cluster(fields),
        effect=read_number(fields, "effect", Range(None)),
        hazard_ratio=read_number(fields, "hazard_ratio", Range(None, above=0)),
        scale=fields.choice("scale", SCALES, "relative"),
        n_units=_optional_integer(fields, "n_units", 4, 10**12),
        alpha=read_number(fields, "alpha", Range(None, above=0, below=0.5)),
        power=read_number(fields, "power", Range(0.8, above=0, below=1)) or 0.8,
        sides=_optional_integer(fields, "sides", 1, 2),
        margin=read_number(fields, "margin", Range(None, above=0)),
        question=fields.choice("question", QUESTIONS, None),
        null_variance=fields.choice("null_variance", NULL_VARIANCES, NULL_VARIANCES[0]),
        direction=fields.choice("direction", ("up", "down"), None),
        arms=_optional_integer(fields, "arms", 2, MAX_ARMS),
        allocation=fields.choice("allocation", ALLOCATIONS, "equal"),
        weights=tuple(_read_weights(fields)),
        family=fields.choice("family", FAMILIES, None),
        guardrails=fields.integer("guardrails", 0, 100, 0),
        monitoring=read_monitoring(fields),
        traffic=read_traffic(fields),
        starts_on=_read_date(fields, "starts_on"),
        weeks=fields.integer("weeks", 1, MAX_WEEKS, 12),
    )
    _check_source(fields, request)
    _check_test(fields, request)
    _check_question(fields, request)
    _check_outcome(fields, request)
    fields.finish("plan")
    return request


def _read_instant(fields: Fields) -> str | None:
    """Read the instant whose knowledge counts."""
    found: str | None = fields.text("as_of", None)
    if found is not None:
        try:
            year = parse_instant(found, "as_of").year
        except InvalidInputError as error:
            fields.fault("as_of", error.problems[0].message, error.problems[0].code)
        else:
            _check_year(fields, "as_of", year)
    return found


def _check_year(fields: Fields, name: str, year: int) -> None:
    """Refuse a year that no test is run in."""
    if not YEARS[0] <= year <= YEARS[1]:
        message = f"lies in the year {year}; name one from {YEARS[0]} to {YEARS[1]}"
        fields.fault(name, message, "bad_date")


def _read_cluster(fields: Fields) -> Cluster | None:
    """Read how units hang together."""
    document = fields.value("cluster", None)
    if document is None:
        return None
    part = Fields(document, "cluster", fields.problems)
    cluster = Cluster(
        size=read_number(part, "size", Range(at_least=1)) or 1.0,
        intraclass_correlation=read_number(part, "intraclass_correlation", Range(at_least=0, below=1)) or 0.0,
        size_variation=read_number(part, "size_variation", Range(0.0, at_least=0)) or 0.0,
    )
    part.no_more()
    return cluster


def _optional_integer(fields: Fields, name: str, least: int, most: int) -> int | None:
    """Read a whole number that may be left out."""
    if fields.value(name, None) is None:
        return None
    return fields.integer(name, least, most)


def _read_weights(fields: Fields) -> Iterator[float]:
    """Read the weight of each arm, control first; any positive scale."""
    if fields.value("weights", None) is None:
        return
    for index, value in enumerate(fields.items("weights", 2, MAX_ARMS)):
        part = Fields({"weight": value}, problems=[])
        weight = read_number(part, "weight", Range(above=0))
        if part.problems:
            fields.fault(f"weights[{index}]", part.problems[0].message, part.problems[0].code)
        yield weight or 1.0


def _read_date(fields: Fields, name: str) -> date | None:
    """Read a calendar day."""
    found = fields.value(name, None)
    if found is None:
        return None
    day = found if type(found) is date else _parse_date(found)  # YAML reads a plain day as one
    if day is not None:
        _check_year(fields, name, day.year)
        return day
    fields.fault(name, f"{show(found)} is not a day; write it as 2026-03-04", "bad_date")
    return None


def _parse_date(found: object) -> date | None:
    """Return the day that a text names, if it names one."""
    if not isinstance(found, str) or not _DATE.fullmatch(found):
        return None
    try:
        return date.fromisoformat(found)
    except ValueError:
        return None


def _check_source(fields: Fields, request: PlanRequest) -> None:
    """See that numbers, an experiment or a metric answer for the outcome, and not two of them."""
    named = request.experiment is not None or request.metric is not None
    if request.outcome is None and not named and fields.document.get("outcome") is None:
        message = "is missing; give numbers in outcome, or name an experiment or a metric of the project"
        fields.fault("outcome", message, "required")
    if request.outcome is not None and named:
        message = "is given as numbers and by name; keep one of outcome, experiment and metric"
        fields.fault("outcome", message, "not_used")
    if request.outcome is not None:
        for name in _PAST_FIELDS:
            if getattr(request, name) is not None:
                fields.fault(name, "has no meaning beside outcome: no history is read; remove it", "not_used")
    if request.history_of is not None and request.entry_event is not None:
        fields.fault("entry_event", "is given beside history_of; keep one of them", "not_used")
    if request.experiment is not None and request.journey is not None:
        fields.fault("journey", "is that of the experiment; remove it", "not_used")
    if request.outcome is None and request.metric is not None and request.experiment is None:
        _check_metric(fields, request)
    if request.outcome is None and named and request.covariate_correlation is not None:
        message = "is found in the history where there is one; remove it"
        fields.fault("covariate_correlation", message, "not_used")


def _check_metric(fields: Fields, request: PlanRequest) -> None:
    """See that a metric without its experiment has a horizon."""
    if request.horizon is None and fields.document.get("horizon") is None:
        message = "is missing; say how long a customer is watched after exposure, such as 7d"
        fields.fault("horizon", message, "required")


def _check_test(fields: Fields, request: PlanRequest) -> None:
    """Hold the parts of the test against each other."""
    if request.margin is not None and request.sides == 2:
        fields.fault("sides", "is 2; a margin is tested on one side, so write 1 or leave it out", "not_used")
    if request.effect == 0 and request.margin is None:
        fields.fault("effect", "is 0; name an effect that could be shown, such as 0.05", "bad_number")
    if request.effect is not None and request.hazard_ratio is not None:
        fields.fault("hazard_ratio", "is given beside effect; keep one of them", "not_used")
    if request.hazard_ratio == 1 and request.margin is None:
        fields.fault("hazard_ratio", "is 1; name a ratio that could be shown, such as 1.2", "bad_number")
    if request.weights and request.arms not in (None, len(request.weights)):
        fields.fault(
            "arms", f"is {request.arms}, but weights has {len(request.weights)} entries", "bad_length"
        )
    if request.weights and request.allocation == "best":
        fields.fault("allocation", "is best, but weights are given; keep one of them", "not_used")
    if request.alpha is not None and request.power <= request.alpha:
        message = f"{request.power:g} is not above alpha {request.alpha:g}; write 0.8 or 0.9"
        fields.fault("power", message, "bad_number")


def _check_question(fields: Fields, request: PlanRequest) -> None:
    """Hold what is to be shown against margin, effect and looks."""
    asks_for_margin = request.question in (NON_INFERIORITY, EQUIVALENCE)
    if asks_for_margin and request.margin is None and request.experiment is None:
        message = f"is missing; {request.question} is up to a margin, such as 0.02"
        fields.fault("margin", message, "required")
    if request.question == SUPERIORITY and request.margin is not None:
        fields.fault("margin", "has no meaning for superiority; remove it", "not_used")
    if request.question == EQUIVALENCE:
        _check_equivalence(fields, request)
    if request.null_variance != NULL_VARIANCES[0]:
        is_share = request.outcome is None or request.outcome.kind == "proportion"
        if not is_share or request.question in (SUPERIORITY, EQUIVALENCE):
            message = "is that of a share against a margin on one side; remove it"
            fields.fault("null_variance", message, "not_used")


def _check_equivalence(fields: Fields, request: PlanRequest) -> None:
    """Refuse what two one-sided tests cannot have."""
    if request.monitoring.kind != "fixed":
        fields.fault("monitoring", "equivalence is tested once, at the end; leave it out", "not_used")
    if request.hazard_ratio is not None or (request.outcome and request.outcome.kind == "time_to_complete"):
        fields.fault("question", "equivalence is not planned for a time; write non_inferiority", "not_used")
    if request.margin is not None and request.effect is not None and abs(request.effect) >= request.margin:
        message = (
            f"is {request.effect:g}, not inside the margin {request.margin:g}; nothing could show equivalence"
        )
        fields.fault("effect", message, "bad_number")


def _check_outcome(fields: Fields, request: PlanRequest) -> None:
    """Hold the numbers of the outcome against effect and test."""
    outcome = request.outcome
    if outcome is None:
        return
    if outcome.kind == "time_to_complete":
        _check_time(fields, request)
    elif request.hazard_ratio is not None:
        message = f"has no meaning for kind {outcome.kind}; write effect"
        fields.fault("hazard_ratio", message, "not_used")
    value = outcome.baseline
    if request.scale == "relative" and value == 0 and not fields.problems:
        message = "is 0, so a relative effect has no meaning; write scale: absolute"
        fields.fault("outcome.baseline", message, "zero_baseline")
    if outcome.kind in ("proportion", "count") and request.effect is not None and value:
        treated = value + request.effect * (value if request.scale == "relative" else 1)
        if treated <= 0 or (outcome.kind == "proportion" and treated >= 1):
            message = (
                f"takes the control value {value:g} to {treated:g}, which is impossible; name a smaller one"
            )
            fields.fault("effect", message, "bad_number")


def _check_time(fields: Fields, request: PlanRequest) -> None:
    """Refuse what planning by events has no use for."""
    if request.horizon is None and fields.document.get("horizon") is None:
        fields.fault("horizon", "is missing; say how long a customer is watched, such as 14d", "required")
    for name in ("covariate_correlation", "cluster"):
        if getattr(request, name) is not None:
            fields.fault(name, "has no meaning for time_to_complete; remove it", "not_used")
    if fields.document.get("scale") == "absolute":
        message = "is absolute; the effect on a time is a hazard_ratio, or relative"
        fields.fault("scale", message, "not_used")
    if request.effect is not None and request.effect <= -1:
        fields.fault("effect", f"{request.effect:g} leaves no time at all; name one above -1", "bad_number")
