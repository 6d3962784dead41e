"""Several effects at once: what may be shown together, and what was picked for being large."""

from abplat.stats.selection.dunnett import (
    SharedControl,
    SimultaneousInterval,
    dunnett_critical_value,
    dunnett_p_values,
    share_control,
    simultaneous_intervals,
)
from abplat.stats.selection.graph import AlphaGraph, GraphResult, gatekeeper_graph, holm_graph, run_graph
from abplat.stats.selection.intervals import (
    CompatibleBound,
    SelectedInterval,
    compatible_bounds,
    fcr_intervals,
    select_bh,
)
from abplat.stats.selection.parametric import StepwiseResult, run_parametric_graph, step_down_dunnett
from abplat.stats.selection.shrinkage import (
    EffectHistory,
    correct_for_significance,
    expected_winners_bias,
    learn_history,
    shrink_to_history,
)

__all__ = [
    "AlphaGraph",
    "CompatibleBound",
    "EffectHistory",
    "GraphResult",
    "SelectedInterval",
    "SharedControl",
    "SimultaneousInterval",
    "StepwiseResult",
    "compatible_bounds",
    "correct_for_significance",
    "dunnett_critical_value",
    "dunnett_p_values",
    "expected_winners_bias",
    "fcr_intervals",
    "gatekeeper_graph",
    "holm_graph",
    "learn_history",
    "run_graph",
    "run_parametric_graph",
    "select_bh",
    "share_control",
    "shrink_to_history",
    "simultaneous_intervals",
    "step_down_dunnett",
]
