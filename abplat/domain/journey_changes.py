"""What differs between two versions of a journey, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from abplat.domain.matcher_words import write_matcher

Document = Mapping[str, Any]
_RULES: Final = {
    "title": ("The title", None),
    "owner": ("The owner", None),
    "ordering": ("The order of the stages", "ordered"),
    "window": ("The window", None),
    "inactivity": ("The longest silence", None),
    "reentry": ("Starting again", "after_end"),
    "correlate_by": ("What tells journeys of one customer apart", None),
    "lateness": ("How long a late event may change an abandonment", None),
}
_STAGE: Final = {
    "title": ("title", None),
    "within": ("time limit", None),
    "lifecycle": ("lifecycle", None),
    "department": ("department", None),
}


def describe_changes(before: Document, after: Document) -> list[str]:
    """Say every difference between two definitions; nothing where there is none that counts.

    Examples:
        >>> old = {"window": "7d", "stages": [{"key": "visit", "match": [{"event": "visit"}]}]}
        >>> describe_changes(old, {**old, "window": "14d"})
        ['The window was 7d and is 14d.']
    """
    return [*_rules(before, after), *_stages(before, after), *_exclusions(before, after)]


def _rules(before: Document, after: Document) -> Iterator[str]:
    """Yield what differs beside the stages."""
    for name, (words, default) in _RULES.items():
        yield from _changed(words, before.get(name) or default, after.get(name) or default)
    for name, words in (("personas", "Personas"), ("scope", "Events that count as contacts")):
        old, new = (", ".join(map(str, each.get(name) or ())) or None for each in (before, after))
        yield from _changed(words, old, new, plural=True)


def _changed(words: str, old: Any, new: Any, *, plural: bool = False) -> Iterator[str]:
    """Yield how one value has changed."""
    if old == new:
        return
    was, now = ("were", "are") if plural else ("was", "is")
    if old is None:
        yield f"{words} {now} new: {new}."
    elif new is None:
        yield f"{words} {was} {old} and {now} gone."
    else:
        yield f"{words} {was} {old} and {now} {new}."


def _stages(before: Document, after: Document) -> Iterator[str]:
    """Yield what differs in the stages."""
    old = {stage["key"]: stage for stage in before.get("stages") or ()}
    new = {stage["key"]: stage for stage in after.get("stages") or ()}
    yield from (f"Stage {_name(stage)} is gone." for key, stage in old.items() if key not in new)
    keys = list(new)
    for place, (key, stage) in enumerate(new.items()):
        if key not in old:
            where = f"after {_name(new[keys[place - 1]])}" if place else "at the start"
            yield f"Stage {_name(stage)} is new, {where}: {_match(stage)}."
        else:
            yield from _stage(old[key], stage)
    kept = [key for key in old if key in new]
    if kept != [key for key in new if key in old]:
        yield "The stages come in another order: " + ", ".join(_name(new[key]) for key in keys) + "."


def _stage(old: Document, new: Document) -> Iterator[str]:
    """Yield what differs in one stage."""
    name = _name(new)
    if _lines(old) != _lines(new):
        gone = [line for line in _lines(old) if line not in _lines(new)]
        added = [line for line in _lines(new) if line not in _lines(old)]
        yield from (f"Stage {name} no longer counts {line}." for line in gone)
        yield from (f"Stage {name} counts {line} now." for line in added)
    if bool(old.get("optional")) != bool(new.get("optional")):
        yield f"Stage {name} is {'optional' if new.get('optional') else 'required'} now."
    if bool(old.get("moment_of_truth")) != bool(new.get("moment_of_truth")):
        yield f"Stage {name} is {'a' if new.get('moment_of_truth') else 'no'} moment of truth now."
    for field, (words, default) in _STAGE.items():
        yield from _changed(
            f"The {words} of stage {name}", old.get(field) or default, new.get(field) or default
        )


def _exclusions(before: Document, after: Document) -> Iterator[str]:
    """Yield what differs in the exclusions."""
    old, new = ([_say_exclusion(each) for each in side.get("exclude") or ()] for side in (before, after))
    yield from (f"No longer aborted by {text}." for text in old if text not in new)
    yield from (f"Aborted by {text} now." for text in new if text not in old)


def _say_exclusion(exclude: Document) -> str:
    """Say one exclusion."""
    text = " or ".join(write_matcher(each) for each in exclude.get("match") or ())
    text += f" from {exclude['after']} on" if exclude.get("after") else ""
    return text + (f" until {exclude['before']}" if exclude.get("before") else "")


def _name(stage: Document) -> str:
    """Name a stage."""
    return f"“{stage.get('title') or stage['key']}”"


def _match(stage: Document) -> str:
    """Say what reaches a stage."""
    return " or ".join(_lines(stage))


def _lines(stage: Document) -> list[str]:
    """Return the matchers of a stage as lines."""
    return [write_matcher(each) for each in stage.get("match") or ()]
