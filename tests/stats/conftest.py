"""What the tests of the statistics share: published data, seeded arms and a row-level oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from abplat.stats import Moments

_SHARED = Path(__file__).resolve().parents[3] / "shared"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Any]:
    """Read a published data set, or skip where the folder is absent."""

    def read(name: str) -> Any:
        path = _SHARED / "data" / "real" / name
        if not path.exists():
            pytest.skip(f"the data set {name} is not here")
        import pandas as pd

        return pd.read_csv(path)

    return read


@pytest.fixture(scope="session")
def shared_cases() -> Callable[[str], list[dict[str, Any]]]:
    """Read a shared case file, or skip where it is absent."""

    def read(name: str) -> list[dict[str, Any]]:
        import json

        path = _SHARED / "cases" / name
        if not path.exists():
            pytest.skip(f"the case file {name} is not here")
        cases: list[dict[str, Any]] = json.loads(path.read_text())["cases"]
        return cases

    return read


class Arm(NamedTuple):
    """Rows of one arm: outcome, denominator, pre-period outcome and denominator, stratum."""

    y: Any
    d: Any
    x: Any
    xd: Any
    stratum: Any

    def record(self, *columns: str) -> Moments:
        """Return the moment record of all rows."""
        return self._record(np.ones(self.y.size, dtype=bool), columns)

    def strata(self, *columns: str) -> dict[str, Moments]:
        """Return one record per stratum."""
        return {str(s): self._record(self.stratum == s, columns) for s in np.unique(self.stratum)}

    def _record(self, rows: Any, columns: tuple[str, ...]) -> Moments:
        chosen = {name: getattr(self, name)[rows] for name in columns}
        return Moments.from_values(self.y[rows], chosen.get("d"), chosen.get("x"), chosen.get("xd"))


@pytest.fixture
def arms() -> tuple[Arm, Arm]:
    """Make a treatment of 700 and a control of 500 units with everything a metric can need."""
    rng = np.random.default_rng(20_240_229)
    made = []
    for n, lift in ((700, 0.3), (500, 0.0)):
        stratum = rng.integers(0, 3, n)
        xd = 1 + rng.poisson(4, n)
        x = 2 * xd + rng.normal(0, 2, n) + stratum
        d = 1 + rng.poisson(0.7 * xd)
        y = 2 * d + 0.5 * (x - 2 * xd) + rng.normal(0, 1.5, n) + lift + 1.5 * stratum
        made.append(Arm(y, d.astype(float), x, xd.astype(float), stratum))
    return made[0], made[1]
