"""Who came how far: the exposed customers of each arm, stage by stage, as Sankey diagrams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from abplat.domain.report import Report
from abplat.web import wording
from abplat.web.charts import sankey
from abplat.web.link_rows import stage_title, variant_title


@dataclass(frozen=True, slots=True)
class ReachArm:
    """One arm: its diagram and its column of the table."""

    name: str
    picture: Markup
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReachPanel:
    """All arms, on one scale."""

    stages: tuple[str, ...]
    arms: tuple[ReachArm, ...]


def make_reach(report: Report) -> ReachPanel | None:
    """Draw every arm; None where nobody was exposed or the chain is not known."""
    counts = dict(_counts(report))
    if not counts:
        return None
    names = _names(report)
    arms = tuple(_arm(report, key, names, chain) for key, chain in counts.items())
    return ReachPanel(tuple(names), arms)


def _counts(report: Report) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield how many customers of each arm reached each required stage, the exposed first."""
    control = next((arm.key for arm in report.experiment.variants if arm.is_control), "control")
    length = len(_names(report))
    for index, links in enumerate(report.links):
        if index == 0 and len(links.control_counts) == length and links.control_counts[0]:
            yield control, links.control_counts
        if len(links.treatment_counts) == length and links.treatment_counts[0]:
            yield links.variant, links.treatment_counts


def _names(report: Report) -> list[str]:
    """Return what the places of the chain are called."""
    first = next((links.links for links in report.links if links.links), ())
    return ["Exposed", *(stage_title(report, link.target) for link in first)]


def _arm(report: Report, key: str, names: Sequence[str], chain: Sequence[int]) -> ReachArm:
    """Draw one arm: those who go on above, those who do not below."""
    whole = chain[0]
    last = len(names) - 1
    nodes, flows = [], []
    for place, name in enumerate(names):
        nodes.append(sankey.Node(f"s{place}", place, name, "completed" if place == last else "more"))
    for place in range(last):
        ahead = names[place + 1]
        nodes.append(sankey.Node(f"x{place}", place + 1, f"not to {ahead}", "left"))
        flows.append(sankey.Flow(f"s{place}", f"s{place + 1}", chain[place + 1] / whole, chain[place + 1]))
        gone = chain[place] - chain[place + 1]
        flows.append(sankey.Flow(f"s{place}", f"x{place}", gone / whole, gone))
    shares = [wording.percent(n / whole) for n in chain]
    arm = variant_title(report, key)
    steps = ", ".join(f"{name} {share}" for name, share in zip(names[1:], shares[1:], strict=True))
    sentence = f"{arm}: of {wording.count(whole)} exposed customers reached {steps}."
    cells = tuple(f"{wording.count(n)} ({share})" for n, share in zip(chain, shares, strict=True))
    return ReachArm(arm, sankey.draw(nodes, flows, sentence), cells)
