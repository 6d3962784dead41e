"""Pure numbers on moment records and risk tables: no database, no web, no pandas.

Counts and sums go in (:class:`Moments`, :class:`RiskTable`), frozen results come out; where a
number would be a lie the answer is :class:`NotComputable` with its reason.
"""

from abplat.stats.bins import check_bins, choose_bin_width
from abplat.stats.breakdown import Breakdown, BreakdownPlan, BreakdownRow, break_down
from abplat.stats.capping import (
    Cap,
    CappedComparison,
    choose_cap,
    choose_cap_from_histogram,
    choose_ratio_caps,
    weigh_cap,
)
from abplat.stats.cluster_totals import ClusterTotals, SwitchbackPlan, read_switchback
from abplat.stats.clusters import ClusterComparison, ClusterPlan, compare_clusters
from abplat.stats.columns import select_columns
from abplat.stats.comparison import Comparison, ComparisonPlan
from abplat.stats.competing import CauseTable, CumulativeIncidence, compare_incidence, cumulative_incidence
from abplat.stats.conflict import TouchpointConflict, find_conflicts
from abplat.stats.counts import CountComparison, compare_counts, measure_dispersion
from abplat.stats.covariates import (
    CovariateBalance,
    FilledCovariates,
    check_covariate_balance,
    fill_missing_covariates,
)
from abplat.stats.cox import CoxFit, fit_cox
from abplat.stats.display import attach_displays, to_html
from abplat.stats.estimator import compare, compare_rows
from abplat.stats.evidence import Decision, Evidence, Goal, Guardrail, VerdictPlan
from abplat.stats.exact import boschloo_p
from abplat.stats.frames import moments_from_frame, risk_tables_from_frame
from abplat.stats.heterogeneity import (
    Heterogeneity,
    ShrunkenEffect,
    check_additivity,
    check_heterogeneity,
    shrink_effects,
)
from abplat.stats.histogram import LogHistogram, bucket_of
from abplat.stats.interference import (
    AssignmentDependence,
    ExperimentInteraction,
    check_assignment_dependence,
    check_interaction,
)
from abplat.stats.links import CAPTION, Link, LinkDecomposition, decompose_links
from abplat.stats.log_rank import LogRank, log_rank
from abplat.stats.margins import (
    Equivalence,
    MarginTest,
    check_equivalence,
    check_margin,
    check_restricted_mean_margin,
)
from abplat.stats.mix import ChannelPart, MixAndRate, decompose_mix_and_rate
from abplat.stats.moments import Moments, Strata
from abplat.stats.multiplicity import adjust_p_values
from abplat.stats.novelty import (
    AgeRow,
    EffectTrend,
    NoveltyCheck,
    NoveltyPlan,
    check_novelty,
    fit_trend,
    split_looks,
)
from abplat.stats.ordinal import (
    OddsComparison,
    OrdinalComparison,
    compare_net_promoter,
    compare_odds,
    compare_ordinal,
)
from abplat.stats.proportionality import Proportionality, check_proportionality
from abplat.stats.proportions import (
    ProportionInterval,
    pooled_z_test,
    proportion_interval,
    ratio_interval,
)
from abplat.stats.quantiles import (
    Quantile,
    QuantileLevels,
    compare_quantiles,
    count_below,
    estimate_quantile,
    find_quantile_levels,
    read_quantile,
)
from abplat.stats.rates import RateRatio, RateTable, compare_rates, e_test_p
from abplat.stats.ratio_health import (
    DenominatorCheck,
    ManskiBounds,
    MissingnessCheck,
    bound_effect,
    check_denominator,
    check_missingness,
)
from abplat.stats.result import Computed, NotComputable
from abplat.stats.risk_table import RiskTable
from abplat.stats.sample_ratio import (
    SampleRatioCheck,
    SequentialSampleRatioCheck,
    check_sample_ratio,
    check_sample_ratio_sequentially,
)
from abplat.stats.sample_ratio_by import SampleRatioBreakdown, SampleRatioRow, check_sample_ratio_by
from abplat.stats.scores import (
    ResponseCheck,
    ScoreBounds,
    Scores,
    WeightedScores,
    bound_scores,
    check_response,
    weigh_scores,
)
from abplat.stats.skew import SkewCheck, check_skew
from abplat.stats.subgroups import GailSimon, gail_simon
from abplat.stats.survival import (
    RestrictedMean,
    RestrictedMeanComparison,
    SurvivalCurve,
    compare_restricted_means,
    kaplan_meier,
    restricted_mean,
)
from abplat.stats.tables import Table
from abplat.stats.verdict import decide_verdict, judge_effect
from abplat.stats.verdict_table import VERDICT_TABLE, VerdictRow
from abplat.stats.wording import EffectLike

