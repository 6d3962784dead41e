"""Templates: part of an experiment under a name, so that good plans are made once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from abplat.domain.experiments import MAX_METRICS, ExperimentDefinition
from abplat.domain.fields import Fields, check_json
from abplat.errors import InvalidInputError

_GIVEN: Final = frozenset(ExperimentDefinition.__struct_fields__) - {"key", "schedule"}


class TemplateDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """Fields of an experiment that are given, and the most metrics it may watch."""

    key: str
    title: str
    owner: str
    experiment: dict[str, Any]
    max_metrics: int


def parse_template(document: Any) -> TemplateDefinition:
    """Read a template; what it gives is judged when an experiment is made of it.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    template = TemplateDefinition(
        key=fields.key("key"),
        title=fields.text("title"),
        owner=fields.text("owner"),
        experiment=_read_given(fields),
        max_metrics=fields.integer("max_metrics", 1, MAX_METRICS, MAX_METRICS),
    )
    fields.finish("template")
    return template


def _read_given(fields: Fields) -> dict[str, Any]:
    """Read the fields that are given."""
    given = fields.mapping("experiment", len(_GIVEN))
    for name in given:
        if name not in _GIVEN:
            fields.fault(f"experiment.{name[:64]}", "cannot be given by a template", "unknown_field")
    faults = list(check_json(given, fields.where("experiment")))
    fields.problems.extend(faults)
    return {} if faults else given


def apply_template(template: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the experiment that a document makes of a template: what the document says, holds.

    Raises:
        InvalidInputError: If it watches more metrics than the template allows.
    """
    said = {name: value for name, value in document.items() if value is not None}
    whole = {**template["experiment"], **said}
    metrics = whole.get("metrics")
    if isinstance(metrics, list) and len(metrics) > template["max_metrics"]:
        message = f"has {len(metrics)} entries; template {template['key']} allows {template['max_metrics']}"
        raise InvalidInputError.at("metrics", message, "bad_length")
    return whole
