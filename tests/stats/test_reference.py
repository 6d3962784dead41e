"""Every public function explains itself, its example runs, and the page made of them is current."""

from __future__ import annotations

import doctest
import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import pytest

from abplat import stats

ROOT = Path(__file__).parents[2]
FUNCTIONS = [name for name in stats.__all__ if inspect.isfunction(inspect.unwrap(getattr(stats, name)))]


def find_makers() -> Iterator[tuple[str, Any]]:
    """Yield the ways to make an object that classes offer."""
    for name in stats.__all__:
        thing = inspect.unwrap(getattr(stats, name))
        for key, member in vars(thing).items() if inspect.isclass(thing) else ():
            if isinstance(member, classmethod) and not key.startswith("_"):
                yield f"{name}.{key}", getattr(thing, key)


MAKERS = dict(find_makers())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_has_all_parts(name: str) -> None:
    """Arguments with their units, result, errors, sources and an example."""
    text = inspect.getdoc(inspect.unwrap(getattr(stats, name))) or ""
    parts = ("Args:", "Returns:", "Raises:", "References:", "Examples:", ">>> ")

    assert [part for part in parts if part not in text] == []


@pytest.mark.parametrize("name", MAKERS)
def test_a_maker_has_its_parts(name: str) -> None:
    """Arguments, result and an example."""
    text = inspect.getdoc(MAKERS[name]) or ""

    assert [part for part in ("Args:", "Returns:", "Raises:", ">>> ") if part not in text] == []


@pytest.mark.parametrize("name", [*FUNCTIONS, *MAKERS])
def test_every_argument_is_explained(name: str) -> None:
    """No argument is left to be guessed."""
    thing = MAKERS.get(name) or inspect.unwrap(getattr(stats, name))
    text = inspect.getdoc(thing) or ""

    assert [key for key in inspect.signature(thing).parameters if f"{key}: " not in text] == []


@pytest.mark.parametrize("name", [name for name in stats.__all__ if is_dataclass(getattr(stats, name))])
def test_every_field_is_explained(name: str) -> None:
    """What a plan asks for and what a result says, each by its name."""
    thing = getattr(stats, name)
    text = inspect.getdoc(thing) or ""

    assert [field.name for field in fields(thing) if f"{field.name}: " not in text] == []
    assert hasattr(thing, "_repr_html_")


@pytest.mark.parametrize(
    "module", sorted({inspect.unwrap(getattr(stats, name)).__module__ for name in FUNCTIONS})
)
def test_examples_run(module: str) -> None:
    """Every example gives what it says."""
    found = doctest.testmod(sys.modules[module])

    assert (found.failed, found.attempted > 0) == (0, True)


def test_the_page_is_current() -> None:
    """The page in docs/reference is what the docstrings say."""
    script = ROOT / "scripts" / "make-statistics-reference"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
