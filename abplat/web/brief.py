"""The brief: one page on one experiment for people who know no statistics, from the stored report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from abplat.domain.report import Effect, LinkEffect, MetricResult, Report, Verdict
from abplat.web import wording
from abplat.web.brief_checks import say_found, say_missing
from abplat.web.brief_words import BAR_WORDS, DECISIONS, METRIC_WORDS, NEXT, OUTCOMES, WORDS, localise
from abplat.web.charts import forest
from abplat.web.link_rows import LinkNumbers, LinkTable, list_link_tables, stage_title, variant_title
from abplat.web.metric_rows import is_withheld, make_row

ROLES = {"primary": "decides", "guardrail": "guards", "secondary": "helps", "touchpoint": "explains"}
ORDER = ("primary", "guardrail", "touchpoint", "secondary")
MOST_ROWS = 6
MOST_CHECKS = 4
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class BriefRow:
    """One number of the brief."""

    title: str
    role: str
    change: str
    plausible: str
    word: wording.Word
    picture: Markup


@dataclass(frozen=True, slots=True)
class BriefLink:
    """What one link adds."""

    name: str
    points: str
    plausible: str
    picture: Markup


@dataclass(frozen=True, slots=True)
class BriefVariant:
    """The answer on one variant."""

    variant: str
    word: wording.Word
    sentence: str
    rows: tuple[BriefRow, ...]
    links: tuple[BriefLink, ...]
    harms: tuple[str, ...]
    next_step: str


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything on the page."""

    language: str
    words: Mapping[str, str]
    title: str
    facts: Facts
    question: str
    variants: tuple[BriefVariant, ...]
    checks: str
    learned: str
    outcome: str
    observed: tuple[tuple[str, str], ...]
    footer: str
    hash: str


def make_brief(report: Report, report_hash: str, conclusion: Mapping[str, Any], language: str) -> Brief:
    """Write the brief in a language."""
    words = WORDS[language]
    level = localise(wording.level(1 - report.experiment.alpha), language)
    at = wording.instant(report.inputs.as_of)
    return Brief(
        language=language,
        words=words,
        title=report.experiment.title,
        facts=_facts(report, words, language),
        question=report.experiment.hypothesis,
        variants=tuple(_variant(report, verdict, language) for verdict in report.verdicts),
        checks=_say_checks(report, language),
        learned=str(conclusion.get("note") or ""),
        outcome=OUTCOMES[language].get(str(conclusion.get("outcome") or ""), ""),
        observed=tuple(_observed(report)),
        footer=words["footer"].format(hash=report_hash[:12], at=at, level=level),
        hash=report_hash,
    )


def _facts(report: Report, words: Mapping[str, str], language: str) -> Facts:
    """Return what stands under the title."""
    facts = report.experiment
    started, stopped = (facts.started_at or "")[:10], (facts.stopped_at or "")[:10]
    ran = f"{words['since']} {started}" + (f" {words['until']} {stopped}" if stopped else "")
    n = sum(arm.n_exposed for arm in facts.variants)
    return (
        (words["owner"], facts.owner or words["nobody"]),
        (words["journey"], report.journey.title),
        (words["ran"], ran if started else wording.DASH),
        (words["customers"], localise(wording.count(n), language)),
        (words["channels"], ", ".join(wording.humanise(each) for each in facts.channels) or wording.DASH),
    )


def _variant(report: Report, verdict: Verdict, language: str) -> BriefVariant:
    """Write the answer on one variant."""
    withheld = is_withheld(report)
    is_quiet = report.experiment.kind == "aa" and verdict.code == "inconclusive"
    code = "not_trusted" if withheld else "aa" if is_quiet else verdict.code
    text, sentence = DECISIONS[language].get(code) or (verdict.word, verdict.sentence)
    block = next((say_found(each, language) for each in report.findings if each.severity == "block"), "")
    look = wording.say_word(wording.DECISIONS, "not_trusted" if withheld else verdict.code)
    return BriefVariant(
        variant=variant_title(report, verdict.variant),
        word=wording.Word(text, look.icon, look.tone),
        sentence=sentence.format(block=block) if "{block}" in sentence else sentence,
        rows=tuple(_rows(report, verdict.variant, language, withheld=withheld)),
        links=tuple(_links(report, verdict.variant, language)),
        harms=tuple(_harms(report, verdict.variant, language)),
        next_step=NEXT[language].get(code, ""),
    )


def _say_checks(report: Report, language: str) -> str:
    """Say how many checks warn, and what the gravest of them have found."""
    bad = [each for each in report.findings if each.severity in {"block", "warning"}]
    n = len(report.findings)
    if not n:
        return ""
    if not bad:
        return WORDS[language]["all_passed"].format(n=n)
    found = "; ".join(list(dict.fromkeys(say_found(each, language) for each in bad))[:MOST_CHECKS])
    return WORDS[language]["warned"].format(n=n, warned=len(bad), found=found)


def _effect(metric: MetricResult, variant: str) -> Effect | None:
    """Return the effect of a variant."""
    return next((effect for effect in metric.effects if effect.variant == variant), None)


