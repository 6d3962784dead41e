"""What a plan takes for granted, in words: each sentence could be wrong, and then so is the plan."""

from __future__ import annotations

from collections.abc import Iterator

from abplat.analysis.planning.history import History, Measured
from abplat.analysis.planning.setting import Setting
from abplat.analysis.planning.subject import PlanSubject
from abplat.domain.plans import PlanRequest
from abplat.stats import NotComputable
from abplat.stats.planning import Arrivals, comparison_alpha

_FAMILIES = {"bonferroni": "Bonferroni", "dunnett": "Dunnett"}


def list_assumptions(
    request: PlanRequest,
    subject: PlanSubject | None,
    setting: Setting,
    history: History | NotComputable | None,
    measured: Measured | NotComputable,
    arrivals: Arrivals | NotComputable,
) -> tuple[str, ...]:
    """Return every assumption as a sentence."""
    sentences = [*_describe_test(setting, request)]
    if isinstance(history, History):
        sentences += _describe_past(request, history, subject)
    elif subject is None:
        sentences.append(
            "The control value and its noise are the numbers given; nothing was read from facts."
        )
    if not isinstance(measured, NotComputable):
        sentences += _describe_outcome(measured, setting, request, subject)
    if not isinstance(arrivals, NotComputable):
        sentences += _describe_arrivals(request, setting)
    return tuple(sentences)


def _describe_test(setting: Setting, request: PlanRequest) -> Iterator[str]:
    """Say how the test is run."""
    design = setting.design
    sides = "Two-sided" if design.sides == 2 else "One-sided"
    yield f"{sides} test at {design.alpha:.3g} with power {design.power:.3g}, control against each treatment."
    if request.guardrails:
        yield (
            f"The power was raised from {request.power:.3g}, so that the goal and {request.guardrails} guardrails "
            "are shown together with the chance asked for."
        )
    if setting.margin is not None and setting.is_equivalence:
        size = f"{setting.margin:.4g}" if design.scale == "absolute" else f"{setting.margin:.2%}"
        yield f"Shown is that treatment and control differ by less than {size} either way, by two one-sided tests."
    elif setting.margin is not None:
        worse = "lower" if setting.direction == "up" else "higher"
        size = (
            f"{setting.margin:.4g}"
            if design.scale == "absolute" and not setting.is_time
            else f"{setting.margin:.2%}"
        )
        yield f"Shown is that treatment is not {worse} than control by {size} or more (non-inferiority)."
    if design.null_variance == "restricted":
        yield "The share is held against its margin by the score test of Farrington and Manning."
    if len(design.shares) > 2:
        each = comparison_alpha(design)
        how = f"shared by {_FAMILIES[design.family]}" if design.family in _FAMILIES else "not shared"
        yield f"Alpha is {how} among {design.n_treatments} treatments: {each:.3g} for each; the smallest one counts."
    yield from _describe_looks(setting)


def _describe_looks(setting: Setting) -> Iterator[str]:
    """Say when results are read."""
    watched = setting.design.monitoring
    if watched.kind == "fixed":
        yield "Results are read once, at the end: an earlier look that can stop the test would break the error rate."
    elif watched.kind == "group_sequential":
        words = watched.spending.family.replace("_", " ")
        yield f"Results are read {watched.n_looks} times at even shares of the units; alpha is spent by {words}."
    else:
        yield f"Results may be read at any time; the power counts {watched.n_looks} evenly spaced looks."


def _describe_past(request: PlanRequest, history: History, subject: PlanSubject | None) -> Iterator[str]:
    """Say what stands for the future."""
    days = f"{history.window.n_days} days from {history.window.start:%Y-%m-%d}"
    if history.source == "exposures" and subject is not None and subject.past is not None:
        yield (
            f"Control value and noise are those of {history.n_measured:,} customers of control whom experiment "
            f"{subject.past.key} exposed in the {days}; all its variants count as arrivals."
        )
    elif request.entry_event is not None:
        yield (
            f"The first event {request.entry_event!r} of each of {history.n_measured:,} customers in the {days} "
            "stands for the exposure."
        )
    else:
        yield (
            f"No exposures of the past are used: the first touchpoint of each of {history.n_measured:,} customers in "
            f"the {days} stands for the exposure, so everybody counts, also who would never meet the change."
        )
    if subject is not None and subject.is_targeted:
        yield "The targeting rule is not applied to the past: fewer customers will come in if it is narrow."
    if history.scale != 1 and (request.traffic is None or request.traffic.share is None):
        yield f"Of those who came in the test takes {history.scale:.4g} for one, by included, slot and holdouts."


def _describe_outcome(
    measured: Measured, setting: Setting, request: PlanRequest, subject: PlanSubject | None
) -> Iterator[str]:
    """Say how the metric is judged."""
    if setting.is_time:
        yield from _describe_time(request, setting)
        return
    if measured.kind == "proportion":
        yield "The variance of the share follows its value in each arm."
    elif measured.kind == "count":
        yield "The variance of the count grows with its value."
    else:
        yield "The treatment changes the mean and not the variance."
    if measured.variance_kept < 1:
        what = "the same count before exposure" if subject is not None else "the covariate"
        yield f"Adjustment for {what} leaves {measured.variance_kept:.1%} of the variance."
    if request.cluster is not None:
        yield (
            f"Units come in clusters of {request.cluster.size:g} with intraclass correlation "
            f"{request.cluster.intraclass_correlation:g}; the numbers count units, not clusters."
        )
    if measured.kind == "quantile":
        yield "The density at the quantile is the one given; several events of one unit need clusters as well."


def _describe_time(request: PlanRequest, setting: Setting) -> Iterator[str]:
    """Say how a time is judged."""
    yield (
        "Planned by the log-rank test with even hazards (Schoenfeld): a hazard ratio above 1 means sooner. The "
        "report compares mean times up to the horizon, which has about the same power where hazards are even."
    )
    if request.hazard_ratio is None and setting.effect not in (None, 1.0):
        yield f"A relative change of the time is read as hazard ratio 1 / (1 + change) = {setting.effect:.4g}."
    if setting.margin is not None:
        yield f"The margin is a hazard ratio of {1 / (1 + setting.margin):.4g}: times longer by {setting.margin:.2%}."
    yield f"Nobody is watched beyond {setting.horizon_days:g} days after exposure."


def _describe_arrivals(request: PlanRequest, setting: Setting) -> Iterator[str]:
    """Say how customers come in."""
    if request.traffic is not None and request.traffic.is_constant and request.traffic.new_units_by_day:
        yield "The same number of new units comes every day; in truth returning ones make it fewer every week."
    else:
        yield (
            "New units come as in these days; after them each week is the one before times the ratio of the last two, "
            "and growth is not promised."
        )
    yield "Units come in for whole weeks, as weekdays differ."
    if setting.maturation_days:
        yield f"The last unit counts once it was watched for {setting.maturation_days:g} days; they are added."
