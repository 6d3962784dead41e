"""Route that tries a change before it is saved."""

from __future__ import annotations

from typing import Any

from flask import g

from abplat.api.auth import require_key
from abplat.api.definitions import Answer, ApiBlueprint
from abplat.api.schemas.simulations import SimulationRequest, SimulationResponse
from abplat.api.session import current_platform
from abplat.domain.keys import ADMIN
from abplat.domain.roles import ANALYST
from abplat.services import simulations

blueprint = ApiBlueprint(
    "simulations", __name__, url_prefix="/v1/experiments", description="Changes on trial"
)


@blueprint.post("/<key>/simulate")
@require_key(ADMIN, role=ANALYST)
@blueprint.arguments(SimulationRequest)
@blueprint.response(200, SimulationResponse)
@blueprint.doc(operationId="simulate_experiment", summary="Say how much traffic a change would move")
def simulate(trial: dict[str, Any], key: str) -> Answer:
    """Decide units before and after the change and count who moves where; nothing is written."""
    # A session that only reads: nobody who writes has to wait for the trial.
    with current_platform().sessions() as session:
        return simulations.simulate(session, g.key.project_key, key, simulations.parse_trial(trial))
