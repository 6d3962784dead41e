"""What is said to people, and that it is never ``None`` or ``nan``."""

from __future__ import annotations

import pytest

from abplat.web import wording


def plain(text: str) -> str:
    """Replace the narrow space, which is hard to see in a test."""
    return text.replace(wording.NARROW, " ")


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.1234, "12.3 %"), (0.0084, "0.84 %"), (1.5, "150 %"), (0.0, "0.0 %"), (-0.02, "\u22122.0 %")],
)
def test_percent_has_as_many_digits_as_its_size_deserves(share: float, said: str) -> None:
    """Large shares need no decimals, small ones two."""
    assert plain(wording.percent(share)) == said


def test_interval_gives_both_bounds_the_same_digits() -> None:
    """The width decides, not each bound for itself."""
    assert plain(wording.interval(-0.003, 0.045)) == "\u22120.3 % to +4.5 %"
    assert plain(wording.interval(-0.8, 1.4)) == "\u221280 % to +140 %"


def test_zero_has_no_sign() -> None:
    """A rounded zero is neither plus nor minus."""
    assert wording.number(-0.0001, 2, signed=True) == "0.00"


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_has_no_number_is_said_as_a_reason(value: float | None) -> None:
    """A reader learns why."""
    said = wording.said(value, "share", "zero_baseline")

    assert said == "control is zero, so a relative change has no meaning"


def test_unknown_reason_and_missing_reason_are_words() -> None:
    """Neither a code nor nothing."""
    assert wording.say_reason("some_new_reason") == "some new reason"
    assert wording.say_reason(None) == "not computable"


@pytest.mark.parametrize(
    ("seconds", "said"), [(45, "45 s"), (90, "1.5 min"), (7_200, "2 hours"), (-604_800, "\u22127 days")]
)
def test_duration_takes_the_unit_people_would_use(seconds: float, said: str) -> None:
    """From seconds to days."""
    assert plain(wording.duration(seconds)) == said


def test_every_verdict_has_word_icon_and_tone() -> None:
    """Colour never stands alone."""
    for words in (wording.WORDS, wording.DECISIONS, wording.CONFLICT_STATES, wording.SEVERITIES):
        assert all(
            word.text and word.icon and word.tone in {"good", "bad", "warn", "calm"}
            for word in words.values()
        )
