"""The pages on which people find their way: lists, catalogues, boards and look-ups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from abplat.web import (
    customers,
    experiment_list,
    glossary,
    knowledge,
    metric_standing,
    metrics,
    quality,
    sdk_setup,
    timeline,
)
from abplat.web.annotations import add_pages as add_annotations  # the future has taken the module's name

if TYPE_CHECKING:
    from flask import Blueprint

_MODULES: Final = (
    customers,
    experiment_list,
    glossary,
    knowledge,
    metric_standing,
    metrics,
    quality,
    sdk_setup,
    timeline,
)


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    for module in _MODULES:
        module.add_pages(pages)
    add_annotations(pages)
