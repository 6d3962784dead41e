"""The knowledge base: what was learned, searched by any word, and what resembles an experiment."""

from __future__ import annotations

from typing import Final, NamedTuple

from flask import Blueprint, render_template, request

from abplat.domain.conclusions import OUTCOMES
from abplat.services import experiments, knowledge, projects
from abplat.services.knowledge import Lesson, Search
from abplat.web import wording
from abplat.web.filters import Choice, find_argument, read_page
from abplat.web.wording import Word
from abplat.web.writing import current_platform

PER_PAGE: Final = 20
WORDS: Final = {
    "won": Word("Won", "up", "good"),
    "lost": Word("Lost", "down", "bad"),
    "inconclusive": Word("Nothing shown", "dash", "calm"),
    "invalid": Word("Not trusted", "warning", "warn"),
}


class Row(NamedTuple):
    """One lesson as the page shows it."""

    lesson: Lesson
    word: Word
    concluded: str
    effect: str
    plausible: str


def add_pages(pages: Blueprint) -> None:
    """Put the page under its address."""
    pages.add_url_rule("/projects/<project>/knowledge", view_func=show_knowledge)


def show_knowledge(project: str) -> str:
    """Show what was learned, all or what is looked for."""
    names = ("q", "outcome", "journey", "metric", "owner", "like")
    wanted = Search(*(find_argument(name) for name in names))
    page = read_page()
    with current_platform().sessions() as session:
        title = projects.get(session, project).get("title") or project
        found = knowledge.search(session, project, wanted, limit=PER_PAGE, offset=(page - 1) * PER_PAGE)
        filters = knowledge.list_filters(session, project)
        like = experiments.get(session, project, wanted.like) if wanted.like else None
    args = {name: request.args[name] for name in names if request.args.get(name)}
    return render_template(
        "knowledge.html",
        project=project,
        project_title=title,
        wanted=wanted,
        rows=[_row(lesson) for lesson in found.lessons],
        total=found.total,
        like=like,
        outcomes=[Choice("", "any"), *(Choice(key, WORDS[key].text) for key in OUTCOMES)],
        filters={
            name: [Choice("", "any"), *(Choice(*each) for each in rows)] for name, rows in filters.items()
        },
        args=args,
        next_page=page + 1 if found.total > page * PER_PAGE else None,
    )


def _row(lesson: Lesson) -> Row:
    """Say one lesson."""
    effect, plausible = "", ""
    if lesson.goal and lesson.rel_effect is not None:
        effect = f"{lesson.goal} {wording.percent(lesson.rel_effect, signed=True)}"
        if lesson.rel_ci_lower is not None and lesson.rel_ci_upper is not None:
            plausible = wording.interval(lesson.rel_ci_lower, lesson.rel_ci_upper)
    word = wording.say_word(WORDS, lesson.outcome)
    return Row(lesson, word, lesson.concluded_at.strftime("%Y-%m-%d"), effect, plausible)
