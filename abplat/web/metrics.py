"""The metric catalogue: what is measured, what it means, where it is used and what moved it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from flask import Blueprint, redirect, render_template, request, url_for
from markupsafe import Markup

from abplat.domain.catalogue import EXPERIMENTS, JOURNEYS, METRICS, TEMPLATES
from abplat.domain.metric_kinds import KINDS_BY_KEY
from abplat.domain.metric_standings import Standing
from abplat.domain.roles import ANALYST
from abplat.domain.searching import fold
from abplat.errors import NotFoundError
from abplat.services import definitions, experiments, metric_effects, metric_standings, metrics, projects
from abplat.services.metric_effects import MetricEffect
from abplat.web import wording
from abplat.web.charts import sparkline
from abplat.web.door import require_role
from abplat.web.filters import Choice, find_argument, list_choices
from abplat.web.metric_card import Fact, Step, describe_metric, list_steps
from abplat.web.metric_past import describe_past
from abplat.web.metric_standing import CHOICES, DRIFTED, WORDS, list_warnings, say_standing
from abplat.web.wording import Word
from abplat.web.writing import current_platform, open_writer

ROLES: Final = {
    "primary": "goal",
    "guardrail": "guardrail",
    "secondary": "secondary",
    "touchpoint": "touchpoint",
}


class Row(NamedTuple):
    """One metric in the list."""

    key: str
    title: str
    owner: str
    counts: str
    journey: str
    direction: Word
    n_uses: int
    standing: Word
    is_drifted: bool


class Use(NamedTuple):
    """Where a metric is used."""

    noun: str
    key: str
    title: str
    role: str
    state: Word | None


class Moved(NamedTuple):
    """What one experiment did to a metric."""

    experiment: str
    title: str
    variant: str
    role: str
    as_of: str
    baseline: str
    change: str
    plausible: str
    word: Word


def add_pages(pages: Blueprint) -> None:
    """Put the pages under their addresses."""
    pages.add_url_rule("/projects/<project>/metrics", view_func=list_metrics)
    pages.add_url_rule("/projects/<project>/metrics/<key>", view_func=show_metric)
    pages.add_url_rule(
        "/projects/<project>/metrics/<key>/history", view_func=request_history, methods=["POST"]
    )


def list_metrics(project: str) -> str:
    """Show the metrics of a project, all or what is looked for."""
    wanted = {name: find_argument(name) for name in ("q", "kind", "owner", "journey", "channel", "status")}
    with current_platform().sessions() as session:
        title = projects.get(session, project).get("title") or project
        entries = definitions.load_entries(session, project)
        said, drifted = metric_standings.list_(session, project), metrics.list_drifted(session, project)
    documents = list(entries[METRICS].values())
    uses = [use["metric"] for each in entries["experiments"].values() for use in each["metrics"]]
    status = {each["key"]: said.get(each["key"], Standing()).status for each in documents}
    rows = [
        _row(each, uses.count(each["key"]), status[each["key"]], is_drifted=each["key"] in drifted)
        for each in documents
        if _is_wanted(each, wanted) and wanted["status"] in ("", status[each["key"]])
    ]
    journeys = {key: str(each.get("title") or key) for key, each in entries["journeys"].items()}
    return render_template(
        "metrics.html",
        project=project,
        project_title=title,
        rows=sorted(rows, key=lambda row: fold(row.title)),
        wanted=wanted,
        is_any=any(wanted.values()),
        kinds=[
            Choice("", "any"),
            *(Choice(key, wording.humanise(key)) for key in sorted({each["kind"] for each in documents})),
        ],
        statuses=CHOICES,
        channels=[
            Choice("", "any"),
            *(Choice(key, str(each["title"])) for key, each in entries["channels"].items()),
        ],
        drifted_word=DRIFTED,
        owners=list_choices("anybody", (str(each["owner"]) for each in documents)),
        journeys=[Choice("", "any"), *(Choice(key, text) for key, text in sorted(journeys.items()))],
        journey_titles=journeys,
    )


def _is_wanted(document: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Tell whether a metric is looked for."""
    if any(wanted[name] and document.get(name) != wanted[name] for name in ("kind", "owner", "journey")):
        return False
    if wanted["channel"] and wanted["channel"] not in _list_channels(document):
        return False
    kind = KINDS_BY_KEY.get(document["kind"])
    texts = [
        document["key"],
        document.get("title"),
        document.get("description"),
        document.get("owner"),
        kind.counts if kind else "",
    ]
    text = fold(" ".join(str(each or "") for each in texts))
    return all(word in text for word in fold(wanted["q"]).split())


def _list_channels(document: Mapping[str, Any]) -> set[str]:
    """Return the channels that a metric names."""
    found = set(document.get("channels") or ())
    for matcher in document.get("match") or ():
        named = matcher.get("channel") or ()
        found |= {named} if isinstance(named, str) else set(named)
    return found


