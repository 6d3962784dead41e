"""What a change of an experiment would alter in its definition, and whether it would be refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from abplat.domain.catalogue import Document
from abplat.domain.lifecycle import CHECKED, DRAFT, UNCHECKED, require_changeable
from abplat.errors import ConflictError


def describe_changes(state: str, changed: Mapping[str, tuple[Any, Any]]) -> Document:
    """Describe changed fields, each with its values before and after.

    Args:
        state: State of the experiment.
        changed: Values before and after, by field.

    Examples:
        >>> found = describe_changes("draft", {"included": (10_000, 500)})
        >>> found["fields"], found["refused"], found["refusal"]
        ([{'field': 'included', 'before': 10000, 'after': 500}], [], None)
    """
    refused, refusal = _judge(state, changed)
    goes_back = state == CHECKED and bool(set(changed) - UNCHECKED)
    return {
        "fields": [
            {"field": name, "before": old, "after": new} for name, (old, new) in sorted(changed.items())
        ],
        "payloads": list(_diff_payloads(*changed["variants"])) if "variants" in changed else [],
        "state_after": DRAFT if goes_back else state,
        "refused": refused,
        "refusal": refusal,
    }


def _judge(state: str, changed: Mapping[str, Any]) -> tuple[list[str], str | None]:
    """Return the fields that saving would refuse to change in this state, and why."""
    try:
        require_changeable(state, changed)
    except ConflictError as error:
        return [problem.path for problem in error.problems], error.message
    return [], None


def _diff_payloads(before: list[Document], after: list[Document]) -> Iterator[Document]:
    """Yield each payload that differs, per variant and channel; null where there is none."""
    old, new = ({each["key"]: each["payloads"] for each in variants} for variants in (before, after))
    for variant in dict.fromkeys((*old, *new)):
        was, becomes = old.get(variant, {}), new.get(variant, {})
        for channel in dict.fromkeys((*was, *becomes)):
            if was.get(channel) != becomes.get(channel):
                yield {
                    "variant": variant,
                    "channel": channel,
                    "before": was.get(channel),
                    "after": becomes.get(channel),
                }
