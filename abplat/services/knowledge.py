"""The knowledge base: what was learned from experiments that are over, searched by any word."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy.orm import Session

from abplat.db.models.experiments import Experiment
from abplat.db.queries import definitions as queries
from abplat.db.queries import experiments as experiment_queries
from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, Document
from abplat.domain.report_digest import ReportDigest, read_digest
from abplat.domain.searching import fold, list_words, measure_likeness, score
from abplat.errors import NotFoundError
from abplat.services import reports

WEIGHTS: Final = {
    "title": 5.0, "key": 4.0, "note": 3.0, "metrics": 3.0, "journey": 3.0, "hypothesis": 2.0, "outcome": 2.0, "owner": 1.0,
}  # fmt: skip
_SAME_JOURNEY, _SAME_GOAL, _SAME_METRIC, _SAME_WORDS = 2.0, 2.0, 1.0, 6.0
_LIKE_ENOUGH: Final = 1.0
MOST: Final = 100
_OUTCOME_WORDS: Final = {
    "won": "won better win shipped", "lost": "lost worse harm", "inconclusive": "inconclusive nothing shown draw",
    "invalid": "invalid not trusted broken",
}  # fmt: skip


class Search(NamedTuple):
    """What is looked for; nothing leaves nothing out.

    Attributes:
        text: Words, each of which must begin some word.
        outcome: won, lost, inconclusive or invalid.
        journey: Key of the journey.
        metric: Key of a metric that was used.
        owner: Who answered for it.
        like: Key of an experiment: those that resemble it, the most alike first.
    """

    text: str = ""
    outcome: str = ""
    journey: str = ""
    metric: str = ""
    owner: str = ""
    like: str = ""


class Lesson(NamedTuple):
    """What was learned from one experiment, and what it rests on."""

    key: str
    title: str
    owner: str
    hypothesis: str
    journey: str
    journey_title: str
    outcome: str
    note: str
    shipped: str | None
    against_verdict: bool
    concluded_at: datetime
    metrics: list[str]
    verdict: str | None
    goal: str | None
    rel_effect: float | None
    rel_ci_lower: float | None
    rel_ci_upper: float | None


class Found(NamedTuple):
    """Some lessons, and how many there are."""

    lessons: list[Lesson]
    total: int


def search(session: Session, project: str, wanted: Search, *, limit: int = 20, offset: int = 0) -> Found:
    """Return what was learned, the best answers first; without words the youngest first.

    Raises:
        NotFoundError: If ``like`` names no experiment.
    """
    titles = {noun: _list_titles(session, noun, project) for noun in (JOURNEYS, METRICS)}
    rows = [row for row in experiment_queries.list_concluded(session, project) if _is_wanted(row, wanted)]
    if wanted.like:
        own = queries.get(session, EXPERIMENTS, project, wanted.like)
        rows = _rank_by_likeness(own.key, own.document, rows)
    if wanted.text:
        rows = _rank_by_words(list_words(wanted.text), rows, titles)
    page = rows[offset : offset + min(limit, MOST)]
    return Found([_describe(session, row, titles[JOURNEYS]) for row in page], len(rows))


def list_filters(session: Session, project: str) -> dict[str, list[tuple[str, str]]]:
    """Return what can be chosen: owners, journeys and metrics of concluded experiments."""
    rows = experiment_queries.list_concluded(session, project)
    journeys, metrics = _list_titles(session, JOURNEYS, project), _list_titles(session, METRICS, project)
    used = {use["metric"] for row in rows for use in row.document["metrics"]}
    return {
        "owner": sorted({(str(row.document["owner"]), str(row.document["owner"])) for row in rows}),
        "journey": sorted(
            {(key, journeys.get(key, key)) for row in rows if (key := row.document["journey"])}
        ),
        "metric": sorted((key, metrics.get(key, key)) for key in used),
    }


def _list_titles(session: Session, noun: str, project: str) -> dict[str, str]:
    """Return the titles of some definitions by key."""
    return {
        row.key: str(row.document.get("title") or row.key) for row in queries.list_all(session, noun, project)
    }


def _is_wanted(row: Experiment, wanted: Search) -> bool:
    """Tell whether an experiment goes through the filters."""
    document = row.document
    return (
        (not wanted.outcome or row.conclusion["outcome"] == wanted.outcome)
        and (not wanted.journey or document["journey"] == wanted.journey)
        and (not wanted.owner or fold(document["owner"]) == fold(wanted.owner))
        and (not wanted.metric or any(use["metric"] == wanted.metric for use in document["metrics"]))
    )


def _rank_by_words(
    words: list[str], rows: Iterable[Experiment], titles: Mapping[str, Mapping[str, str]]
) -> list[Experiment]:
    """Return those in which every word is found; the order of equals stays."""
    scored = [(score(words, WEIGHTS, _read_texts(row, titles)), row) for row in rows]
    return [row for points, row in sorted(scored, key=lambda each: -each[0]) if points]


def _read_texts(row: Experiment, titles: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Return the words of an experiment, part by part."""
    document, conclusion = row.document, row.conclusion
    uses = [use["metric"] for use in document["metrics"]]
    metrics = " ".join(f"{key} {titles[METRICS].get(key, '')}" for key in uses)
    journey = str(document["journey"] or "")
    parts = {
        "title": document.get("title"), "key": row.key, "note": conclusion.get("note"), "metrics": metrics,
        "journey": f"{journey} {titles[JOURNEYS].get(journey, '')}", "hypothesis": document.get("hypothesis"),
        "outcome": _OUTCOME_WORDS.get(conclusion["outcome"]), "owner": document.get("owner"),
    }  # fmt: skip
    return {name: list_words(str(text or "")) for name, text in parts.items()}


