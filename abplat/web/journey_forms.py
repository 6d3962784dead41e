"""The form of a journey: from what was typed to a definition, and back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from abplat.domain.catalogue import Document
from abplat.domain.journeys import MAX_EXCLUDES, MAX_STAGES
from abplat.domain.matcher_words import read_matcher, write_matcher
from abplat.errors import InvalidInputError
from abplat.web.form_reader import FormReader, make_sentence
from abplat.web.setup_forms import make_key

_PLAIN: Final = ("title", "owner", "ordering", "window", "inactivity", "reentry", "correlate_by", "lateness")
FIELDS: Final = (*_PLAIN, "personas", "scope", "stages", "exclude")
"""Everything that a form says of a definition, besides its key."""
_USUAL: Final = {"ordering": "ordered", "reentry": "after_end"}
_STAGE: Final = ("title", "within", "lifecycle", "department")
_STAGE_FLAGS: Final = ("optional", "moment_of_truth")
_ROW: Final = re.compile(r"(stage|exclude)-(\d+)-(\w+)")


def read_journey(form: FormReader, key: str | None) -> Document:
    """Read the form; what cannot be read stays out and is noted beside its field."""
    title = form.text("title")
    document: Document = {name: form.text(name) for name in _PLAIN}
    document["key"] = key or form.text("key") or make_key(title or "")
    document["personas"] = form.lines("personas") or None
    document["scope"] = form.lines("scope") or None
    document["stages"] = [_read_stage(form, index) for index in range(count(form.form, "stages"))]
    document["exclude"] = [_read_exclude(form, index) for index in range(count(form.form, "excludes"))]
    document["exclude"] = [each for each in document["exclude"] if each["match"]] or None
    usual = {name for name, value in _USUAL.items() if document[name] == value}
    return {name: value for name, value in document.items() if value is not None and name not in usual}


def count(form: Mapping[str, str], name: str) -> int:
    """Return how many rows of a kind a form has."""
    typed = form.get(name, "")
    most = MAX_STAGES if name == "stages" else MAX_EXCLUDES
    return min(int(typed), most) if typed.isdecimal() and len(typed) < 4 else 0


def _read_stage(form: FormReader, index: int) -> Document:
    """Read one stage."""
    place = f"stage-{index}"
    stage: Document = {name: form.text(f"{place}-{name}") for name in _STAGE}
    stage["key"] = form.text(f"{place}-key") or make_key(stage["title"] or "")
    stage["match"] = _read_match(form, f"{place}-match")
    stage |= {name: True for name in _STAGE_FLAGS if form.flag(f"{place}-{name}")}
    return {name: value for name, value in stage.items() if value is not None}


def _read_exclude(form: FormReader, index: int) -> Document:
    """Read one exclusion."""
    place = f"exclude-{index}"
    found: Document = {"match": _read_match(form, f"{place}-match")}
    found |= {name: value for name in ("after", "before") if (value := form.text(f"{place}-{name}"))}
    return found


def _read_match(form: FormReader, name: str) -> list[Document]:
    """Read one matcher per line."""
    found = []
    for line in form.lines(name):
        try:
            found.append(read_matcher(line))
        except InvalidInputError as error:
            form.faults.setdefault(name, make_sentence(error.problems[0].message))
    return found


def name_fields(document: Document) -> dict[str, str]:
    """Return which field of the form each part of a definition comes from."""
    names = {name: name for name in (*_PLAIN, "key", "personas", "scope")}
    names |= {"stages": "stages", "exclude": "excludes"}
    for kind, rows in (("stage", document.get("stages") or ()), ("exclude", document.get("exclude") or ())):
        path = "stages" if kind == "stage" else "exclude"
        for index, _ in enumerate(rows):
            names[f"{path}[{index}]"] = f"{kind}-{index}-match"
            for name in (*_STAGE, *_STAGE_FLAGS, "key", "match", "after", "before"):
                names[f"{path}[{index}].{name}"] = f"{kind}-{index}-{name}"
    return names


def fill_journey(document: Document) -> dict[str, str]:
    """Return what the form shows of a definition."""
    values = {name: str(document.get(name) or _USUAL.get(name, "")) for name in (*_PLAIN, "key")}
    values["personas"] = "\n".join(document.get("personas") or ())
    values["scope"] = "\n".join(document.get("scope") or ())
    stages, excludes = document.get("stages") or (), document.get("exclude") or ()
    values |= {"stages": str(len(stages)), "excludes": str(len(excludes))}
    for index, stage in enumerate(stages):
        values |= _fill_stage(stage, f"stage-{index}")
    for index, exclude in enumerate(excludes):
        values[f"exclude-{index}-match"] = _write_match(exclude)
        values |= {f"exclude-{index}-{name}": str(exclude.get(name) or "") for name in ("after", "before")}
    return values


def _fill_stage(stage: Document, place: str) -> dict[str, str]:
    """Return what the form shows of a stage."""
    values = {f"{place}-{name}": str(stage.get(name) or "") for name in (*_STAGE, "key")}
    values |= {f"{place}-{name}": "yes" for name in _STAGE_FLAGS if stage.get(name)}
    return {**values, f"{place}-match": _write_match(stage)}


def _write_match(part: Document) -> str:
    """Write matchers as lines."""
    return "\n".join(write_matcher(each) for each in part.get("match") or ())


EMPTY: Final = {**_USUAL, "stages": "2", "excludes": "0", "window": "14d"}
"""What the form of a new journey shows."""


def change_rows(values: Mapping[str, str], action: str) -> dict[str, str]:
    """Return the form after a button that adds, removes or moves a row; nothing that was typed is lost.

    Examples:
        >>> change_rows({"stages": "2", "stage-0-key": "a", "stage-1-key": "b"}, "up-stage-1")
        {'stages': '2', 'stage-0-key': 'b', 'stage-1-key': 'a'}
    """
    verb, kind, at = _read_action(action)
    counter = f"{kind}s"
    n = count(values, counter)
    order = list(range(n))
    if verb == "add" and n < (MAX_STAGES if kind == "stage" else MAX_EXCLUDES):
        order.append(n)
    elif verb == "drop" and at < n:
        order.remove(at)
    elif verb == "up" and 0 < at < n:
        order[at - 1], order[at] = order[at], order[at - 1]
    kept = {name: value for name, value in values.items() if not _is_row(name, kind)}
    kept[counter] = str(len(order))
    return {
        **kept,
        **{
            name: value for place, old in enumerate(order) for name, value in _moved(values, kind, old, place)
        },
    }


def _read_action(action: str) -> tuple[str, str, int]:
    """Read what a button asks for."""
    found = re.fullmatch(r"(add|drop|up)-(stage|exclude)(?:-(\d{1,3}))?", action)
    if found is None:
        raise InvalidInputError.at("do", f"{action[:40]!r} is no button of this form")
    return found[1], found[2], int(found[3] or 0)


def _is_row(name: str, kind: str) -> bool:
    """Tell whether a field belongs to a row of a kind."""
    found = _ROW.fullmatch(name)
    return found is not None and found[1] == kind


def _moved(values: Mapping[str, str], kind: str, old: int, new: int) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a row under their new names."""
    prefix = f"{kind}-{old}-"
    for name, value in values.items():
        if name.startswith(prefix):
            yield f"{kind}-{new}-{name.removeprefix(prefix)}", value


