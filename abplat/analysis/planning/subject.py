"""Whose metric is planned: an experiment of the project, or a metric with a horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abplat.analysis.plan import AnalysisPlan, PlannedMetric, PlannedVariant, make_plan
from abplat.errors import InvalidInputError

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class PastExperiment:
    """An experiment whose exposures may stand for those of the planned test."""

    key: str
    variants: tuple[PlannedVariant, ...]
    share: float
    """Share of all customers that it took."""
    is_required: bool
    """Whether it was named, so that nothing else may stand for it."""
    overrides: tuple[str, ...] = ()
    """Units that were put into a variant by hand."""


@dataclass(frozen=True, slots=True)
class PlanSubject:
    """What the definitions of a project say of the test."""

    plan: AnalysisPlan
    metric: PlannedMetric
    share: float
    """Share of all customers that the test will take."""
    past: PastExperiment | None
    is_targeted: bool
    is_experiment: bool

    @property
    def horizon_days(self) -> float:
        """How long a customer is watched."""
        return self.plan.horizon_us / DAY_US


def read_subject(document: Mapping[str, Any]) -> PlanSubject:
    """Read what ``services.planning.find_subject`` has frozen.

    Raises:
        InvalidInputError: If the metric asked for is none of the experiment's.
    """
    plan = make_plan(document["frozen"])
    return PlanSubject(
        plan=plan,
        metric=_choose_metric(plan, document["metric"]),
        share=document["share"],
        past=_read_past(document["past"]),
        is_targeted=document["is_targeted"],
        is_experiment=document["is_experiment"],
    )


def _choose_metric(plan: AnalysisPlan, key: str | None) -> PlannedMetric:
    """Return the metric asked for, or the one that decides."""
    if key is None:
        return plan.primary
    found = next((metric for metric in plan.metrics if metric.key == key), None)
    if found is None:
        known = ", ".join(metric.key for metric in plan.metrics)
        message = f"the experiment has no metric {key!r}; it has {known}"
        raise InvalidInputError.at("metric", message, "unknown_metric")
    return found


def _read_past(document: Mapping[str, Any] | None) -> PastExperiment | None:
    """Read which exposures may be used."""
    if document is None:
        return None
    variants = tuple(
        PlannedVariant(key=item["key"], title=item["key"], weight=int(item["weight"]))
        for item in document["variants"]
    )
    return PastExperiment(
        key=document["experiment"],
        variants=variants,
        share=document["share"],
        is_required=document["is_required"],
        overrides=tuple(document.get("overrides") or ()),
    )
