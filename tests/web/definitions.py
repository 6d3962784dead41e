"""The definitions of the project that the reports of the factory belong to."""

from __future__ import annotations

from typing import Any

from tests.web.page_app import JOURNEY
from tests.web.report_arms import CHANNELS


def make_definitions(*experiments: str) -> dict[str, Any]:
    """Describe the project with a draft of each key."""
    metric = {
        "key": "completed",
        "title": "Completed",
        "owner": "Ada",
        "kind": "completion",
        "journey": "buy",
        "direction": "up",
    }
    journey = {key: value for key, value in JOURNEY.items() if key != "version"}
    return {
        "project": {"key": "shop", "title": "Outdoor shop"},
        "channels": [{"key": key, "title": key} for key in CHANNELS],
        "journeys": [journey],
        "metrics": [metric],
        "experiments": [_experiment(key) for key in experiments],
    }


def _experiment(key: str) -> dict[str, Any]:
    """Describe one draft."""
    return {
        "key": key, "title": f"Quote form {key}", "owner": "Ada", "hypothesis": "It helps.", "journey": "buy",
        "unit_type": "cust", "variants": [{"key": "control", "weight": 5000}, {"key": "treatment", "weight": 5000}],
        "metrics": [{"metric": "completed", "role": "primary"}], "horizon": "7d",
    }  # fmt: skip
