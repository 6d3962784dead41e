"""Reads the document of a journey definition, collecting every fault on the way."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any, cast

from abplat.clock import parse_duration
from abplat.domain.journey_parts import (
    MAX_EXCLUDES,
    MAX_STAGES,
    ORDERINGS,
    REENTRIES,
    Exclude,
    JourneyDefinition,
    Matcher,
    Ordering,
    PropValue,
    Reentry,
    Stage,
)
from abplat.errors import InvalidInputError, Problem

_KEY = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MICROS = 1_000_000
_LONGEST_US = 365_250 * 86_400 * _MICROS
"""A thousand years: an instant plus a duration must fit 64 bits."""

_JOURNEY_FIELDS = frozenset({
    "key", "version", "title", "owner", "personas", "stages", "ordering", "window", "inactivity",
    "reentry", "exclude", "correlate_by", "scope", "lateness",
})  # fmt: skip
_STAGE_FIELDS = frozenset(
    {"key", "title", "match", "optional", "within", "lifecycle", "moment_of_truth", "department"}
)
_MATCHER_FIELDS = frozenset({"event", "channel", "props"})
_EXCLUDE_FIELDS = frozenset({"match", "after", "before"})


class JourneyReader:
    """Reads one document; ``problems`` holds what was wrong with it."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def fault(self, path: str, message: str, code: str) -> None:
        """Note a fault."""
        self.problems.append(Problem(path, message, code))

    # -- the whole ---------------------------------------------------------------------------

    def journey(self, document: object, *, require_owner: bool) -> JourneyDefinition | None:
        """Read the definition, or None where it is not even an object."""
        doc = self.fields(document, "", _JOURNEY_FIELDS)
        if doc is None:
            return None
        ordering = cast("Ordering", self.choice(doc, "ordering", ORDERINGS, "bad_ordering"))
        stages = self.stages(doc.get("stages"))
        definition = JourneyDefinition(
            key=self.key(doc.get("key"), "key"),
            stages=stages,
            window_us=self.window(doc.get("window")),
            title=self.text(doc.get("title"), "title") or "",
            owner=self.owner(doc.get("owner"), required=require_owner),
            version=self.version(doc.get("version", 1)),
            personas=self.names(doc.get("personas"), "personas") or (),
            ordering=ordering,
            inactivity_us=self.duration(doc.get("inactivity"), "inactivity"),
            reentry=cast("Reentry", self.choice(doc, "reentry", REENTRIES, "bad_reentry")),
            exclude=self.excludes(doc.get("exclude"), stages, ordering),
            correlate_by=self.text(doc.get("correlate_by"), "correlate_by"),
            scope=self.names(doc.get("scope"), "scope"),
            lateness_us=self.lateness(doc.get("lateness")),
        )
        self.check_stages(definition)
        return definition

    def check_stages(self, definition: JourneyDefinition) -> None:
        """Note what is wrong with the stages taken together."""
        stages = definition.stages
        if not stages:
            return
        last = len(stages) - 1
        if stages[0].optional:
            self.fault("stages[0].optional", "the first stage starts the journey: it cannot be optional",
                       "first_stage_optional")  # fmt: skip
        if stages[0].within_us is not None:
            self.fault("stages[0].within", "nothing comes before the first stage: remove within",
                       "within_on_first_stage")  # fmt: skip
        if definition.ordering != "any" and last > 0 and stages[last].optional:
            self.fault(f"stages[{last}].optional", "the last stage is the outcome: it cannot be optional",
                       "last_stage_optional")  # fmt: skip
        if definition.ordering == "any" and last > 0 and all(stage.optional for stage in stages[1:]):
            self.fault("stages", "nothing is required after the start: make one stage required",
                       "no_required_stage")  # fmt: skip

    # -- parts -------------------------------------------------------------------------------

    def stages(self, value: object) -> tuple[Stage, ...]:
        """Read the list of stages."""
        items = self.items(value, "stages", "a list of two or more stages", "too_few_stages")
        if items is None:
            return ()
        if len(items) < 2:
            self.fault("stages", f"a journey needs two or more stages, not {len(items)}", "too_few_stages")
        if len(items) > MAX_STAGES:
            self.fault("stages", f"at most {MAX_STAGES} stages, not {len(items)}", "too_many_stages")
        stages = [self.stage(item, f"stages[{i}]") for i, item in enumerate(items[:MAX_STAGES])]
        seen: set[str] = set()
        for i, stage in enumerate(stages):
            if stage.key and stage.key in seen:
                self.fault(f"stages[{i}].key", f"{stage.key!r} is the key of an earlier stage; choose another",
                           "duplicate_stage_key")  # fmt: skip
            seen.add(stage.key)
        return tuple(stages)

    def stage(self, value: object, path: str) -> Stage:
        """Read one stage."""
        doc = self.fields(value, path, _STAGE_FIELDS) or {}
        return Stage(
            key=self.key(doc.get("key"), f"{path}.key"),
            match=self.matchers(doc.get("match"), f"{path}.match"),
            title=self.text(doc.get("title"), f"{path}.title") or "",
            optional=self.flag(doc.get("optional", False), f"{path}.optional"),
            within_us=self.duration(doc.get("within"), f"{path}.within"),
            lifecycle=self.text(doc.get("lifecycle"), f"{path}.lifecycle"),
            moment_of_truth=self.flag(doc.get("moment_of_truth", False), f"{path}.moment_of_truth"),
            department=self.text(doc.get("department"), f"{path}.department"),
        )

    def matchers(self, value: object, path: str) -> tuple[Matcher, ...]:
        """Read a list of matchers, at least one."""
        items = self.items(value, path, 'a list of matchers such as [{"event": "visit"}]', "empty_match")
        if items is not None and not items:
            self.fault(path, 'needs at least one matcher such as {"event": "visit"}', "empty_match")
        return tuple(self.matcher(item, f"{path}[{i}]") for i, item in enumerate(items or ()))

    def matcher(self, value: object, path: str) -> Matcher:
        """Read one matcher."""
        doc = self.fields(value, path, _MATCHER_FIELDS) or {}
        event = self.text(doc.get("event"), f"{path}.event")
        if event is None and isinstance(value, dict):
            self.fault(f"{path}.event", "name the event that is meant", "empty_match")
        channel = doc.get("channel")
        listed = [channel] if isinstance(channel, str) else channel
        return Matcher(event or "", self.names(listed, f"{path}.channel"), self.props(doc, f"{path}.props"))

    def props(self, doc: dict[str, Any], path: str) -> tuple[tuple[str, tuple[PropValue, ...]], ...]:
        """Read the wanted properties: a name and one value or a list of them."""
        wanted = doc.get("props")
        if wanted is None:
            return ()
        if not isinstance(wanted, dict):
            self.fault(path, "write an object of property names and wanted values", "bad_type")
            return ()
        return tuple((str(name), self.values(value, f"{path}.{name}")) for name, value in wanted.items())

    def values(self, value: object, path: str) -> tuple[PropValue, ...]:
        """Read the wanted values of one property."""
        listed = value if isinstance(value, list) else [value]
        if not listed:
            self.fault(path, "an empty list matches nothing: give a value", "empty_match")
        for item in listed:
            if not isinstance(item, str | int | float) or (
                isinstance(item, float) and not math.isfinite(item)
            ):
                self.fault(path, f"{item!r} is no text, number or true/false", "bad_type")
        return tuple(listed)

    def excludes(self, value: object, stages: tuple[Stage, ...], ordering: str) -> tuple[Exclude, ...]:
        """Read the list of exclusions."""
        if value is None:
            return ()
        items = self.items(value, "exclude", 'a list such as [{"match": [{"event": "cancel"}]}]', "bad_type")
        if items is not None and len(items) > MAX_EXCLUDES:
            self.fault("exclude", f"at most {MAX_EXCLUDES} exclusions, not {len(items)}", "too_many_excludes")
        positions = {stage.key: i for i, stage in reversed(list(enumerate(stages)))}
        read = [self.exclude(item, f"exclude[{i}]", positions) for i, item in enumerate(items or ())]
        for i, exclude in enumerate(read):
            self.check_span(exclude, f"exclude[{i}]", len(stages), ordering)
        return tuple(read)

    def exclude(self, value: object, path: str, positions: dict[str, int]) -> Exclude:
        """Read one exclusion."""
        doc = self.fields(value, path, _EXCLUDE_FIELDS) or {}
        return Exclude(
            match=self.matchers(doc.get("match"), f"{path}.match"),
            after=self.position(doc.get("after"), f"{path}.after", positions) or 0,
            before=self.position(doc.get("before"), f"{path}.before", positions),
        )

    def check_span(self, exclude: Exclude, path: str, n_stages: int, ordering: str) -> None:
        """Refuse an exclusion that can never be in force."""
        before = exclude.before
        if ordering == "any":
            dead = before is not None and before in {0, exclude.after}
        else:
            dead = (before is not None and before <= exclude.after) or exclude.after >= n_stages - 1 > 0
        if dead:
            self.fault(path, "can never be in force: before must be a later stage than after, and after must "
                       "not be the last stage", "impossible_exclude")  # fmt: skip

    def position(self, value: object, path: str, positions: dict[str, int]) -> int | None:
        """Return the position of a stage named by key."""
        if value is None:
            return None
        if not isinstance(value, str) or value not in positions:
            known = ", ".join(positions) or "none"
            self.fault(path, f"{value!r} is no stage of this journey; its stages: {known}",
                       "unknown_stage_in_exclude")  # fmt: skip
            return None
        return positions[value]

    # -- single values -----------------------------------------------------------------------

    def fields(self, value: object, path: str, known: frozenset[str]) -> dict[str, Any] | None:
        """Return the object, noting fields nobody knows."""
        if not isinstance(value, dict):
            self.fault(path, f"write an object with the fields {', '.join(sorted(known))}", "bad_type")
            return None
        for name in value:
            if name not in known:
                where = f"{path}.{name}" if path else str(name)
                self.fault(where, f"unknown field; known are {', '.join(sorted(known))}", "unknown_field")
        return value

    def items(self, value: object, path: str, wanted: str, code: str) -> list[Any] | None:
        """Return the list, or note that it is none."""
        if isinstance(value, list):
            return value
        self.fault(path, f"write {wanted}", code)
        return None

    def key(self, value: object, path: str) -> str:
        """Read a key."""
        if isinstance(value, str) and _KEY.fullmatch(value):
            return value
        self.fault(path, f"{value!r} is not a key: 1 to 64 letters, digits, dots, hyphens, underscores",
                   "bad_key")  # fmt: skip
        return ""

    def text(self, value: object, path: str) -> str | None:
        """Read an optional text that is not empty."""
        if value is None or (isinstance(value, str) and value.strip()):
            return value
        self.fault(path, f"{value!r} is not a text; write one or leave the field out", "bad_type")
        return None

    def owner(self, value: object, *, required: bool) -> str | None:
        """Read the owner."""
        if value is None and required:
            self.fault("owner", "name the person or team that answers for this journey", "owner_required")
        return self.text(value, "owner")

    def version(self, value: object) -> int:
        """Read the version, a count from 1."""
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        self.fault("version", f"{value!r} is not a version; leave it out or count from 1", "bad_type")
        return 1

    def names(self, value: object, path: str) -> tuple[str, ...] | None:
        """Read an optional list of texts."""
        if value is None:
            return None
        if isinstance(value, list) and all(isinstance(item, str) and item for item in value):
            return tuple(value)
        self.fault(path, f"{value!r} is not a list of names", "bad_type")
        return None

    def flag(self, value: object, path: str) -> bool:
        """Read true or false."""
        if isinstance(value, bool):
            return value
        self.fault(path, f"{value!r} is neither true nor false", "bad_type")
        return False

    def choice(self, doc: dict[str, Any], name: str, allowed: Iterable[str], code: str) -> str:
        """Read one of a few words; the first is the default."""
        words = tuple(allowed)
        value = doc.get(name, words[0])
        if isinstance(value, str) and value in words:
            return value
        self.fault(name, f"{value!r} is not one of {', '.join(words)}", code)
        return words[0]

    def window(self, value: object) -> int:
        """Read the window, which every journey needs."""
        if value is None:
            self.fault(
                "window", "say how long after its start a journey is over, such as 7d", "window_required"
            )
            return 0
        return self.duration(value, "window") or 0

    def lateness(self, value: object) -> int:
        """Read how long facts may come late; none by default."""
        none = value is None or (value == 0 and not isinstance(value, bool))
        return 0 if none else self.duration(value, "lateness") or 0

    def duration(self, value: object, path: str) -> int | None:
        """Read an optional duration in microseconds."""
        if value is None:
            return None
        try:
            micros = round(parse_duration(cast("str", value), path).total_seconds()) * _MICROS
        except InvalidInputError as error:
            self.problems.extend(error.problems)
            return None
        except OverflowError:
            micros = _LONGEST_US + 1
        if micros <= _LONGEST_US:
            return micros
        self.fault(path, f"{value!r} is longer than a thousand years", "bad_duration")
        return None
