"""Matchers as lines: what is written is read back, whatever it holds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abplat.domain.matcher_words import read_matcher, write_matcher
from abplat.errors import InvalidInputError

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=20).filter(
    str.strip
)
VALUES = st.one_of(TEXTS, st.booleans(), st.integers(-1000, 1000), st.sampled_from([1.5, -0.25]))
MATCHERS = st.fixed_dictionaries(
    {"event": TEXTS},
    optional={
        "channel": st.lists(TEXTS, min_size=1, max_size=3),
        "props": st.dictionaries(TEXTS, st.lists(VALUES, min_size=1, max_size=3), min_size=1, max_size=3),
    },
)


@given(MATCHERS)
def test_what_is_written_is_read_back(matcher: dict[str, Any]) -> None:
    """Words, quotes, keywords and numbers."""
    assert read_matcher(write_matcher(matcher)) == matcher


@pytest.mark.parametrize(
    "line",
    [
        "",
        "by web",
        "visit by",
        "visit where",
        "visit where a",
        "visit where a is",
        "visit web",
        'visit by "a',
        "a is b",
    ],
)
def test_what_is_no_matcher_is_refused(line: str) -> None:
    """Saying what was expected."""
    with pytest.raises(InvalidInputError, match="expected"):
        read_matcher(line)
