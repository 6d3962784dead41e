"""The parts of the result page that say nothing but the stored report: drawn once for each report.

A report never changes and is named by the hash of its bytes, so what was drawn of it stays right for
good. Pages of the same report share it; the parts that follow the reader, the life of the experiment or
the present are drawn every time.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final, NamedTuple

from flask import current_app
from markupsafe import Markup

from abplat.domain.report import Report
from abplat.web.conflicts import ConflictPanel, list_conflict_panels
from abplat.web.debug import DebugRow, EstimateTable, list_debug_rows, list_queries, make_estimates
from abplat.web.link_rows import LinkTable, list_link_tables
from abplat.web.path_map import PathMap, make_map
from abplat.web.reach import ReachPanel, make_reach
from abplat.web.sampled import SampleTable, make_samples
from abplat.web.sections import Section, list_sections
from abplat.web.timing import Endings, Timing, make_endings, make_timing

MOST: Final = 24
"""Reports whose parts are kept; a few hundred kilobytes each."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The values of these parts."""

    conflicts: tuple[ConflictPanel, ...]
    links: tuple[LinkTable, ...]
    maps: tuple[PathMap, ...]
    reach: ReachPanel | None
    timing: Timing | None
    endings: Endings | None
    sections: tuple[Section, ...]
    debug: tuple[DebugRow, ...]
    estimates: EstimateTable | None
    samples: SampleTable | None
    queries: tuple[tuple[str, str], ...]
    has_many_variants: bool
    """Whether a row has to say which variant it is of."""


class Drawn(NamedTuple):
    """The same, ready to be laid into a page."""

    way: Markup
    """Touchpoints against the journey, the links, who came how far, the map."""
    rest: Markup
    """How long it takes, how journeys ended, and every further part."""
    numbers: Markup
    """The fold for those who check them."""


def make_parts(report: Report) -> Parts:
    """Turn a report into the values of these parts."""
    treatments = [arm for arm in report.experiment.variants if not arm.is_control]
    maps = (make_map(report, arm.key, arm.title) for arm in treatments)
    return Parts(
        conflicts=list_conflict_panels(report),
        links=list_link_tables(report),
        maps=tuple(found for found in maps if found is not None),
        reach=make_reach(report),
        timing=make_timing(report),
        endings=make_endings(report),
        sections=list_sections(report),
        debug=list_debug_rows(report),
        estimates=make_estimates(report),
        samples=make_samples(report),
        queries=list_queries(report),
        has_many_variants=len(treatments) > 1,
    )


class Shelf:
    """What was drawn of the reports that were looked at last; safe for threads."""

    def __init__(self, most: int = MOST) -> None:
        """Keep so many at most."""
        self._most = most
        self._kept: OrderedDict[str, Drawn] = OrderedDict()
        self._lock = threading.Lock()

    def draw(self, report: Report, report_hash: str) -> Drawn:
        """Return what is drawn of a report; called within an app.

        Args:
            report: The report.
            report_hash: The hash of its bytes, by which it is known again.
        """
        with self._lock:
            found = self._kept.get(report_hash)
            if found is not None:
                self._kept.move_to_end(report_hash)
                return found
        made = _draw(report)  # outside the lock: at worst two readers draw the same
        with self._lock:
            self._kept[report_hash] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._kept)


def _draw(report: Report) -> Drawn:
    """Lay the parts out."""
    parts = make_parts(report)
    names = ("result_way.html", "result_rest.html", "result_numbers.html")
    pages = (current_app.jinja_env.get_template(name).render(parts=parts) for name in names)
    return Drawn(*(Markup(page) for page in pages))  # noqa: S704  # our own templates, which escape


SHELF: Final = Shelf()