def _row(document: Mapping[str, Any], n_uses: int, status: str, *, is_drifted: bool) -> Row:
    """Say one metric in a line."""
    kind = KINDS_BY_KEY.get(document["kind"])
    return Row(
        document["key"],
        str(document.get("title") or document["key"]),
        str(document["owner"]),
        kind.counts if kind else wording.humanise(document["kind"]),
        str(document.get("journey") or ""),
        say_direction(str(document["direction"])),
        n_uses,
        WORDS[status],
        is_drifted,
    )


def say_direction(direction: str) -> Word:
    """Say which way is good."""
    return (
        Word("More is better", "up", "calm") if direction == "up" else Word("Less is better", "down", "calm")
    )


def show_metric(project: str, key: str) -> str:
    """Show the card of a metric."""
    with current_platform().sessions() as session:
        title = projects.get(session, project).get("title") or project
        document = metrics.get(session, project, key)
        steps: list[Step] = list_steps(metrics.list_versions(session, project, key))
        effects = metric_effects.list_effects(session, project, key)
        found = _find_history(session, project, key)
        standing = metric_standings.get(session, project, key)
        journeys = definitions.load_entries(session, project)[JOURNEYS]
        uses = [_use(session, project, use) for use in metrics.list_uses(session, project, key)]
    facts: list[Fact] = describe_metric(document)
    kind = KINDS_BY_KEY.get(document["kind"])
    unit = kind.unit if kind else "value"
    return render_template(
        "metric.html",
        project=project,
        project_title=title,
        metric=document,
        direction=say_direction(str(document["direction"])),
        kind=kind,
        facts=facts,
        past=describe_past(found, unit) if found else None,
        standing=standing,
        standing_word=WORDS[standing.status],
        standing_said=say_standing(standing),
        statuses=CHOICES[1:],
        warnings=list_warnings(found, unit, int(document["version"])),
        notice="The worker reads the past now; look again in a while." if "asked" in request.args else None,
        journey_title=(journeys.get(str(document.get("journey"))) or {}).get("title"),
        steps=steps,
        uses=uses,
        usual=_say_usual(uses),
        moved=[_moved(each) for each in reversed(effects)],
        baseline=_draw_baseline(effects),
    )


@require_role(ANALYST)
def request_history(project: str, key: str) -> Any:
    """Ask the worker to read what the past says of a metric."""
    with open_writer() as session:
        metrics.request_history(session, project, key, {}, now=current_platform().clock())
    return redirect(url_for("pages.show_metric", project=project, key=key, asked=1), 303)


def _find_history(session: Any, project: str, key: str) -> Mapping[str, Any] | None:
    """Return what the past says of a metric, if it was read."""
    try:
        return metrics.get_history(session, project, key)
    except NotFoundError:
        return None


def _use(session: Any, project: str, use: Mapping[str, Any]) -> Use:
    """Say where a metric is used."""
    key = str(use["key"])
    title = key
    if use["noun"] not in (METRICS, TEMPLATES):
        title = str(experiments.get(session, project, key).get("title") or key)
    state = wording.say_word(wording.STATES, use["state"]) if use["state"] else None
    return Use(
        str(use["noun"]), key, title, ROLES.get(use["role"], "part" if use["noun"] == METRICS else ""), state
    )


def _say_usual(uses: Sequence[Use]) -> str:
    """Say which role a metric usually plays."""
    roles = [use.role for use in uses if use.noun == EXPERIMENTS and use.role in ROLES.values()]
    if not roles:
        return ""
    usual = max(sorted(set(roles)), key=roles.count)
    return f"Usually a {usual}: {roles.count(usual)} of {len(roles)} times."


def _moved(effect: MetricEffect) -> Moved:
    """Say what one experiment did to a metric."""
    change, plausible = "no number", ""
    if effect.rel_effect is not None:
        change = wording.percent(effect.rel_effect, signed=True)
        if effect.rel_ci_lower is not None and effect.rel_ci_upper is not None:
            plausible = wording.interval(effect.rel_ci_lower, effect.rel_ci_upper)
    return Moved(
        effect.experiment,
        effect.title,
        effect.variant,
        ROLES.get(effect.role, effect.role),
        effect.as_of.strftime("%Y-%m-%d"),
        wording.said(effect.baseline, effect.unit),
        change,
        plausible,
        wording.say_word(wording.WORDS, effect.verdict),
    )


def _draw_baseline(effects: Sequence[MetricEffect]) -> tuple[Markup, str] | None:
    """Draw the value in control from experiment to experiment; nothing where there are fewer than two."""
    found = {each.experiment: each for each in effects if each.baseline is not None}
    ordered = sorted(found.values(), key=lambda each: each.as_of)
    if len(ordered) < 2:
        return None
    values = [each.baseline or 0.0 for each in ordered]
    said = [
        wording.said(value, each.unit)
        for value, each in zip((min(values), max(values), values[-1]), ordered[:1] * 3, strict=True)
    ]
    sentence = (
        f"Value in control over {len(values)} experiments, from {ordered[0].as_of:%Y-%m-%d} to "
        f"{ordered[-1].as_of:%Y-%m-%d}: between {said[0]} and {said[1]}, at last {said[2]}."
    )
    return sparkline.draw(values, sentence), sentence
