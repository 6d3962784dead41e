"""Whether a metric can be relied on: what people said of it, and whether its data have left their history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from flask import Blueprint, redirect, request, url_for

from abplat.domain.metric_history import Drift, MetricHistory
from abplat.domain.metric_standings import CERTIFIED, DRAFT, RETIRED, STATUSES, Standing
from abplat.domain.roles import APPROVER
from abplat.services import metric_standings
from abplat.web import wording
from abplat.web.cards import say_time
from abplat.web.door import require_role
from abplat.web.filters import Choice
from abplat.web.wording import Word
from abplat.web.writing import current_platform, open_writer

WORDS: Final = {
    DRAFT: Word("Draft", "dash", "calm"),
    CERTIFIED: Word("Certified", "check", "good"),
    RETIRED: Word("Retired", "warning", "warn"),
}
CHOICES: Final = [Choice("", "any"), *(Choice(each, WORDS[each].text) for each in STATUSES)]
DRIFTED: Final = Word("Drifted", "warning", "warn")


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    place = "/projects/<project>/metrics/<key>/standing"
    pages.add_url_rule(place, view_func=put_standing, methods=["POST"])


@require_role(APPROVER)
def put_standing(project: str, key: str) -> Any:
    """Say of a metric that it is a draft, certified or retired."""
    document = {name: request.form.get(name, "").strip() for name in ("status", "note")}
    with open_writer(project) as session:
        metric_standings.put(session, project, key, document, now=current_platform().clock())
    return redirect(url_for("pages.show_metric", project=project, key=key), 303)


def say_standing(standing: Standing) -> str:
    """Say who said what of a metric, and when."""
    if standing.actor is None:
        return "Nobody has certified it yet."
    verb = {DRAFT: "made a draft again", CERTIFIED: "certified", RETIRED: "retired"}[standing.said]
    who = standing.actor.removeprefix("user:")
    said = f"Version {standing.definition_version} was {verb} by {who}, {say_time(standing.at)}."
    if standing.is_outdated:
        said += " It has changed since, so that certificate counts no longer."
    return said


def list_warnings(document: Mapping[str, Any] | None, unit: str, version: int) -> list[str]:
    """Say where data and definition no longer agree.

    Args:
        document: What the past says of the metric, as the worker stored it.
        unit: Of its values.
        version: Of its definition, as it is now.
    """
    if document is None:
        return []
    history = msgspec.convert(document, MetricHistory)
    warnings = [_say_drift(each, unit) for each in history.drift]
    if history.definition_version is not None and history.definition_version != version:
        warnings.append(
            f"The past below was read of version {history.definition_version}; the metric is at version {version}. "
            "Read it again."
        )
    return warnings


def _say_drift(drift: Drift, unit: str) -> str:
    """Say what has left its history, and what to do."""
    name = "The value" if drift.measure == "value" else "The variance"
    before, recent = (
        wording.said(each, unit) if drift.measure == "value" else f"{each:.3g}"
        for each in (drift.before, drift.recent)
    )
    return (
        f"{name} has left its history: {before} a day before, {recent} in the last 14 days. Compare what is sent with "
        "the definition; if the world has changed, certify it again."
    )
