"""An OpenFeature provider that decides in this process, with ``track()`` and a hook for exposures.

Needs the package ``openfeature-sdk`` (``pip install abplat-sdk[openfeature]``); no other module of the SDK does.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any

from openfeature.evaluation_context import EvaluationContext
from openfeature.event import ProviderEventDetails
from openfeature.exception import (
    FlagNotFoundError,
    InvalidContextError,
    ProviderNotReadyError,
    TargetingKeyMissingError,
    TypeMismatchError,
)
from openfeature.flag_evaluation import (
    FlagEvaluationDetails,
    FlagResolutionDetails,
    FlagType,
    FlagValueType,
    Reason,
)
from openfeature.hook import Hook, HookContext, HookHints
from openfeature.provider import AbstractProvider, Metadata
from openfeature.track import TrackingEventDetails

from abplat_sdk.client import Client
from abplat_sdk.evaluator import Decision, unready_decision
from abplat_sdk.flags import CHANNEL, metadata_of, reason_of, value_of

__all__ = ["AbplatProvider", "ExposureHook"]


class ExposureHook(Hook):
    """Records an exposure when a flag has been evaluated for a unit that is in the experiment.

    Once per unit, experiment and variant a session, which is the life of the hook. It reads nothing but
    what an evaluation says of itself, so it serves the OFREP provider as well.

    Args:
        client: Takes the exposures.
        capacity: How many are remembered; beyond it the oldest are forgotten, and recorded once more.
    """

    def __init__(self, client: Client, capacity: int = 100_000) -> None:
        self._client = client
        self._capacity = capacity
        self._met: dict[tuple[str, str, str], None] = {}
        self._lock = threading.Lock()

    def after(
        self,
        hook_context: HookContext,
        details: FlagEvaluationDetails[FlagValueType],
        hints: HookHints,  # noqa: ARG002  # OpenFeature names it
    ) -> None:
        """Record the exposure; an evaluation that failed does not come here."""
        found, context = details.flag_metadata, hook_context.evaluation_context
        unit = found.get("contextId") or context.targeting_key
        if found.get("inExperiment") is not True or not isinstance(unit, str) or details.variant is None:
            return
        key = str(found.get("experimentId", details.flag_key))
        if not self._is_new((unit, key, details.variant)):
            return
        reason, version = str(found.get("decisionReason", "split")), str(found.get("version", ""))
        phase = found.get("phase")
        decision = unready_decision(key, unit, reason, version)._replace(
            variant=details.variant, in_experiment=True, phase=phase if isinstance(phase, int) else None
        )
        self._client.expose(decision, channel=_channel_of(context.attributes))

    def _is_new(self, meeting: tuple[str, str, str]) -> bool:
        """Say whether a unit meets a variant for the first time, and remember it."""
        with self._lock:
            if meeting in self._met:
                return False
            if len(self._met) >= self._capacity:
                del self._met[next(iter(self._met))]
            self._met[meeting] = None
            return True


class AbplatProvider(AbstractProvider):
    """Evaluates flags from the configuration that the client holds; nothing here waits but ``initialize``.

    The targeting key is the unit, every other attribute is for targeting, and the attribute ``channel``
    chooses the payload.

    Args:
        client: Decides and records; the provider closes it in ``shutdown``.
        expose: Whether evaluations record exposures. Without it, call ``client.expose`` or add
            ``ExposureHook`` where the variant is really shown.
        ready_seconds: How long ``initialize`` waits for the first configuration.
    """

    def __init__(self, client: Client, *, expose: bool = True, ready_seconds: float = 5.0) -> None:
        super().__init__()
        self._client = client
        self._hooks: list[Hook] = [ExposureHook(client)] if expose else []
        self._ready_seconds = ready_seconds
        self._version = ""
        self._failed = False

    def get_metadata(self) -> Metadata:
        """Return the name of the provider."""
        return Metadata(name="abplat")

    def get_provider_hooks(self) -> list[Hook]:
        """Return the hook that records exposures."""
        return self._hooks

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002  # as above
        """Wait for the first configuration.

        Raises:
            ProviderNotReadyError: If there is none yet. Evaluations begin once the client has one.
        """
        if self._client.evaluator is None:
            self._client.refresh(self._ready_seconds)
        evaluator = self._client.evaluator
        if evaluator is None:
            self._failed = True
            raise ProviderNotReadyError("no configuration yet: check address and key, see client.stats()")
        self._version = evaluator.version

    def shutdown(self) -> None:
        """Send what waits, and stop."""
        self._client.close()

    def track(
        self,
        tracking_event_name: str,
        evaluation_context: EvaluationContext | None = None,
        tracking_event_details: TrackingEventDetails | None = None,
    ) -> None:
        """Record that something happened to the unit of the context."""
        context = evaluation_context or EvaluationContext()
        details = tracking_event_details or TrackingEventDetails()
        self._client.track(
            tracking_event_name,
            context.targeting_key or "",
            details.value,
            details.attributes or None,
            _channel_of(context.attributes),
        )

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001  # OpenFeature's signature
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[bool]:
        """Return the value of a flag that is on or off."""
        return self._resolve(FlagType.BOOLEAN, flag_key, default_value, evaluation_context)

    def resolve_string_details(
        self, flag_key: str, default_value: str, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[str]:
        """Return the text of a flag: its payload, or the key of the variant."""
        return self._resolve(FlagType.STRING, flag_key, default_value, evaluation_context)

    def resolve_integer_details(
        self, flag_key: str, default_value: int, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[int]:
        """Return the whole number of a flag."""
        return self._resolve(FlagType.INTEGER, flag_key, default_value, evaluation_context)

    def resolve_float_details(
        self, flag_key: str, default_value: float, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[float]:
        """Return the number of a flag; a whole one is taken too."""
        return self._resolve(FlagType.FLOAT, flag_key, default_value, evaluation_context)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """Return the object or list of a flag."""
        return self._resolve(FlagType.OBJECT, flag_key, default_value, evaluation_context)

    def _resolve(
        self, kind: FlagType, key: str, default: Any, context: EvaluationContext | None
    ) -> FlagResolutionDetails[Any]:
        """Decide, and find the value of the variant."""
        if context is None or not context.targeting_key:
            raise TargetingKeyMissingError("say for whom: the targeting key is the unit, such as cust:7")
        channel = _channel_of(context.attributes)
        decision = self._client.decide(key, context.targeting_key, context.attributes, channel=channel)
        evaluator = self._client.evaluator
        experiment = None if evaluator is None else evaluator.find(key)
        if evaluator is None or experiment is None or decision.variant is None:
            raise _make_error(decision)
        if decision.reason == "invalid_unit":
            raise _make_error(decision)
        self._note_version(decision.config_version)
        return FlagResolutionDetails(
            value=_fit(kind, value_of(decision, experiment, channel), default),
            reason=Reason(reason_of(decision)),
            variant=decision.variant,
            flag_metadata=metadata_of(decision, evaluator.configuration.project),
        )

    def _note_version(self, version: str) -> None:
        """Tell whoever listens that the configuration has come, or is another one now."""
        if version == self._version:
            return
        self._version, had_failed = version, self._failed
        self._failed = False
        details = ProviderEventDetails(message=f"configuration {version}")
        if had_failed:
            self.emit_provider_ready(details)
        else:
            self.emit_provider_configuration_changed(details)


def _channel_of(attributes: Mapping[str, Any]) -> str | None:
    """Return the channel that a context names."""
    channel = attributes.get(CHANNEL)
    return channel if isinstance(channel, str) else None


def _make_error(decision: Decision) -> Exception:
    """Return the error for a decision that names no variant."""
    if decision.reason == "not_ready":
        return ProviderNotReadyError("there is no configuration yet")
    if decision.reason == "invalid_unit":
        return InvalidContextError("the targeting key must be a text of 1 to 256 characters")
    return FlagNotFoundError(f"there is no flag {decision.key!r}")


def _fit(kind: FlagType, value: Any, default: Any) -> Any:
    """Return a value as the kind asked for; the default where the variant leaves it to the code."""
    if value is None:
        return default
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is FlagType.FLOAT and is_number:
        return float(value)
    wanted: dict[FlagType, bool] = {
        FlagType.BOOLEAN: isinstance(value, bool),
        FlagType.STRING: isinstance(value, str),
        FlagType.INTEGER: is_number and isinstance(value, int),
        FlagType.OBJECT: isinstance(value, (dict, list)),
    }
    if not wanted.get(kind, False):
        raise TypeMismatchError(f"the value is of type {type(value).__name__}, not {kind.value.lower()}")
    return value
