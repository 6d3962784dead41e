"""Every code that the statistics can emit is in their registry and has its sentences for people."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from abplat import stats
from abplat.domain import notes
from abplat.stats.result import FLAGS, REASONS
from abplat.web import wording

STATS = Path(stats.__file__).parent
_CODE = re.compile(r"[a-z]+(?:_[a-z]+)+")
_FIELDS = {"flags", "reason", "code", "reasons", "refused"}


def find_texts(node: ast.AST | None) -> set[str]:
    """Return the texts below a node that look like codes."""
    found = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} if node else set()
    return {text for text in found if isinstance(text, str) and _CODE.fullmatch(text)}


def find_name(node: ast.AST) -> str:
    """Return the last name of what is assigned or called."""
    if isinstance(node, ast.Subscript):
        return find_name(node.value)
    return getattr(node, "id", getattr(node, "attr", ""))


def read_codes(node: ast.AST) -> set[str]:
    """Return the codes that a node emits."""
    if isinstance(node, ast.Call):
        name = find_name(node.func)
        return (
            set().union(*map(find_texts, node.args))
            if name == "NotComputable" or name.endswith("Check")
            else set()
        )
    if isinstance(node, ast.keyword) and node.arg in _FIELDS:
        return find_texts(node.value)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if any(find_name(target) in _FIELDS for target in targets):
            return find_texts(node.value).union(*map(find_texts, targets))
    if isinstance(node, ast.FunctionDef) and re.search("flag|refuse|reason", node.name):
        return set().union(*(find_texts(n.value) for n in ast.walk(node) if isinstance(n, ast.Return)))
    return set()


def list_emitted() -> Iterator[tuple[str, str]]:
    """Yield every code in the source of the statistics, with its file."""
    for path in sorted(STATS.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            for code in read_codes(node):
                yield code, path.name


EMITTED = dict(list_emitted())
_OTHER = {"local_win", "ship_neutral", "stop_no_effect", "not_trusted"}
"""Codes of verdicts: they have sentences of their own in the verdict table."""


def test_the_source_is_read() -> None:
    """A walk that finds nothing proves nothing."""
    assert {"no_units", "zero_variance", "covariate_imbalance", "missing_by_arm"} <= set(EMITTED)


@pytest.mark.parametrize("code", sorted(set(EMITTED) - _OTHER))
def test_an_emitted_code_is_registered(code: str) -> None:
    """As a reason or as a flag, each with a sentence for analysts."""
    assert code in REASONS or code in FLAGS, EMITTED[code]


@pytest.mark.parametrize("code", sorted({*REASONS, *FLAGS}))
def test_a_registered_code_has_sentences_for_people(code: str) -> None:
    """What it means and what to do, in plain words, in the table that pages and findings share."""
    note = (notes.REASONS if code in REASONS else notes.FLAGS)[code]

    assert note.short[0].islower()
    assert not note.short.endswith(".")
    assert note.meaning.endswith(".")
    assert note.action.endswith(".")
    assert note.severity in wording.SEVERITIES
    assert "_" not in notes.say_note(code)
    assert wording.say_reason(code if code in REASONS else None)
    if code in REASONS:
        assert wording.say_reason(code) == note.short


def test_the_tables_know_no_other_codes() -> None:
    """What is explained can happen."""
    assert set(notes.REASONS) == set(REASONS)
    assert set(notes.FLAGS) == set(FLAGS)
