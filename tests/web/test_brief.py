"""The brief: one page for people who know no statistics, in two languages."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from abplat.web.brief import make_brief
from abplat.web.brief_words import DECISIONS, LANGUAGES, METRIC_WORDS, NEXT, WORDS, localise
from abplat.web.wording import DECISIONS as ALL_DECISIONS
from tests.web import report_factory as factory
from tests.web.page_app import make_app

PATH = "/projects/shop/experiments/trap/brief"


def get(path: str) -> str:
    """Fetch a brief."""
    answer = make_app([factory.make_trap()]).test_client().get(path)

    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "a touchpoint won and the journey lost"),
        ("fr", "un point de contact a gagn\u00e9 et le parcours a perdu"),
    ],
)
def test_brief_says_the_decision_in_its_language(language: str, said: str) -> None:
    """With the question as it was written."""
    page = get(f"{PATH}?lang={language}")

    assert said in page
    assert "We believe that a quote form of three fields" in page
    assert f'lang="{language}"' in page


def test_a_language_that_is_not_known_is_english() -> None:
    """A wrong link still opens."""
    assert "The question" in get(f"{PATH}?lang=xx")


@pytest.mark.parametrize("words", [WORDS, DECISIONS, NEXT, METRIC_WORDS])
def test_both_languages_have_every_word(words: dict[str, dict[str, Any]]) -> None:
    """And every decision of the platform has its words."""
    assert words["en"].keys() == words["fr"].keys()
    assert set(words) == set(LANGUAGES)
    assert set(DECISIONS["fr"]) >= set(ALL_DECISIONS)


def test_french_numbers() -> None:
    """A comma for decimals, a narrow space for thousands, and no full stop is taken for a number."""
    assert (
        localise("\u22121,234.5\u202f%. to 2.0 days", "fr") == "\u22121\u202f234,5\u202f%. \u00e0 2,0 jours"
    )
    assert localise("1,234.5", "en") == "1,234.5"


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_blocked_report_gives_no_verdict_in_the_brief(language: str) -> None:
    """The cause is named, and no number carries a verdict word."""
    brief = make_brief(factory.make_blocked(), "h" * 64, {}, language)
    (each,) = brief.variants

    assert each.word.text == DECISIONS[language]["not_trusted"][0]
    assert {row.word.text for row in each.rows} == {METRIC_WORDS[language]["not_trusted"]}
    assert "{" not in each.sentence


def test_brief_says_which_harm_is_left_and_what_was_learned() -> None:
    """Also where the margin is an amount."""
    report = factory.make_report()
    metrics = tuple(
        msgspec.structs.replace(metric, margin_scale="absolute") if metric.role == "guardrail" else metric
        for metric in report.metrics
    )
    brief = make_brief(
        msgspec.structs.replace(report, metrics=metrics),
        "h" * 64,
        {"outcome": "won", "note": "Short forms win"},
        "en",
    )

    assert brief.variants[0].harms[0] == WORDS["en"]["none_harm"]
    assert any("margin of 0.05" in harm for harm in brief.variants[0].harms)
    assert (brief.outcome, brief.learned) == ("Won", "Short forms win")


def test_brief_as_one_file_needs_nothing_else() -> None:
    """It can be sent by mail."""
    page = get(f"{PATH}.html?lang=fr")

    assert not re.search(r"<(a|form|link|script|img)\b", page)
    assert '<html lang="fr">' in page
