"""What names an experiment as the planner sees it, so that an older plan is not taken for one of it."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.services import plans

_UNPLANNED: Final = frozenset({"title", "owner", "hypothesis", "schedule"})
"""Fields that a plan does not hang on."""


def take(session: Session, row: Experiment) -> str:
    """Return a hash over everything that a plan hangs on."""
    plan = plans.build_plan(session, row)
    experiment = plan["experiment"]
    seen = {name: value for name, value in experiment.items() if name not in _UNPLANNED}
    weights = [each["weight"] for each in experiment["variants"]]
    return plans.hash_plan({**plan, "experiment": {**seen, "variants": weights}})