def settle(old: Document, new: Document) -> Document:
    """Return a changed definition in which what means the same is written as before: no version for nothing.

    Examples:
        >>> old = {"stages": [{"key": "a", "match": [{"event": "a", "channel": "web"}], "optional": False}]}
        >>> new = {"stages": [{"key": "a", "match": [{"event": "a", "channel": ["web"]}]}]}
        >>> settle(old, new) == old
        True
    """
    settled = {**new, **_settle_fields(old, new)}
    settled["stages"] = _settle_rows(old, new, "stages")
    if new.get("exclude"):
        settled["exclude"] = _settle_rows(old, new, "exclude")
    return settled


def _settle_fields(old: Document, new: Document) -> Document:
    """Return the fields beside the rows that the form shows alike."""
    before, after = fill_journey(old), fill_journey(new)
    rows = ("stages", "excludes")
    return {
        name: old[name] for name in before if name in old and name not in rows and before[name] == after[name]
    }


def _settle_rows(old: Document, new: Document, name: str) -> list[Document]:
    """Return the rows, those that the form shows alike as they were."""
    known = [(_show_row(row, name), row) for row in old.get(name) or ()]
    return [
        next((row for shown, row in known if shown == _show_row(each, name)), each)
        for each in new.get(name) or ()
    ]


def _show_row(row: Document, name: str) -> dict[str, str]:
    """Return what the form shows of one row."""
    return {
        key: value for key, value in fill_journey({name: [row]}).items() if key not in ("stages", "excludes")
    }


def as_form(values: Mapping[str, str]) -> MultiDict[str, str]:
    """Return values as a form would send them."""
    return MultiDict(values)
