"""From gathered facts to numbers per customer, for every kind of the metric catalogue."""

from abplat.analysis.metrics.measuring import measure
from abplat.analysis.metrics.rows import (
    UnitRows,
    add_exactly,
    arm_of,
    arms_of,
    make_record,
    sum_cells,
    sum_moments,
)
from abplat.analysis.metrics.samples import SAMPLE_KINDS, Sample, sample_events
from abplat.analysis.metrics.times import TIME_KINDS, spend_times, tabulate_metric, tabulate_risk

__all__ = [
    "SAMPLE_KINDS",
    "TIME_KINDS",
    "Sample",
    "UnitRows",
    "add_exactly",
    "arm_of",
    "arms_of",
    "make_record",
    "measure",
    "sample_events",
    "spend_times",
    "sum_cells",
    "sum_moments",
    "tabulate_metric",
    "tabulate_risk",
]
