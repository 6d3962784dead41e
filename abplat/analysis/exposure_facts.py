"""The exposures of experiments as columns, read from a snapshot in one pass for all that are asked for."""

# ruff: noqa: S608 -- queries are made of our own names and of quoted texts
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.exposed import INHERITED, OVERRIDE, ExposureFacts
from abplat.analysis.journeys.encode import code
from abplat.facts.engines.duckdb import literal
from abplat.facts.engines.sources import Sources

_TEXTS = ("variant", "channel", "sdk", "reason")


class ExposureReader:
    """Reads exposures; experiments that are named beforehand are read together."""

    def __init__(self, sources: Sources) -> None:
        """Have read nothing yet."""
        self._sources = sources
        self._expected: set[str] = set()
        self._read: dict[str, ExposureFacts] = {}

    def expect(self, experiments: Iterable[str]) -> None:
        """Name experiments that will be asked for."""
        self._expected |= set(experiments)

    def facts(self, experiment: str, drawn: str | None = None) -> ExposureFacts:
        """Return the exposures of one experiment, in the order of time and event id; each is read once.

        Args:
            experiment: Its key.
            drawn: Type of the ids of the groups that were drawn; None where customers were.
        """
        if experiment not in self._read:
            self._read |= self._read_all(sorted({experiment, *self._expected} - set(self._read)))
        found = self._read.pop(experiment)
        if drawn is None:
            return found
        cluster, clusters = self._clusters(experiment, drawn)
        return replace(found, cluster=cluster, clusters=clusters)

    def _order(self) -> str:
        """Return what puts rows in order, where they do not lie in it."""
        return "" if self._sources.lies_in_order("exposure") else " ORDER BY ts_us, event_id"

    def _read_all(self, experiments: Sequence[str]) -> dict[str, ExposureFacts]:
        """Read the exposures of some experiments."""
        listed = ", ".join(map(literal, experiments))
        columns = ", ".join(_TEXTS)
        met = self._sources.connection.execute(
            f"SELECT experiment, {columns} FROM exposures WHERE experiment IN ({listed}) GROUP BY ALL"
        ).fetchall()
        names = {name: _names(row[place] for row in met) for place, name in enumerate(_TEXTS, 1)}
        codes = ", ".join(f"{_place(name, found)} AS {name}" for name, found in names.items())
        found = self._fetch(
            f"SELECT actor_code, ts_us, {_place('experiment', experiments)} AS experiment, {codes}, "
            f"coalesce(phase, -1) AS phase FROM exposures WHERE experiment IN ({listed}){self._order()}"
        )
        facts = {}
        for place, key in enumerate(experiments):
            rows = np.flatnonzero(found["experiment"] == place)
            own = {name: _names(row[at] for row in met if row[0] == key) for at, name in enumerate(_TEXTS, 1)}
            facts[key] = _make_facts({name: column[rows] for name, column in found.items()}, names, own)
        return facts

    def _clusters(self, experiment: str, drawn: str) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Return the group of each exposure as a position among all groups, -1 for none."""
        own = f"CASE WHEN starts_with(actor, {literal(drawn + ':')}) THEN actor END"
        found = self._sources.connection.execute(
            f"SELECT coalesce(cluster, {own}) FROM exposures WHERE experiment = {literal(experiment)}{self._order()}"
        ).fetchall()
        return code(cluster for (cluster,) in found)

    def _fetch(self, query: str) -> dict[str, Any]:
        """Return the columns of a query, in which nothing is missing."""
        found = self._sources.connection.execute(query).fetchnumpy()
        return {name: np.ma.getdata(column) for name, column in found.items()}


def _make_facts(
    found: dict[str, Any], names: dict[str, list[str]], own: dict[str, list[str]]
) -> ExposureFacts:
    """Return the exposures of one experiment, with names of its own."""
    codes = {name: _renumber(found[name], names[name], own[name]) for name in _TEXTS}
    reasons = np.array([*own["reason"], ""], object)
    return ExposureFacts(
        code=np.asarray(found["actor_code"], np.int64),
        ts=np.asarray(found["ts_us"], np.int64),
        variant=codes["variant"],
        variants=tuple(own["variant"]),
        channel=codes["channel"],
        channels=tuple(own["channel"]),
        sdk=codes["sdk"],
        sdks=tuple(own["sdk"]),
        phase=np.asarray(found["phase"], np.int64),
        by_hand=np.asarray(reasons == OVERRIDE, bool)[codes["reason"]],
        inherited=np.isin(reasons, list(INHERITED))[codes["reason"]],
    )


def _renumber(codes: Any, names: Sequence[str], own: Sequence[str]) -> NDArray[np.int32]:
    """Return positions in ``own`` for positions in ``names``; -1 stays."""
    place = {name: at for at, name in enumerate(own)}
    return np.asarray(np.array([*(place.get(name, -1) for name in names), -1], np.int32)[codes])


def _names(texts: Iterable[str | None]) -> list[str]:
    """Return the different texts, sorted."""
    return sorted({text for text in texts if text is not None})


def _place(column: str, names: Sequence[str]) -> str:
    """Return the SQL for the position of a text among some names, -1 for none."""
    cases = " ".join(f"WHEN {literal(name)} THEN {place}" for place, name in enumerate(names))
    return f"(CASE {column} {cases} ELSE -1 END)::INTEGER" if names else "(-1)::INTEGER"
