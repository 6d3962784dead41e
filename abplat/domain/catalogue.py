"""The catalogue: all definitions of a project, and whether they fit together.

A document of the catalogue is what ``abplat apply`` reads and ``abplat export`` writes. Every
definition is kept in its canonical form: all fields, defaults filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

import msgspec

from abplat.domain.annotations import parse_annotation
from abplat.domain.experiments import parse_experiment
from abplat.domain.fields import Fields, check_json, require_none, show
from abplat.domain.journeys import parse_journey
from abplat.domain.layers import parse_holdout, parse_layer
from abplat.domain.mechanisms import check_mechanism
from abplat.domain.metric_kinds import SUMMED_KINDS
from abplat.domain.metrics import PRIMARY_KINDS, TOUCHPOINT_KINDS, parse_metric
from abplat.domain.observations import parse_observation
from abplat.domain.personas import parse_persona
from abplat.domain.prerequisites import check_chains, check_prerequisites
from abplat.domain.projects import parse_project
from abplat.domain.segments import parse_segment
from abplat.domain.targeting import check_targets
from abplat.domain.templates import parse_template
from abplat.domain.touchpoints import parse_channel, parse_touchpoint
from abplat.errors import InvalidInputError, Problem

Document: TypeAlias = dict[str, Any]
Entries: TypeAlias = Mapping[str, Mapping[str, Document]]
"""Noun, then key, then definition."""

CHANNELS: Final = "channels"
TOUCHPOINTS: Final = "touchpoints"
JOURNEYS: Final = "journeys"
METRICS: Final = "metrics"
LAYERS: Final = "layers"
HOLDOUTS: Final = "holdouts"
SEGMENTS: Final = "segments"
PERSONAS: Final = "personas"
TEMPLATES: Final = "templates"
EXPERIMENTS: Final = "experiments"
OBSERVATIONS: Final = "observations"
ANNOTATIONS: Final = "annotations"
NOUNS: Final = (
    *(CHANNELS, TOUCHPOINTS, JOURNEYS, METRICS, LAYERS, HOLDOUTS, SEGMENTS, PERSONAS, TEMPLATES),
    EXPERIMENTS,
    OBSERVATIONS,
    ANNOTATIONS,
)
"""In the order in which they can be created: each refers only to what stands before it."""

MAX_ENTRIES: Final = 5_000
_UNCOUNTED_FIELDS = {
    JOURNEYS: frozenset({"title", "owner", "personas"}),
    METRICS: frozenset({"title", "owner", "description", "margin", "scale"}),
    SEGMENTS: frozenset({"title", "owner"}),
    PERSONAS: frozenset({"title", "owner", "description"}),
}


def _canonical_journey(document: Any) -> Document:
    """Check a journey and return its document; the version is counted by the server."""
    require_none(list(check_json(document, "")), "journey")
    definition = parse_journey(document)
    kept = {name: value for name, value in document.items() if value is not None and name != "version"}
    return {**kept, "title": kept.get("title", definition.key)}


_PARSERS: Final = {
    CHANNELS: parse_channel,
    TOUCHPOINTS: parse_touchpoint,
    METRICS: parse_metric,
    LAYERS: parse_layer,
    HOLDOUTS: parse_holdout,
    SEGMENTS: parse_segment,
    PERSONAS: parse_persona,
    TEMPLATES: parse_template,
    EXPERIMENTS: parse_experiment,
    OBSERVATIONS: parse_observation,
    ANNOTATIONS: parse_annotation,
}


def canonical(noun: str, document: Any) -> Document:
    """Check a definition and return it with every default filled in.

    Raises:
        InvalidInputError: With every fault found.

    Examples:
        >>> canonical("layers", {"key": "checkout", "title": "Checkout"})
        {'key': 'checkout', 'title': 'Checkout'}
    """
    definition = _canonical_journey(document) if noun == JOURNEYS else _PARSERS[noun](document)
    # through JSON, so that what is compared looks as it does when it is read back
    plain: Document = msgspec.json.decode(msgspec.json.encode(definition))
    return plain


def changed_fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the fields that differ, with their values before and after.

    Examples:
        >>> changed_fields({"a": 1, "b": 2}, {"a": 1, "b": 3})
        {'b': (2, 3)}
    """
    names = [*before, *(name for name in after if name not in before)]
    return {
        name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    }


