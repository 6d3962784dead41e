"""A decision as OpenFeature sees it: value, reason and metadata, the same from the service and in-process.

The key of an experiment is the key of a flag, a variant is a variant. Where the variants carry payloads
for the channel of the call, the payload is the value; where none does, the key of the variant is.
"""

from __future__ import annotations

from typing import Any

from abplat_sdk.document import Experiment
from abplat_sdk.evaluator import Decision

CHANNEL = "channel"
"""Attribute of an evaluation context that names the channel of the call."""

_REASONS = {"split": "SPLIT", "pinned": "SPLIT", "override": "TARGETING_MATCH", "off": "DISABLED"}


def reason_of(decision: Decision) -> str:
    """Return OpenFeature's word for why a variant was chosen.

    Examples:
        >>> from abplat_sdk.evaluator import unready_decision
        >>> reason_of(unready_decision("form", "cust:1", "holdout"))
        'STATIC'
    """
    return _REASONS.get(decision.reason, "STATIC")


def metadata_of(decision: Decision, project: str) -> dict[str, bool | int | float | str]:
    """Return what is said about an evaluation beside its value; only flat values, as clients drop others.

    An exposure may be recorded only where ``inExperiment`` is true.
    """
    found: dict[str, bool | int | float | str] = {
        "experimentId": decision.key,
        "inExperiment": decision.in_experiment,
        "decisionReason": decision.reason,
        "version": decision.config_version,
        "contextId": decision.unit,
        "flagSetId": project,
    }
    if decision.bucket is not None:
        found["bucket"] = decision.bucket
    if decision.phase is not None:
        found["phase"] = decision.phase
    return found


def has_payloads(experiment: Experiment, channel: str | None) -> bool:
    """Say whether any variant carries a payload for a channel."""
    return channel is not None and any(
        variant.payloads.get(channel) is not None for variant in experiment.variants
    )


def value_of(decision: Decision, experiment: Experiment, channel: str | None) -> Any:
    """Return the value of a flag; None where the variant leaves it to the default in the code.

    A variant without a payload beside others with one must not answer its key: that is a value of
    another type, which clients take for an error and report no exposure for, in this arm alone.
    """
    return decision.payload if has_payloads(experiment, channel) else decision.variant
