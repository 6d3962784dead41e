"""Pure numbers on moment records and risk tables: no database, no web, no pandas.

Counts and sums go in (:class:`Moments`, :class:`RiskTable`), frozen results come out; where a
number would be a lie the answer is :class:`NotComputable` with its reason.
"""

from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.conflict import TouchpointConflict, find_conflicts
from abplat.stats.estimator import compare, compare_rows
from abplat.stats.links import (
    ChannelPart,
    GailSimon,
    Link,
    LinkDecomposition,
    MixAndRate,
    decompose_links,
    decompose_mix_and_rate,
    gail_simon,
)
from abplat.stats.margins import Equivalence, MarginTest, check_equivalence, check_margin
from abplat.stats.moments import Moments, Strata
from abplat.stats.multiplicity import adjust_p_values
from abplat.stats.result import Computed, NotComputable
from abplat.stats.sample_ratio import (
    SampleRatioCheck,
    SequentialSampleRatioCheck,
    check_sample_ratio,
    check_sample_ratio_sequentially,
)
from abplat.stats.survival import (
    LogRank,
    RestrictedMean,
    RestrictedMeanComparison,
    RiskTable,
    SurvivalCurve,
    compare_restricted_means,
    kaplan_meier,
    log_rank,
    restricted_mean,
)
from abplat.stats.verdict import Decision, Goal, Guardrail, VerdictPlan, decide_verdict, judge_effect

__all__ = [
    "ChannelPart",
    "Comparison",
    "ComparisonPlan",
    "Computed",
    "Decision",
    "Equivalence",
    "GailSimon",
    "Goal",
    "Guardrail",
    "Link",
    "LinkDecomposition",
    "LogRank",
    "MarginTest",
    "MixAndRate",
    "Moments",
    "NotComputable",
    "RestrictedMean",
    "RestrictedMeanComparison",
    "RiskTable",
    "SampleRatioCheck",
    "SequentialSampleRatioCheck",
    "Strata",
    "SurvivalCurve",
    "TouchpointConflict",
    "VerdictPlan",
    "adjust_p_values",
    "check_equivalence",
    "check_margin",
    "check_sample_ratio",
    "check_sample_ratio_sequentially",
    "compare",
    "compare_restricted_means",
    "compare_rows",
    "decide_verdict",
    "decompose_links",
    "decompose_mix_and_rate",
    "find_conflicts",
    "gail_simon",
    "judge_effect",
    "kaplan_meier",
    "log_rank",
    "restricted_mean",
]