def _rows(report: Report, variant: str, language: str, *, withheld: bool) -> list[BriefRow]:
    """Return the numbers, as many as fit: the goal, the guardrails, the touchpoints, then what helps."""
    ordered = [metric for role in ORDER for metric in report.metrics if metric.role == role]
    found = [(metric, effect) for metric in ordered if (effect := _effect(metric, variant))][:MOST_ROWS]
    made = [(metric, effect, make_row(metric, effect, {}, withheld=withheld)) for metric, effect in found]
    axis = forest.axis_of([row.bar for _, _, row in made if row.bar])
    rows = []
    for metric, effect, row in made:
        code = "not_trusted" if withheld else effect.verdict
        text = METRIC_WORDS[language].get(code, row.word.text)
        title = _name(report, metric, language)
        change, plausible = localise(row.change, language), localise(row.plausible, language)
        if effect.effect is None and effect.rel_effect is None:
            change = say_missing(effect.reason, language)
        sentence = f"{title}: {change}" + (
            f", {WORDS[language]['plausible']} {plausible}" if plausible else ""
        )
        picture = (
            forest.draw_bar(axis, row.bar, sentence, change, BAR_WORDS[language])
            if row.bar
            else forest.draw_ground(axis, sentence)
        )
        word = wording.Word(text, row.word.icon, row.word.tone)
        role = WORDS[language][ROLES[metric.role]]
        rows.append(BriefRow(title, role, change, plausible, word, picture))
    return rows


def _name(report: Report, metric: MetricResult, language: str) -> str:
    """Name a metric; those that the analysis itself adds for each stage have no name of people."""
    added, _, stage = metric.key.partition("reach:")
    if added or not stage:
        return metric.title
    return WORDS[language]["reached"].format(title=metric.title, stage=stage_title(report, stage))


def _name_link(report: Report, link: LinkEffect, language: str) -> str:
    """Name a link by both its stages."""
    source = stage_title(report, link.source)
    source = WORDS[language]["exposed"] if source == "Exposed" else source
    return f"{source} \u2192 {stage_title(report, link.target)}"


def _links(report: Report, variant: str, language: str) -> list[BriefLink]:
    """Return what each link adds."""

    def say(link: LinkEffect, numbers: LinkNumbers) -> str:
        """Say one link in the language of the brief."""
        said = {name: localise(value, language) for name, value in numbers._asdict().items()}
        return WORDS[language]["link"].format(**{**said, "name": _name_link(report, link, language)})

    tables: tuple[LinkTable, ...] = list_link_tables(report, say)
    found = []
    for links, table in zip(report.links, tables, strict=True):
        if links.variant != variant:
            continue
        rows = [row for row in table.rows if not row.is_total]
        for link, row in zip(links.links, rows, strict=False):
            name = _name_link(report, link, language)
            points, plausible = localise(row.points, language), localise(row.plausible, language)
            found.append(BriefLink(name, points, plausible, row.picture))
    return found


def _harms(report: Report, variant: str, language: str) -> list[str]:
    """Say which harm is still possible: of the goal, and of every guardrail with a margin."""
    said = []
    for metric in report.metrics:
        effect = _effect(metric, variant)
        if effect is not None and metric.role == "primary":
            said.append(_say_goal_harm(metric, _worst(metric, effect, is_relative=True), language))
        elif effect is not None and metric.role == "guardrail" and metric.margin is not None:
            said.append(_say_guardrail_harm(metric, effect, language))
    return [sentence for sentence in said if sentence]


def _say_goal_harm(metric: MetricResult, worst: float | None, language: str) -> str:
    """Say how far the goal could still fall."""
    if worst is None:
        return ""
    is_up = metric.direction == "up"
    if worst >= 0 if is_up else worst <= 0:
        return WORDS[language]["none_harm"]
    bound = localise(wording.percent(worst, signed=True), language)
    return WORDS[language]["harm_goal" if is_up else "harm_goal_high"].format(
        metric=metric.title, bound=bound
    )


def _say_guardrail_harm(metric: MetricResult, effect: Effect, language: str) -> str:
    """Say whether a guardrail is shown to stay within its margin."""
    is_relative = metric.margin_scale == "relative"
    worst, margin = _worst(metric, effect, is_relative=is_relative), metric.margin or 0.0
    if worst is None:
        return ""
    past = -worst > margin if metric.direction == "up" else worst > margin
    if is_relative:
        bound, limit = wording.percent(worst, signed=True), wording.level(margin)
    else:
        bound, limit = (
            wording.quantity(worst, metric.unit, signed=True),
            wording.quantity(margin, metric.unit),
        )
    return WORDS[language]["harm_guardrail" if past else "harm_ok"].format(
        metric=metric.title, bound=localise(bound, language), margin=localise(limit, language)
    )


def _worst(metric: MetricResult, effect: Effect, *, is_relative: bool) -> float | None:
    """Return the worst change that is still plausible."""
    lower, upper = (
        (effect.rel_ci_lower, effect.rel_ci_upper) if is_relative else (effect.ci_lower, effect.ci_upper)
    )
    return lower if metric.direction == "up" else upper


def _observed(report: Report) -> list[tuple[str, str]]:
    """Return what was observed beside the experiment, where the report holds it."""
    return [
        (str(each.title), str(getattr(each, "finding", "") or getattr(each, "source", "")))
        for each in getattr(report, "observations", ())
    ]
