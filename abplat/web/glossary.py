"""The page of words: each term of the pages in plain words; terms on other pages lead here."""

from __future__ import annotations

from flask import Blueprint, render_template

from abplat.domain.glossary import BY_KEY, TERMS, Term
from abplat.domain.searching import fold
from abplat.web.filters import find_argument


def add_pages(pages: Blueprint) -> None:
    """Put the page under its address."""
    pages.add_url_rule("/glossary", view_func=show_glossary)


def show_glossary() -> str:
    """Show the words, all or those that are searched."""
    wanted = find_argument("q")
    words = fold(wanted).split()
    found = [term for term in TERMS if all(word in fold(f"{term.title} {term.meaning}") for word in words)]
    found.sort(key=lambda term: fold(term.title))
    return render_template("glossary.html", terms=found, wanted=wanted, by_key=BY_KEY)


def define(key: str) -> Term:
    """Return a word that a page uses; a page that uses one without a meaning is a fault of ours."""
    return BY_KEY[key]
