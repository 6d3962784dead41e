"""The paths section of a Report: where customers really walked, arm by arm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np

from abplat import stats
from abplat.analysis.counted import list_counted
from abplat.analysis.deviating import list_deviations, list_rework
from abplat.analysis.effects import plain
from abplat.analysis.gathered import Gathered, IntArray, WalkedJourney
from abplat.analysis.journeys.results import STATUSES
from abplat.analysis.journeys.steps import JourneySteps
from abplat.analysis.plan import AnalysisPlan
from abplat.analysis.shares import Counted, compare_counted, fields_of
from abplat.domain.report_paths import Flow, PathRow, PathsSection, PathTest, Transition

TOP_PATHS: Final = 10
TOP_TRANSITIONS: Final = 20
TOP_NODES: Final = 8
MAX_STEPS: Final = 8
MORE: Final = "more"
OTHER: Final = "other"
NONE: Final = "none"
ANY: Final = "any"
Path = tuple[tuple[str, ...], str]
"""Channels, and how the journey ended."""


@dataclass(frozen=True, slots=True)
class _Walks:
    """The paths of the mature customers of one arm.

    Attributes:
        n: Mature customers.
        first: Per path the customers whose first journey took it; those without a journey too.
        journeys: Per path the journeys that took it.
    """

    n: int
    first: Counter[Path]
    journeys: Counter[Path]


def draw_paths(gathered: Gathered, plan: AnalysisPlan) -> PathsSection | None:
    """Describe the paths of each arm and compare them.

    Every mature customer takes one path, that of the first journey, so shares are over the
    customers that were drawn and may be compared.
    """
    walked = gathered.walked[plan.journey["key"]]
    if walked.steps is None or not gathered.mature.any():
        return None
    arms = _walk(gathered, walked, walked.steps, len(plan.variants))
    keys = [variant.key for variant in plan.variants]
    return PathsSection(
        tests=tuple(_test(keys[place], arm, arms[0]) for place, arm in enumerate(arms) if place),
        paths=tuple(
            row for place in range(1, len(arms)) for row in _list_paths(keys[place], arms, place, plan.alpha)
        ),
        transitions=tuple(
            row
            for place in range(1, len(arms))
            for row in _list_transitions(keys[place], arms, place, plan.alpha)
        ),
        flows=_list_flows(keys, arms),
        deviations=list_deviations(gathered, plan, walked),
        rework=list_rework(gathered, plan, walked),
    )


def _walk(gathered: Gathered, walked: WalkedJourney, steps: JourneySteps, n_variants: int) -> list[_Walks]:
    """Count the paths of every arm."""
    counted = list_counted(gathered, walked)
    kind = steps.path[counted.rows] * len(STATUSES) + walked.journeys.status[counted.rows]
    is_first = np.diff(counted.unit, prepend=-1) != 0
    found = []
    for place in range(n_variants):
        n, mine = int(np.count_nonzero(gathered.arm(place))), counted.arm == place
        first = _count_paths(walked, steps, kind[mine & is_first])
        without = n - first.total()
        if without:
            first[(), NONE] = without
        found.append(_Walks(n, first, _count_paths(walked, steps, kind[mine])))
    return found


def _count_paths(walked: WalkedJourney, steps: JourneySteps, kind: IntArray) -> Counter[Path]:
    """Count journeys by path and ending, which their kind stands for."""
    counts = np.bincount(kind)
    found: Counter[Path] = Counter()
    for each in np.flatnonzero(counts).tolist():
        path, status = divmod(each, len(STATUSES))
        found[name_path(steps.paths[path], walked.channels), STATUSES[status]] += int(counts[each])
    return found


def name_path(path: Sequence[int], channels: Sequence[str]) -> tuple[str, ...]:
    """Return the channels of a path; of a long one the first, and that there are more.

    Examples:
        >>> name_path([1, 0], ["app", "web"])
        ('web', 'app')
    """
    named = tuple(channels[code] for code in path[:MAX_STEPS])
    return (*named, MORE) if len(path) > MAX_STEPS else named


def _key(path: Path) -> str:
    """Return one text per path, for tables and for the order of equals."""
    return " > ".join((*path[0], f"({path[1]})"))


def _test(variant: str, arm: _Walks, control: _Walks) -> PathTest:
    """Test whether two arms walk different paths."""
    found = stats.compare_distributions(
        {_key(path): n for path, n in arm.first.items()}, {_key(path): n for path, n in control.first.items()}
    )
    if isinstance(found, stats.NotComputable):
        return PathTest(
            variant=variant,
            statistic=None,
            p_value=None,
            n_draws=0,
            n_paths=0,
            n_pooled=0,
            reason=found.reason,
        )
    return PathTest(
        variant=variant,
        statistic=plain(found.statistic),
        p_value=plain(found.p_value),
        n_draws=found.n_draws,
        n_paths=found.n_categories,
        n_pooled=found.n_pooled,
    )


def _top(pooled: Mapping[Path, int], n: int) -> list[Path]:
    """Return the most frequent paths of all arms together, so that no arm chooses what is shown."""
    return sorted(pooled, key=lambda path: (-pooled[path], _key(path)))[:n]


def _pool(counts: Sequence[Counter[Path]]) -> Counter[Path]:
    """Add up the counts of all arms."""
    pooled: Counter[Path] = Counter()
    for each in counts:
        pooled.update(each)
    return pooled


def _list_paths(variant: str, arms: Sequence[_Walks], place: int, alpha: float) -> list[PathRow]:
    """Write the most frequent paths and all others together."""
    listed = _top(_pool([arm.first for arm in arms]), TOP_PATHS)
    control, arm = arms[0], arms[place]
    counted = [Counted(control.first[path], control.n, arm.first[path], arm.n) for path in listed]
    rest = Counted(
        control.n - sum(each.control for each in counted),
        control.n,
        arm.n - sum(each.treatment for each in counted),
        arm.n,
    )
    rows = compare_counted(variant, counted, alpha)
    found = [
        PathRow(**fields_of(row), path=path[0], ending=path[1], **_shares(each))
        for path, each, row in zip(listed, counted, rows, strict=True)
    ]
    if rest.control or rest.treatment:
        [row] = compare_counted(variant, [rest], alpha)
        named = {**fields_of(row), "p_adjusted": None}
        found.append(PathRow(**named, path=(OTHER,), ending=ANY, is_other=True, **_shares(rest)))
    return found


def _shares(counted: Counted) -> dict[str, Any]:
    """Return counts and shares of both arms."""
    return {
        "n_control": counted.control,
        "n_treatment": counted.treatment,
        "share_control": counted.control / counted.n_control if counted.n_control else None,
        "share_treatment": counted.treatment / counted.n_treatment if counted.n_treatment else None,
    }


def _list_transitions(variant: str, arms: Sequence[_Walks], place: int, alpha: float) -> list[Transition]:
    """Count the customers who made each move on their first journey."""
    moves = [_count_moves(arm.first) for arm in (arms[0], arms[place])]
    pooled = Counter(moves[0])
    pooled.update(moves[1])
    listed = sorted(pooled, key=lambda move: (-pooled[move], move))[:TOP_TRANSITIONS]
    counted = [Counted(moves[0][move], arms[0].n, moves[1][move], arms[place].n) for move in listed]
    return [
        Transition(
            **fields_of(row),
            source=move[0],
            target=move[1],
            n_control=each.control,
            n_treatment=each.treatment,
        )
        for move, each, row in zip(listed, counted, compare_counted(variant, counted, alpha), strict=True)
    ]


def _count_moves(first: Counter[Path]) -> Counter[tuple[str, str]]:
    """Count customers by the moves that their path contains, each once."""
    moves: Counter[tuple[str, str]] = Counter()
    for (path, ending), n in first.items():
        for move in set(pairwise((*path, f"({ending})"))):
            moves[move] += n
    return moves


def _list_flows(keys: Sequence[str], arms: Sequence[_Walks]) -> tuple[Flow, ...]:
    """Write the bands of the Sankey diagram of each arm, over all journeys."""
    known = _frequent_nodes(arms)
    found = []
    for key, arm in zip(keys, arms, strict=True):
        bands: Counter[tuple[int, str, str]] = Counter()
        for (path, ending), n in arm.journeys.items():
            nodes = [node if node in known else OTHER for node in path]
            for step, (source, target) in enumerate(pairwise((*nodes, f"({ending})"))):
                bands[step, source, target] += n
        found += [
            Flow(variant=key, step=step, source=source, target=target, n=n)
            for (step, source, target), n in sorted(bands.items())
        ]
    return tuple(found)


def _frequent_nodes(arms: Sequence[_Walks]) -> set[str]:
    """Return the channels that have a node of their own in every arm's diagram."""
    counts: Counter[str] = Counter()
    for arm in arms:
        for (path, _), n in arm.journeys.items():
            for node in set(path):
                counts[node] += n
    return {*sorted(counts, key=lambda node: (-counts[node], node))[:TOP_NODES], MORE}
