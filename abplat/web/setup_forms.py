"""The forms of the set-up: from what was typed to fields of an experiment, and back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from abplat.domain import setups as rules
from abplat.domain.catalogue import CHANNELS, METRICS, Document
from abplat.domain.experiments import CLEAR_SIGNALS
from abplat.domain.layers import BUCKETS
from abplat.domain.metrics import PRIMARY_KINDS
from abplat.web.form_reader import FormReader

Entries = Mapping[str, Mapping[str, Document]]
NEW_GOAL: Final = "new:completion"
NEW_EFFORT: Final = "new:effort"
USUAL_MARGIN: Final = 0.05
_GUARDED: Final = re.compile(
    r"call|complain|refund|return|cancel|contact|latency|slow|error|drop|effort", re.IGNORECASE
)


_MISSING_PART: Final = {
    "change": "Say what you change, in a few words.",
    "people": "Say for whom you change it.",
    "outcome": "Say what it will do to their journey.",
    "because": "Say why you think so: the result will be held against it.",
}


def read_question(form: FormReader, owner: str) -> tuple[Document, dict[str, str]]:
    """Read the first step: the parts of the question, and who answers for it."""
    parts = {name: form.text(name) or "" for name in rules.PARTS}
    for name, text in parts.items():
        if not text:
            form.faults[name] = _MISSING_PART[name]
    title = form.text("title")
    if title is None:
        form.faults["title"] = "Give it a name by which people will find it."
    fields = {
        "key": form.text("key") or make_key(title or ""),
        "title": title,
        "owner": form.text("owner") or owner,
        "hypothesis": rules.write_hypothesis(parts),
        "kind": form.text("kind") or "ab",
    }
    return fields, parts


def make_key(title: str) -> str:
    """Make a key of a title.

    Examples:
        >>> make_key("A shorter quote form!"), make_key("…")
        ('a-shorter-quote-form', 'experiment')
    """
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:64].strip("-") or "experiment"


def fill_question(document: Document, question: Mapping[str, str], owner: str) -> dict[str, str]:
    """Return what the first step shows."""
    own = {name: str(document.get(name) or "") for name in ("key", "title", "owner", "kind")}
    return {**own, "owner": own["owner"] or owner, "kind": own["kind"] or "ab", **question}


def read_journey(form: FormReader) -> Document:
    """Read the second step."""
    journey = form.text("journey")
    if journey is None:
        form.faults["journey"] = "Choose the journey that the change is to make better."
    return {"journey": journey}


def list_goals(entries: Entries, journey: str) -> list[Document]:
    """Return the metrics that may decide: outcomes of this journey."""
    return [
        metric
        for metric in entries[METRICS].values()
        if metric["kind"] in PRIMARY_KINDS and metric["journey"] in (None, journey)
    ]


def list_watchable(entries: Entries, journey: str) -> list[Document]:
    """Return the metrics that may be watched beside the goal, with the role that is proposed."""
    found = []
    for metric in entries[METRICS].values():
        if metric["journey"] in (None, journey):
            is_proposed = metric["kind"] == "effort" or bool(_GUARDED.search(metric["key"] + metric["title"]))
            found.append({**metric, "is_proposed": is_proposed})
    if not any(metric["kind"] == "effort" and metric["journey"] == journey for metric in found):
        found.append(
            {"key": NEW_EFFORT, "title": "Contacts per customer", "kind": "effort", "is_proposed": True}
        )
    return found


def read_decides(form: FormReader, watchable: Sequence[Document]) -> Document:
    """Read the third step: the goal, what must not get worse, and what is worth acting on."""
    goal = form.text("goal")
    uses: list[Document] = []
    if goal is None:
        form.faults["goal"] = "Choose the outcome of the journey that decides."
    else:
        uses.append({"metric": goal, "role": "primary"})
    for metric in watchable:
        role = form.text(f"role-{metric['key']}")
        if role is None or metric["key"] == goal:
            continue
        use: Document = {"metric": metric["key"], "role": role}
        if role == "guardrail":
            use["margin"] = form.percent(f"margin-{metric['key']}")
        uses.append(use)
    return {
        "metrics": uses,
        "horizon": form.text("horizon"),
        "alpha": form.percent("alpha") or 0.05,
        "min_effect": form.percent("min_effect"),
        "decision_rule": form.text("decision_rule") or CLEAR_SIGNALS,
        "goal_margin": form.percent("goal_margin"),
    }


def fill_decides(
    document: Document, watchable: Sequence[Document], goals: Sequence[Document]
) -> dict[str, str]:
    """Return what the third step shows; guardrails are proposed where nothing was said yet."""
    uses = {use["metric"]: use for use in document.get("metrics") or ()}
    goal = next((key for key, use in uses.items() if use["role"] == "primary"), "")
    values = {
        "goal": goal or (goals[0]["key"] if goals else NEW_GOAL),
        "horizon": str(document.get("horizon") or "14d"),
        "alpha": percent(document.get("alpha") or 0.05),
        "min_effect": percent(document.get("min_effect")),
        "decision_rule": str(document.get("decision_rule") or CLEAR_SIGNALS),
        "goal_margin": percent(document.get("goal_margin")),
    }
    for metric in watchable:
        use = uses.get(metric["key"])
        proposed = (
            "guardrail" if metric["is_proposed"] and not uses and metric["key"] != values["goal"] else ""
        )
        values[f"role-{metric['key']}"] = use["role"] if use else proposed
        values[f"margin-{metric['key']}"] = percent((use or {}).get("margin") or USUAL_MARGIN)
    return values


def name_decides(fields: Document) -> dict[str, str]:
    """Return which field of the form each part of the answer comes from."""
    own = ("horizon", "alpha", "min_effect", "decision_rule", "goal_margin")
    names = {"metrics": "goal", **{name: name for name in own}}
    for index, use in enumerate(fields["metrics"]):
        is_goal = use["role"] == "primary"
        names[f"metrics[{index}]"] = "goal" if is_goal else f"role-{use['metric']}"
        names[f"metrics[{index}].margin"] = f"margin-{use['metric']}"
    return names


def read_who(form: FormReader) -> Document:
    """Read the fourth step: which units, how many, and who is left out."""
    layer = form.text("layer")
    included = form.buckets("included")
    if included is None:
        form.faults.setdefault("included", "Say what share of customers takes part, such as 100.")
    slot = None
    if layer is not None:
        begin = form.buckets("slot_from") or 0
        end = (form.buckets("slot_to") or 0) if form.text("slot_to") else BUCKETS
        slot = [begin, end]
        if not form.faults and begin >= end:
            form.faults["slot_to"] = "The slot must end after it begins, such as from 0 to 50."
    return {
        "unit_type": form.text("unit_type"),
        "included": included,
        "layer": layer,
        "slot": slot,
        "holdouts": form.form.getlist("holdouts"),
        "targeting": _read_targeting(form),
        "decide_after": form.text("decide_after"),
    }


def _read_targeting(form: FormReader) -> Any:
    """Read for whom it is: a rule that was written, or a segment."""
    rule, segment = form.json("targeting"), form.text("segment")
    if rule is not None or "targeting" in form.faults or segment is None:
        return rule
    return in_segment(segment)


def in_segment(key: str) -> Document:
    """Return the rule that takes a segment."""
    return {"attribute": "unit", "op": "in_segment", "value": key}


def fill_who(document: Document) -> dict[str, Any]:
    """Return what the fourth step shows."""
    slot, rule = document.get("slot") or [0, BUCKETS], document.get("targeting")
    is_segment = isinstance(rule, dict) and rule == in_segment(str(rule.get("value")))
    return {
        "unit_type": document.get("unit_type") or "cust",
        "included": percent(document.get("included", BUCKETS) / BUCKETS),
        "layer": document.get("layer") or "",
        "slot_from": percent(slot[0] / BUCKETS),
        "slot_to": percent(slot[1] / BUCKETS),
        "holdouts": list(document.get("holdouts") or ()),
        "segment": str(rule["value"]) if is_segment and rule else "",
        "targeting": "" if rule is None or is_segment else write_json(rule),
        "decide_after": document.get("decide_after") or "",
    }


NAMES_WHO: Final = {
    **{name: name for name in ("unit_type", "included", "layer", "holdouts", "targeting", "decide_after")},
    "slot": "slot_to",
}


def read_variants(form: FormReader, entries: Entries) -> Document:
    """Read the fifth step: the variants with their shares, and what each channel is told."""
    variants: list[Document] = []
    for index in range(count_rows(form)):
        key, title = form.text(f"key-{index}"), form.text(f"title-{index}")
        weight = form.buckets(f"weight-{index}")
        if weight is None:
            form.faults.setdefault(f"weight-{index}", "Say what share of customers gets it, such as 50.")
        payloads = {}
        for channel in entries[CHANNELS]:
            payload = form.json(f"payload-{index}-{channel}")
            if form.text(f"payload-{index}-{channel}") is not None:
                payloads[channel] = payload
        variants.append(
            {"key": key or make_key(title or ""), "title": title, "weight": weight, "payloads": payloads}
        )
    total = sum(each["weight"] or 0 for each in variants)
    if total != BUCKETS and not form.faults:
        form.faults["weight-0"] = (
            f"The shares add up to {percent(total / BUCKETS)} %; they must add up to 100 %."
        )
    return {"variants": variants}


def count_rows(form: FormReader) -> int:
    """Return how many variants the form has."""
    typed = form.form.get("rows", "")
    return min(int(typed), 20) if typed.isdecimal() and len(typed) < 3 else 2


def name_variants(n: int) -> dict[str, str]:
    """Return which field of the form each part of the answer comes from."""
    names = {"variants": "weight-0"}
    for index in range(n):
        names[f"variants[{index}]"] = f"key-{index}"
        for name in ("key", "title", "weight"):
            names[f"variants[{index}].{name}"] = f"{name}-{index}"
        names[f"variants[{index}].payloads"] = f"payload-{index}"
    return names


def fill_variants(document: Document) -> dict[str, str]:
    """Return what the fifth step shows."""
    variants = document.get("variants") or list(rules.TWO_ARMS)
    values = {"rows": str(len(variants))}
    for index, variant in enumerate(variants):
        values[f"key-{index}"] = variant["key"]
        values[f"title-{index}"] = variant.get("title") or variant["key"]
        values[f"weight-{index}"] = percent(variant["weight"] / BUCKETS)
        for channel, payload in (variant.get("payloads") or {}).items():
            values[f"payload-{index}-{channel}"] = write_json(payload)
    return values


def change_rows(values: Mapping[str, str], action: str) -> dict[str, str]:
    """Return the form with one row more, or without one.

    Examples:
        >>> change_rows({"rows": "3", "key-0": "a", "key-1": "b", "key-2": "c"}, "drop-1")
        {'rows': '2', 'key-0': 'a', 'key-1': 'c'}
    """
    n = int(values.get("rows") or 2)
    if action == "add":
        return {**values, "rows": str(n + 1)}
    gone = int(action.removeprefix("drop-"))
    kept = {"rows": str(n - 1)}
    for name, value in values.items():
        found = re.fullmatch(r"(key|title|weight|payload)-(\d+)(.*)", name)
        if found and int(found[2]) != gone:
            place = int(found[2]) - (int(found[2]) > gone)
            kept[f"{found[1]}-{place}{found[3]}"] = value
    return kept


def percent(share: float | None) -> str:
    """Write a share as a percentage that can be typed again.

    Examples:
        >>> percent(0.05), percent(0.3333), percent(None)
        ('5', '33.33', '')
    """
    return "" if share is None else f"{share * 100:.10g}"


def read_effect(typed: str) -> float | None:
    """Return the effect that a slider asks about, as a share; nothing where nothing sensible was asked.

    Examples:
        >>> read_effect("2,5"), read_effect("much")
        (0.025, None)
    """
    try:
        found = float(typed.strip().rstrip("%").replace(",", "."))
    except ValueError:
        return None
    return found / 100 if 0 < found < 1_000 else None


def write_json(value: Any) -> str:
    """Write a JSON value for people."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def read_schedule(form: FormReader, document: Document) -> Document:
    """Read when it starts and ends by itself; a ramp that was defined elsewhere stays."""
    held = document.get("schedule") or {}
    times = {name: form.text(name) for name in ("start_at", "end_at")}
    schedule = {**{name: value for name, value in held.items() if name == "ramp" and value}, **times}
    return {"schedule": {k: v for k, v in schedule.items() if v} or None}


def fill_schedule(document: Document) -> dict[str, str]:
    """Return what the schedule shows."""
    held = document.get("schedule") or {}
    return {name: held.get(name) or "" for name in ("start_at", "end_at")}