def with_defaults(noun: str, document: Document) -> Document:
    """Return a stored definition with the fields that were added since it was written."""
    try:
        return canonical(noun, document)
    except InvalidInputError:  # the rules have become stricter since; it is compared as it stands
        return document


def is_new_version(noun: str, before: Document, after: Document) -> bool:
    """Tell whether a change makes a new version: of a journey what is measured, of a group who is in it."""
    return bool(set(changed_fields(before, after)) - _UNCOUNTED_FIELDS[noun])


def parse_catalogue(document: Any) -> tuple[Document, dict[str, dict[str, Document]]]:
    """Read a whole document: the project and its definitions by noun and key.

    Raises:
        InvalidInputError: With every fault of every definition.
    """
    fields = Fields(document)
    project = fields.collect("project", parse_project, fields.value("project"))
    entries = {noun: _read_entries(fields, noun) for noun in NOUNS}
    fields.finish("document")
    return msgspec.to_builtins(project), entries


def _read_entries(fields: Fields, noun: str) -> dict[str, Document]:
    """Read all definitions of one noun."""
    found: dict[str, Document] = {}
    for index, entry in enumerate(fields.items(noun, 0, MAX_ENTRIES, [])):
        where = f"{noun}[{index}]"
        definition = fields.collect(where, lambda value: canonical(noun, value), entry)
        if definition is None:
            continue
        if definition["key"] in found:
            fields.fault(f"{where}.key", f"{show(definition['key'])} is used twice", "duplicate_key")
        found[definition["key"]] = definition
    return found


def check_references(entries: Entries, settled: Iterable[str] = ()) -> list[Problem]:
    """Return every reference to something that is not there or is of the wrong kind.

    Args:
        entries: The definitions of a project.
        settled: Experiments that have started: they carry their own frozen plan.
    """
    started = set(settled)
    problems = [*_check_touchpoints(entries), *_check_metrics(entries), *_check_holdouts(entries)]
    for key, experiment in entries[EXPERIMENTS].items():
        if key not in started:
            problems.extend(_check_experiment(entries, experiment, f"{EXPERIMENTS}[{key}]"))
            problems.extend(check_prerequisites(entries[EXPERIMENTS], key))
    problems.extend(check_chains(entries[EXPERIMENTS]))
    problems.extend(_check_observations(entries))
    problems.extend(_check_annotations(entries))
    return problems


def _missing(entries: Entries, noun: str, key: str | None, path: str) -> Iterator[Problem]:
    """Yield the fault of a reference to nothing."""
    if key is not None and key not in entries[noun]:
        known = ", ".join(sorted(entries[noun])[:10]) or "none yet"
        what = noun.removesuffix("s")
        yield Problem(
            path, f"{show(key)} is not a {what} of this project; there are: {known}", f"unknown_{what}"
        )


def _check_touchpoints(entries: Entries) -> Iterator[Problem]:
    """Check that every touchpoint lies in a known channel."""
    for key, touchpoint in entries[TOUCHPOINTS].items():
        yield from _missing(entries, CHANNELS, touchpoint["channel"], f"{TOUCHPOINTS}[{key}].channel")


def _check_holdouts(entries: Entries) -> Iterator[Problem]:
    """Check that every holdout of a layer has one."""
    for key, holdout in entries[HOLDOUTS].items():
        yield from _missing(entries, LAYERS, holdout.get("layer"), f"{HOLDOUTS}[{key}].layer")


