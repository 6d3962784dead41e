"""The brief: one page for people who know no statistics, in two languages."""

from __future__ import annotations

import ast
import html
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from abplat.analysis.identity_findings import _KINDS
from abplat.domain.notes import FLAGS, REASONS
from abplat.domain.report import Finding, Report
from abplat.web import wording
from abplat.web.brief import make_brief
from abplat.web.brief_checks import FOUND_EN, FOUND_FR, REASONS_FR
from abplat.web.brief_words import DECISIONS, LANGUAGES, METRIC_WORDS, NEXT, WORDS, localise
from abplat.web.wording import DECISIONS as ALL_DECISIONS
from abplat.web.wording import humanise
from tests.web import report_factory as factory
from tests.web.page_app import make_app
from tests.web.report_metrics import no_effect

ROOT = Path(__file__).parents[2]
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


def list_finding_codes() -> set[str]:
    """Return the code of every finding that an analysis can give, read from its source."""
    codes = {f"{kind}_ids" for kind in _KINDS} | set(FLAGS)
    for path in (ROOT / "abplat" / "analysis").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding":
                codes |= {
                    word.value.value
                    for word in node.keywords
                    if word.arg == "code" and isinstance(word.value, ast.Constant)
                }
    return codes


def test_every_finding_and_every_reason_is_known_in_both_languages() -> None:
    """A check that is added later must get its phrase."""
    codes = list_finding_codes()

    assert len(codes) > 40
    assert codes <= FOUND_EN.keys()
    assert FOUND_EN.keys() == FOUND_FR.keys()
    assert {*REASONS, *wording.REASONS} <= REASONS_FR.keys()
    assert not {*FOUND_EN.values()} & {*FOUND_FR.values()}


ENGLISH = re.compile(
    r"\b(the|and|not|with|of|is|are|was|than|customers?|variants?|split|effect|plausible change|against|days|"
    r"hours|exposed|reached|best|estimate|scale|guardrail|control|goes|too|few|yet|can|must)\b",
    re.IGNORECASE,
)


def in_french(report: Report) -> str:
    """Return all that the French page says, its attributes as well, without what people wrote themselves."""
    page = (
        make_app([report])
        .test_client()
        .get(f"/projects/shop/experiments/{report.experiment.key}/brief.html?lang=fr")
    )
    said = html.unescape(page.get_data(as_text=True))
    said = said[said.index("<article") : said.index("</article>")]
    texts = [*re.findall(r">([^<]+)<", said), *re.findall(r'aria-label="([^"]*)"', said)]
    told = " | ".join(texts)
    own = [
        report.experiment.hypothesis,
        report.experiment.title,
        report.journey.title,
        report.experiment.owner,
    ]
    own += [arm.title for arm in report.experiment.variants] + [
        stage.title for stage in report.journey.stages
    ]
    own += [metric.title for metric in report.metrics if not metric.key.startswith("reach:")]
    own += [humanise(channel) for channel in report.experiment.channels]
    for text in sorted(own, key=len, reverse=True):
        told = told.replace(text, "") if text else told
    return told


@pytest.mark.parametrize("code", sorted(list_finding_codes()))
@pytest.mark.parametrize("severity", ["block", "warning"])
def test_no_english_comes_into_the_french_brief(code: str, severity: str) -> None:
    """Whatever has failed: its English title and detail stay in the report."""
    finding = Finding(code=code, severity=severity, title="The arms are not the same", detail="It is wrong.")
    told = in_french(factory.make_report(findings=(finding,)))

    assert ENGLISH.findall(told) == []
    assert FOUND_FR[code] in told


@pytest.mark.parametrize("reason", sorted({*REASONS, *wording.REASONS, "brand_new"}))
def test_no_english_comes_with_a_missing_number(reason: str) -> None:
    """Nor with the stages that the analysis adds itself."""
    report = factory.make_report()
    stage = report.journey.stages[1]
    added = msgspec.structs.replace(
        report.metrics[4], key=f"reach:{stage.key}", title=f"Reached {stage.title}"
    )
    goal = msgspec.structs.replace(report.metrics[0], effects=(no_effect(reason),))
    told = in_french(factory.make_report(metrics=(goal, added)))

    assert ENGLISH.findall(told) == []
    assert "\u00c9tape atteinte" in told


@pytest.mark.parametrize("code", sorted(ALL_DECISIONS))
def test_no_english_comes_with_a_decision(code: str) -> None:
    """Each has its own French sentence and next step."""
    verdict = msgspec.structs.replace(factory.make_report().verdicts[0], code=code)

    assert ENGLISH.findall(in_french(factory.make_report(verdicts=(verdict,)))) == []


def test_checks_are_said_in_one_sentence() -> None:
    """How many warn, and of what."""
    report = factory.make_report()
    clean = msgspec.structs.replace(report, findings=report.findings[:1])

    assert (
        make_brief(report, "h", {}, "en").checks
        == "1 of 4 checks warn: too many customers met several variants."
    )
    assert make_brief(clean, "h", {}, "en").checks == "Every check has passed (1)."
