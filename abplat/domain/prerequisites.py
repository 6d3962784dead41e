"""Prerequisites: an experiment takes part only where another one gave one of named variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from abplat_sdk.prerequisites import MAX_CHAIN, find_chain_fault

from abplat.domain.fields import Fields, show
from abplat.errors import Problem

MAX_PREREQUISITES: Final = 10
Document = Mapping[str, Any]


class Prerequisite(msgspec.Struct, frozen=True, kw_only=True):
    """Another experiment, and the variants of it that a customer must be in."""

    experiment: str
    variants: tuple[str, ...]


def read_prerequisites(fields: Fields) -> Iterator[Prerequisite]:
    """Read what an experiment needs, each experiment once."""
    seen: set[str] = set()
    for part in fields.parts("prerequisites", 0, MAX_PREREQUISITES, []):
        key = part.key("experiment") or ""
        if key in seen:
            part.fault("experiment", f"{show(key)} is listed twice", "duplicate_prerequisite")
        seen.add(key)
        yield Prerequisite(experiment=key, variants=tuple(_read_variants(part)))
        part.no_more()


def _read_variants(part: Fields) -> Iterator[str]:
    """Read the keys of variants."""
    for index, entry in enumerate(part.items("variants", 1, 20)):
        inner = Fields({"key": entry}, problems=[])
        key = inner.key("key")
        if inner.problems:
            part.fault(f"variants[{index}]", f"{show(entry)} is not a key", "bad_key")
        else:
            yield key


def check_prerequisites(experiments: Mapping[str, Document], key: str) -> Iterator[Problem]:
    """Yield what keeps anybody from ever meeting the prerequisites of an experiment."""
    own = experiments[key]
    for index, need in enumerate(own.get("prerequisites") or ()):
        path = f"experiments[{key}].prerequisites[{index}]"
        other = experiments.get(need["experiment"])
        if other is None:
            known = ", ".join(sorted(experiments.keys() - {key})[:10]) or "none yet"
            message = f"{show(need['experiment'])} is not an experiment of this project; there are: {known}"
            yield Problem(f"{path}.experiment", message, "unknown_experiment")
        elif need["experiment"] != key:
            yield from _check_pair(own, other, need, path)


def _check_pair(own: Document, other: Document, need: Document, path: str) -> Iterator[Problem]:
    """Check that one unit can be in both experiments, and that the variants are there."""
    variants = [variant["key"] for variant in other["variants"]]
    for index, wanted in enumerate(need["variants"]):
        if wanted not in variants:
            message = f"{show(wanted)} is not a variant of {other['key']}; it has: {', '.join(variants)}"
            yield Problem(f"{path}.variants[{index}]", message, "unknown_variant")
    if own["unit_type"] != other["unit_type"]:
        message = f"{other['key']} assigns {other['unit_type']}, this one {own['unit_type']}; they must agree"
        yield Problem(f"{path}.experiment", message, "other_unit_type")
    if own["layer"] is not None and own["layer"] == other["layer"]:
        message = (
            f"{other['key']} lies in layer {own['layer']} too, where nobody is in both; move one of them"
        )
        yield Problem(f"{path}.experiment", message, "same_layer")


def check_chains(experiments: Mapping[str, Document]) -> Iterator[Problem]:
    """Yield the fault of prerequisites that go round, naming the way, or on for too long."""
    needs = {
        key: [need["experiment"] for need in experiment.get("prerequisites") or ()]
        for key, experiment in experiments.items()
    }
    if not any(needs.values()):
        return
    fault = find_chain_fault(needs)
    if fault is None:
        return
    if fault.code == "cycle":
        message = f"{fault.message}; nobody could ever take part, remove one of them"
    else:
        message = f"{fault.message}; at most {MAX_CHAIN} are followed"
    code = "prerequisite_cycle" if fault.code == "cycle" else "prerequisites_too_long"
    for key in sorted(set(fault.keys)):
        yield Problem(f"experiments[{key}].prerequisites", message, code)
