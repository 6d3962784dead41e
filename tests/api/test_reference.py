"""What the reference pages say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from flask import Flask

from abplat.api.errors import HTTP_CODES, STATUS
from abplat.domain.catalogue import check_references, parse_catalogue
from abplat.domain.conclusions import AA_WORDING, WORDING
from abplat.domain.consequences import CONSEQUENCES
from abplat.domain.targeting import _OPERATORS

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_every_error_code_is_documented() -> None:
    """With the status it is answered with."""
    page = (REFERENCE / "errors.md").read_text()
    for code in {*STATUS, *HTTP_CODES.values()}:
        assert f"`{code}`" in page, code
    for code, status in STATUS.items():
        assert f"| `{code}` | {status} |" in page


def test_the_example_document_is_good() -> None:
    """What a reader copies applies."""
    page = (REFERENCE / "definitions.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    _, entries = parse_catalogue(yaml.safe_load(example))

    assert check_references(entries) == []


def test_every_operator_is_documented() -> None:
    """Each has a row or a place in one."""
    page = (REFERENCE / "definitions.md").read_text()

    assert [name for name in _OPERATORS if f"`{name}`" not in page] == []


def test_every_route_is_documented(app: Flask) -> None:
    """Each route of the API stands in the page, with NOUN for the nouns."""
    page = (REFERENCE / "api.md").read_text()
    nouns = "channels|touchpoints|journeys|metrics|layers|holdouts|segments|personas|templates|experiments|observations|annotations"
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith(("/v1/", "/sdk/", "/ofrep/v1/", "/healthz", "/readyz")):
            url = rule.rule.replace("<any('.json', '.csv', '.parquet', '.ipynb'):suffix>", ".csv").replace(
                "<key>", "KEY"
            )
            url = url.replace("<path:key>", "KEY")
            url = re.sub(r"<(?:int:number|plan_id|request_id)>", "ID", url)
            url = re.sub(r"<(\w+)>", lambda found: found[1].upper(), url)
            general = re.sub(rf"^/v1/({nouns})(/KEY(/archive)?)?$", r"/v1/NOUN\2", url)

            assert general in page, url


def test_the_table_of_what_happens_is_printed() -> None:
    """Every action, word for word as the API answers it."""
    page = (REFERENCE / "lifecycle.md").read_text()
    for row in CONSEQUENCES:
        cells = [f"`{row.action}`", ", ".join(row.states), *row[2:]]
        assert f"| {' | '.join(cells)} |" in page, row.action
    for sentence in (*WORDING.values(), *AA_WORDING.values()):
        assert sentence in page
