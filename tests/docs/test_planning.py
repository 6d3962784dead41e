"""The page on planning: its examples give what it shows, its requests are good, nothing is left out."""

from __future__ import annotations

import json
import re

import pytest

from abplat.domain.plan_parts import OUTCOMES, SPENDING
from abplat.domain.plans import PlanRequest, parse_plan_request
from tests.docs.write_planning import PAGE, renew

TEXT = PAGE.read_text("utf-8")


def test_the_examples_print_what_the_page_shows() -> None:
    """Write them anew with: python -m tests.docs.write_planning."""
    assert TEXT.count("```console") == 6
    assert renew(TEXT) == TEXT


@pytest.mark.parametrize("body", re.findall(r"```json\n(.*?)```", TEXT, re.DOTALL))
def test_the_requests_are_good(body: str) -> None:
    """What a reader copies is taken."""
    assert parse_plan_request(json.loads(body))


def test_every_field_and_kind_is_described() -> None:
    """By its name."""
    names = [*PlanRequest.__struct_fields__, *OUTCOMES]

    assert [name for name in names if f"`{name}`" not in TEXT] == []
    assert [name for name in SPENDING if name not in TEXT] == []
