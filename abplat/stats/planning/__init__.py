"""Before the start: how many units, how long, and what could be seen at all."""

from abplat.stats.planning.design import (
    Design,
    Monitoring,
    best_shares,
    comparison_alpha,
    look_bounds,
    needed_drift,
    power_of_drift,
    power_with_guardrails,
)
from abplat.stats.planning.equivalence import calculate_equivalence_power, calculate_equivalence_size
from abplat.stats.planning.history import outcome_from_moments
from abplat.stats.planning.outcome import (
    Outcome,
    count_outcome,
    mean_outcome,
    proportion_outcome,
    quantile_outcome,
    ratio_outcome,
    with_clusters,
    with_covariate,
)
from abplat.stats.planning.run_time import (
    Arrivals,
    RunTime,
    WeekRow,
    expected_looks,
    plan_run_time,
    plan_test,
    tabulate_mde,
)
from abplat.stats.planning.size import (
    SampleSize,
    calculate_mde,
    calculate_power,
    calculate_sample_size,
)
from abplat.stats.planning.time_to_event import (
    EventPlan,
    PastSurvival,
    count_events,
    expected_events,
    plan_events,
    power_of_events,
)

__all__ = [
    "Arrivals",
    "Design",
    "EventPlan",
    "Monitoring",
    "Outcome",
    "PastSurvival",
    "RunTime",
    "SampleSize",
    "WeekRow",
    "best_shares",
    "calculate_equivalence_power",
    "calculate_equivalence_size",
    "calculate_mde",
    "calculate_power",
    "calculate_sample_size",
    "comparison_alpha",
    "count_events",
    "count_outcome",
    "expected_events",
    "expected_looks",
    "look_bounds",
    "mean_outcome",
    "needed_drift",
    "outcome_from_moments",
    "plan_events",
    "plan_run_time",
    "plan_test",
    "power_of_drift",
    "power_of_events",
    "power_with_guardrails",
    "proportion_outcome",
    "quantile_outcome",
    "ratio_outcome",
    "tabulate_mde",
    "with_clusters",
    "with_covariate",
]