__all__ = [
    "CAPTION",
    "VERDICT_TABLE",
    "AgeRow",
    "AssignmentDependence",
    "Breakdown",
    "BreakdownPlan",
    "BreakdownRow",
    "Cap",
    "CappedComparison",
    "CauseTable",
    "ChannelPart",
    "ClusterComparison",
    "ClusterPlan",
    "ClusterTotals",
    "Comparison",
    "ComparisonPlan",
    "Computed",
    "CountComparison",
    "CovariateBalance",
    "CoxFit",
    "CumulativeIncidence",
    "Decision",
    "DenominatorCheck",
    "EffectLike",
    "EffectTrend",
    "Equivalence",
    "Evidence",
    "ExperimentInteraction",
    "FilledCovariates",
    "GailSimon",
    "Goal",
    "Guardrail",
    "Heterogeneity",
    "Link",
    "LinkDecomposition",
    "LogHistogram",
    "LogRank",
    "ManskiBounds",
    "MarginTest",
    "MissingnessCheck",
    "MixAndRate",
    "Moments",
    "NotComputable",
    "NoveltyCheck",
    "NoveltyPlan",
    "OddsComparison",
    "OrdinalComparison",
    "ProportionInterval",
    "Proportionality",
    "Quantile",
    "QuantileLevels",
    "RateRatio",
    "RateTable",
    "ResponseCheck",
    "RestrictedMean",
    "RestrictedMeanComparison",
    "RiskTable",
    "SampleRatioBreakdown",
    "SampleRatioCheck",
    "SampleRatioRow",
    "ScoreBounds",
    "Scores",
    "SequentialSampleRatioCheck",
    "ShrunkenEffect",
    "SkewCheck",
    "Strata",
    "SurvivalCurve",
    "SwitchbackPlan",
    "Table",
    "TouchpointConflict",
    "VerdictPlan",
    "VerdictRow",
    "WeightedScores",
    "adjust_p_values",
    "boschloo_p",
    "bound_effect",
    "bound_scores",
    "break_down",
    "bucket_of",
    "check_additivity",
    "check_assignment_dependence",
    "check_bins",
    "check_covariate_balance",
    "check_denominator",
    "check_equivalence",
    "check_heterogeneity",
    "check_interaction",
    "check_margin",
    "check_missingness",
    "check_novelty",
    "check_proportionality",
    "check_response",
    "check_restricted_mean_margin",
    "check_sample_ratio",
    "check_sample_ratio_by",
    "check_sample_ratio_sequentially",
    "check_skew",
    "choose_bin_width",
    "choose_cap",
    "choose_cap_from_histogram",
    "choose_ratio_caps",
    "compare",
    "compare_clusters",
    "compare_counts",
    "compare_incidence",
    "compare_net_promoter",
    "compare_odds",
    "compare_ordinal",
    "compare_quantiles",
    "compare_rates",
    "compare_restricted_means",
    "compare_rows",
    "count_below",
    "cumulative_incidence",
    "decide_verdict",
    "decompose_links",
    "decompose_mix_and_rate",
    "e_test_p",
    "estimate_quantile",
    "fill_missing_covariates",
    "find_conflicts",
    "find_quantile_levels",
    "fit_cox",
    "fit_trend",
    "gail_simon",
    "judge_effect",
    "kaplan_meier",
    "log_rank",
    "measure_dispersion",
    "moments_from_frame",
    "pooled_z_test",
    "proportion_interval",
    "ratio_interval",
    "read_quantile",
    "read_switchback",
    "restricted_mean",
    "risk_tables_from_frame",
    "select_columns",
    "shrink_effects",
    "split_looks",
    "to_html",
    "weigh_cap",
    "weigh_scores",
]

attach_displays([globals()[name] for name in __all__])