def _rank_by_likeness(key: str, own: Document, rows: Iterable[Experiment]) -> list[Experiment]:
    """Return those that resemble an experiment, the most alike first."""
    scored = [(_compare(own, row.document), row) for row in rows if row.key != key]
    return [row for points, row in sorted(scored, key=lambda each: -each[0]) if points >= _LIKE_ENOUGH]


def _compare(own: Document, other: Document) -> float:
    """Say how alike two experiments are: journey, metrics and words."""
    mine, theirs = _uses_of(own), _uses_of(other)
    shared = mine.keys() & theirs.keys()
    goals = sum(1 for key in shared if mine[key] == theirs[key] == "primary")
    texts = [f"{each.get('title')} {each.get('hypothesis') or ''}" for each in (own, other)]
    return float(
        _SAME_JOURNEY * (own["journey"] == other["journey"])
        + _SAME_GOAL * goals
        + _SAME_METRIC * (len(shared) - goals)
        + _SAME_WORDS * measure_likeness(*map(list_words, texts))
    )


def _uses_of(document: Document) -> dict[str, str]:
    """Return the roles of metrics by key."""
    return {use["metric"]: use["role"] for use in document["metrics"]}


def _describe(session: Session, row: Experiment, journeys: Mapping[str, str]) -> Lesson:
    """Return what was learned from one experiment, with the effect on its goal."""
    document, conclusion = row.document, row.conclusion
    digest = _find_digest(session, row, conclusion.get("report"))
    goal = digest.goal if digest else None
    effect = _choose_effect(goal.effects, conclusion.get("shipped")) if goal else None
    code = "not_trusted" if digest and digest.is_withheld else None
    verdict = code or (digest.verdicts[0].code if digest and digest.verdicts else None)
    titles = {each["key"]: each.get("title") or each["key"] for each in document["variants"]}
    shipped = conclusion.get("shipped")
    return Lesson(
        key=row.key,
        title=str(document.get("title") or row.key),
        owner=str(document["owner"]),
        hypothesis=str(document.get("hypothesis") or ""),
        journey=str(document["journey"] or ""),
        journey_title=journeys.get(document["journey"], str(document["journey"] or "")),
        outcome=conclusion["outcome"],
        note=str(conclusion.get("note") or ""),
        shipped=titles.get(shipped, shipped) if shipped else None,
        against_verdict=bool(conclusion.get("against_verdict")),
        concluded_at=row.concluded_at,  # type: ignore[arg-type]  # it is concluded
        metrics=[use["metric"] for use in document["metrics"]],
        verdict=verdict,
        goal=goal.title if goal else None,
        rel_effect=effect.rel_effect if effect else None,
        rel_ci_lower=effect.rel_ci_lower if effect else None,
        rel_ci_upper=effect.rel_ci_upper if effect else None,
    )


def _choose_effect(effects: Any, shipped: str | None) -> Any:
    """Return the effect of the variant that was shipped, else of the first."""
    return next((each for each in effects if each.variant == shipped), next(iter(effects), None))


def _find_digest(session: Session, row: Experiment, report_hash: str | None) -> ReportDigest | None:
    """Return in short the report that the conclusion rests on, else the latest."""
    try:
        if report_hash:
            return read_digest(reports.find(session, row.project, row.key, report_hash).document)
        return read_digest(reports.latest(session, row.project, row.key).document)
    except (NotFoundError, msgspec.DecodeError):
        return None