def _check_metrics(entries: Entries) -> Iterator[Problem]:
    """Check that every metric counts on a known journey and stages, and on known metrics."""
    for key, metric in entries[METRICS].items():
        path = f"{METRICS}[{key}]"
        yield from _missing(entries, JOURNEYS, metric["journey"], f"{path}.journey")
        journey = entries[JOURNEYS].get(metric["journey"] or "")
        stages = [stage["key"] for stage in journey["stages"]] if journey else []
        for name in ("stage", "source", "target"):
            if journey and metric.get(name) is not None and metric[name] not in stages:
                message = (
                    f"{show(metric[name])} is not a stage of {journey['key']}; it has: {', '.join(stages)}"
                )
                yield Problem(f"{path}.{name}", message, "unknown_stage")
        for index, part in enumerate(metric.get("parts") or ()):
            yield from _missing(entries, METRICS, part["metric"], f"{path}.parts[{index}].metric")
            other = entries[METRICS].get(part["metric"], {})
            if other and other["kind"] not in SUMMED_KINDS:
                message = (
                    f"{other['key']} is of kind {other['kind']}, which has no number per customer to add up"
                )
                yield Problem(f"{path}.parts[{index}].metric", message, "not_summable")


def _check_observations(entries: Entries) -> Iterator[Problem]:
    """Check what an observation is attached to."""
    for key, observation in entries.get(OBSERVATIONS, {}).items():
        path = f"{OBSERVATIONS}[{key}]"
        yield from _missing(entries, JOURNEYS, observation.get("journey"), f"{path}.journey")
        yield from _missing(entries, EXPERIMENTS, observation.get("experiment"), f"{path}.experiment")


def _check_annotations(entries: Entries) -> Iterator[Problem]:
    """Check where an annotation says that it happened."""
    for key, annotation in entries.get(ANNOTATIONS, {}).items():
        path = f"{ANNOTATIONS}[{key}]"
        yield from _missing(entries, CHANNELS, annotation.get("channel"), f"{path}.channel")
        yield from _missing(entries, TOUCHPOINTS, annotation.get("touchpoint"), f"{path}.touchpoint")


def _check_experiment(entries: Entries, experiment: Document, path: str) -> Iterator[Problem]:
    """Check what an experiment refers to."""
    yield from _missing(entries, JOURNEYS, experiment["journey"], f"{path}.journey")
    yield from _missing(entries, LAYERS, experiment["layer"], f"{path}.layer")
    for index, holdout in enumerate(experiment["holdouts"]):
        yield from _missing(entries, HOLDOUTS, holdout, f"{path}.holdouts[{index}]")
    for index, variant in enumerate(experiment["variants"]):
        for channel in variant["payloads"]:
            where = f"{path}.variants[{index}].payloads.{channel}"
            yield from _missing(entries, CHANNELS, channel, where)
    journey = entries[JOURNEYS].get(experiment["journey"])
    if journey:
        yield from check_mechanism(journey, experiment.get("mechanism") or (), path)
    yield from check_targets(experiment["targeting"], entries, f"{path}.targeting")
    for index, use in enumerate(experiment["metrics"]):
        yield from _check_use(entries, experiment, use, f"{path}.metrics[{index}]")


def check_uses(entries: Entries, experiment: Document, uses: Iterable[Document]) -> list[Problem]:
    """Return the faults of metrics that join an experiment after its start."""
    return [
        problem
        for use in uses
        for problem in _check_use(entries, experiment, use, f"metrics[{use['metric']}]")
    ]


def _check_use(entries: Entries, experiment: Document, use: Document, path: str) -> Iterator[Problem]:
    """Check that a metric can play its role: only an outcome of the journey decides (R2, R6)."""
    yield from _missing(entries, METRICS, use["metric"], f"{path}.metric")
    metric = entries[METRICS].get(use["metric"])
    if metric is None:
        return
    if use["role"] == "primary" and metric["kind"] not in PRIMARY_KINDS:
        message = (
            f"{use['metric']} is of kind {metric['kind']} and cannot decide; the primary metric is an outcome "
            f"of the journey: {', '.join(PRIMARY_KINDS)}"
        )
        yield Problem(f"{path}.role", message, "primary_not_of_journey")
    elif use["role"] == "primary" and metric["journey"] not in (None, experiment["journey"]):
        message = (
            f"{use['metric']} is counted on {metric['journey']}, the experiment is on {experiment['journey']}"
        )
        yield Problem(f"{path}.metric", message, "primary_of_other_journey")
    elif use["role"] == "touchpoint" and metric["kind"] not in TOUCHPOINT_KINDS:
        message = f"{use['metric']} is of kind {metric['kind']}; give it the role secondary"
        yield Problem(f"{path}.role", message, "not_a_touchpoint")
