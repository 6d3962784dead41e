"""Approvals: what a second person must agree to before it reaches customers.

A request names an action on an experiment. Its fingerprint is taken of everything that the
action would serve and judge by, so an approval holds for what was looked at and for nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from abplat.domain.fields import MAX_TEXT, Fields
from abplat.domain.people import is_person
from abplat.errors import ConflictError, NotAllowedError

START: Final = "start"
STOP: Final = "stop"
WEIGHTS: Final = "weights"
GUARDRAILS: Final = "guardrails"
RAMP: Final = "ramp"
ACTIONS: Final = (START, STOP, WEIGHTS, GUARDRAILS, RAMP)
MEANINGS: Final = {
    START: "start the experiment",
    STOP: "stop the experiment",
    WEIGHTS: "begin a phase with other weights, greater coverage or a new salt",
    GUARDRAILS: "change the guardrails of an experiment that was checked before",
    RAMP: "go on from a ramp step that waits for approval",
}

OPEN: Final = "open"
APPROVED: Final = "approved"
REFUSED: Final = "refused"
WITHDRAWN: Final = "withdrawn"
DONE: Final = "done"
STATES: Final = (OPEN, APPROVED, REFUSED, WITHDRAWN, DONE)
WAITING: Final = (OPEN, APPROVED)
"""States in which a request may still lead to something."""

_NOT_SERVED: Final = frozenset({"title", "owner", "hypothesis"})


class Asked(msgspec.Struct, frozen=True):
    """What somebody asks for."""

    action: str
    body: dict[str, Any]
    note: str


def parse_request(document: Any) -> Asked:
    """Read what somebody asks for.

    Raises:
        InvalidInputError: With every fault found.
    """
    fields = Fields(document)
    asked = Asked(
        fields.choice("action", ACTIONS[:-1]),
        fields.mapping("body", 20),
        fields.text("note", "", MAX_TEXT),
    )
    fields.finish("request")
    return asked


def take_fingerprint(
    action: str, body: Mapping[str, Any], document: Mapping[str, Any], traffic: Mapping[str, Any] | None
) -> str:
    """Return what names an action on an experiment as it is now.

    Titles may change without a new approval: nobody is served or judged by them.

    Examples:
        >>> one = take_fingerprint("start", {}, {"title": "A", "horizon": "7d"}, None)
        >>> one == take_fingerprint("start", {}, {"title": "B", "horizon": "7d"}, None)
        True
        >>> one == take_fingerprint("start", {}, {"title": "A", "horizon": "8d"}, None)
        False
    """
    served = {name: value for name, value in document.items() if name not in _NOT_SERVED}
    whole = [action, {name: body[name] for name in body if body[name] not in (None, "")}, served, traffic]
    return hashlib.sha256(msgspec.json.encode(whole, order="sorted")).hexdigest()


def require_open(state: str) -> None:
    """Refuse to decide what is decided.

    Raises:
        ConflictError: If the request waits for nobody.
    """
    if state != OPEN:
        raise ConflictError(f"this request is {state}; only an open one waits for a decision")


def require_other_person(actor: str, authors: Iterable[str]) -> None:
    """Refuse whoever has asked or changed something, and whatever is no person.

    Raises:
        NotAllowedError: If the actor may not approve this.

    Examples:
        >>> require_other_person("user:bob@example.com", ["user:ada@example.com"])
    """
    if not is_person(actor):
        raise NotAllowedError("only a person can approve; sign in, or send a personal token")
    if actor in authors:
        raise NotAllowedError("nobody approves what they asked for or changed themselves; ask somebody else")


def list_guardrails(document: Mapping[str, Any]) -> list[Any]:
    """Return the guardrails of an experiment in an order of their own.

    Examples:
        >>> list_guardrails({"metrics": [{"metric": "a", "role": "primary"}]})
        []
    """
    uses = [use for use in document.get("metrics", ()) if use.get("role") == "guardrail"]
    return sorted(uses, key=lambda use: str(use.get("metric")))
