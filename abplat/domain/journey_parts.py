"""The parts of a journey definition: frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Ordering: TypeAlias = Literal["ordered", "strict", "any"]
Reentry: TypeAlias = Literal["after_end", "once", "restart"]
PropValue: TypeAlias = str | int | float | bool

ORDERINGS: tuple[Ordering, ...] = ("ordered", "strict", "any")
REENTRIES: tuple[Reentry, ...] = ("after_end", "once", "restart")
MAX_STAGES = 63
"""A set of stages is kept as the bits of one signed 64-bit integer."""
MAX_EXCLUDES = 63


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on one event: name, and optionally channels and properties. All parts must hold."""

    event: str
    channels: tuple[str, ...] | None = None
    props: tuple[tuple[str, tuple[PropValue, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A named place on the journey, reached by an event that any of its matchers accepts."""

    key: str
    match: tuple[Matcher, ...]
    title: str = ""
    optional: bool = False
    within_us: int | None = None
    lifecycle: str | None = None
    moment_of_truth: bool = False
    department: str | None = None


@dataclass(frozen=True, slots=True)
class Exclude:
    """Events that end a journey at or past stage ``after`` and before stage ``before`` (positions)."""

    match: tuple[Matcher, ...]
    after: int = 0
    before: int | None = None


@dataclass(frozen=True, slots=True)
class JourneyDefinition:
    """One version of a journey. Durations are whole microseconds of elapsed time."""

    key: str
    stages: tuple[Stage, ...]
    window_us: int
    title: str = ""
    owner: str | None = None
    version: int = 1
    personas: tuple[str, ...] = ()
    ordering: Ordering = "ordered"
    inactivity_us: int | None = None
    reentry: Reentry = "after_end"
    exclude: tuple[Exclude, ...] = ()
    correlate_by: str | None = None
    scope: tuple[str, ...] | None = None
    lateness_us: int = 0

    @property
    def stage_keys(self) -> tuple[str, ...]:
        """Return the keys of the stages in the order of the definition."""
        return tuple(stage.key for stage in self.stages)

    @property
    def required_keys(self) -> tuple[str, ...]:
        """Return the keys of the stages that are not optional: the chain of links."""
        return tuple(stage.key for stage in self.stages if not stage.optional)

    @property
    def reads_props(self) -> bool:
        """Return whether some matcher looks at properties."""
        parts: tuple[Stage | Exclude, ...] = (*self.stages, *self.exclude)
        matchers = [matcher for part in parts for matcher in part.match]
        return any(matcher.props for matcher in matchers)
