"""The section of links in the Report, put together."""

from __future__ import annotations

from collections.abc import Sequence

from abplat.analysis.gathered import Gathered
from abplat.analysis.links.forced import list_forced
from abplat.analysis.links.hand_offs import compare_hand_offs
from abplat.analysis.links.latency import time_links
from abplat.analysis.links.mechanism import grade_mechanism
from abplat.analysis.links.mix import split_mix_and_rate
from abplat.analysis.links.shares import share_out
from abplat.analysis.links.shifts import find_abandonment, find_shifts
from abplat.analysis.plan import AnalysisPlan
from abplat.domain.report import LinkDecomposition
from abplat.domain.report_links import LinkSection


def describe_links(
    gathered: Gathered, plan: AnalysisPlan, decompositions: Sequence[LinkDecomposition]
) -> LinkSection:
    """Return all that is said of links beyond the decomposition."""
    return LinkSection(
        shares=share_out(gathered, plan),
        mix=split_mix_and_rate(gathered, plan),
        hand_offs=compare_hand_offs(gathered, plan),
        shifts=find_shifts(gathered, plan),
        latencies=time_links(gathered, plan),
        mechanism=grade_mechanism(plan, decompositions),
        abandonment=find_abandonment(gathered, plan),
        forced=list_forced(gathered, plan),
    )
