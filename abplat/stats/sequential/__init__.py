"""Looking before the end, honestly: group sequential tests and always-valid intervals."""

from abplat.stats.sequential.after_stop import (
    StagewiseResult,
    StoppedTest,
    infer_after_stop,
    repeated_intervals,
)
from abplat.stats.sequential.confidence_sequence import (
    ConfidenceSequencePlan,
    SequenceInterval,
    confidence_sequence,
    intersect_running,
    sequence_critical_values,
    sequence_log_p_values,
)
from abplat.stats.sequential.group_sequential import (
    Bounds,
    Crossing,
    GroupSequentialPlan,
    crossing,
    inflation_factor,
    next_bound,
    set_bounds,
    solve_drift,
)
from abplat.stats.sequential.ledger import Ledger, Look, open_ledger, read_ledger
from abplat.stats.sequential.linear import (
    AnytimeEffect,
    AnytimeTest,
    LinearPlan,
    compare_anytime,
    plan_linear,
)
from abplat.stats.sequential.msprt import (
    MixturePlan,
    log_mixture_ratio,
    mixture_half_width,
    mixture_p_values,
    plan_mixture,
)
from abplat.stats.sequential.spending import FAMILIES, Spending, spend

__all__ = [
    "FAMILIES",
    "AnytimeEffect",
    "AnytimeTest",
    "Bounds",
    "ConfidenceSequencePlan",
    "Crossing",
    "GroupSequentialPlan",
    "Ledger",
    "LinearPlan",
    "Look",
    "MixturePlan",
    "SequenceInterval",
    "Spending",
    "StagewiseResult",
    "StoppedTest",
    "compare_anytime",
    "confidence_sequence",
    "crossing",
    "infer_after_stop",
    "inflation_factor",
    "intersect_running",
    "log_mixture_ratio",
    "mixture_half_width",
    "mixture_p_values",
    "next_bound",
    "open_ledger",
    "plan_linear",
    "plan_mixture",
    "read_ledger",
    "repeated_intervals",
    "sequence_critical_values",
    "sequence_log_p_values",
    "set_bounds",
    "solve_drift",
    "spend",
]
