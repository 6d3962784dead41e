"""The configuration document: read, checked whole, and refused whole when it is broken.

Unknown fields are ignored, so that a newer service can say more. What would change a decision is not
guessed: a document with a fault is refused and whoever holds an older one keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from abplat_sdk.prerequisites import Prerequisite, find_chain_fault

SCHEMA_VERSION = 1
TOTAL = 10_000


class ConfigError(ValueError):
    """A configuration document cannot be used; the message names the field."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One variant: its key, the bucket below which it ends, and its payload per channel."""

    key: str
    bound: int
    payloads: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Layer:
    """The range of a layer's buckets that an experiment owns: ``first`` to ``end``, the end excluded."""

    salt: str
    first: int
    end: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Holdout:
    """A share of units, in ten-thousandths, kept out."""

    salt: str
    share: int
    key: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of identifiers, each with a value; hashed when whoever reads it may not see them."""

    entries: Mapping[str, str]
    hashed: bool = False
    salt: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """What decides one experiment. Fields are those of the document."""

    key: str
    salt: str
    hash_version: int
    unit_type: str
    state: str
    layer: Layer | None
    holdouts: tuple[Holdout, ...]
    included: int
    control: str
    variants: tuple[Variant, ...]
    targeting: Any
    overrides: Listing
    prerequisites: tuple[Prerequisite, ...] = ()
    phase: int | None = None


@dataclass(frozen=True, slots=True)
class GroupRule:
    """A segment or persona that is no list but a rule over attributes."""

    rule: Any


@dataclass(frozen=True, slots=True)
class Configuration:
    """A checked document."""

    version: str
    project: str
    segments: Mapping[str, Listing | GroupRule]
    experiments: tuple[Experiment, ...]
    personas: Mapping[str, GroupRule]


def parse_config(document: object) -> Configuration:
    """Check a configuration document and return it in types.

    Raises:
        ConfigError: If anything is missing or of the wrong kind, with the path of the field.
    """
    fields = _object(document, "document")
    if fields.get("schema_version") != SCHEMA_VERSION or isinstance(fields.get("schema_version"), bool):
        _refuse("schema_version", f"is {fields.get('schema_version')!r}; this SDK reads {SCHEMA_VERSION}")
    experiments = tuple(
        _experiment(item, f"experiments[{i}]") for i, item in enumerate(_list(fields, "experiments", ""))
    )
    if len({experiment.key for experiment in experiments}) < len(experiments):
        _refuse("experiments", "holds the same key twice")
    _check_chains(experiments)
    segments = _object(fields.get("segments", {}), "segments")
    personas = _object(fields.get("personas", {}), "personas")
    return Configuration(
        version=_text(fields, "version", ""),
        project=_text(fields, "project", ""),
        segments={key: _segment(value, f"segments.{key}") for key, value in segments.items()},
        experiments=experiments,
        personas={key: _group_rule(value, f"personas.{key}") for key, value in personas.items()},
    )


def _refuse(path: str, message: str) -> NoReturn:
    """Refuse the document."""
    raise ConfigError(f"{path}: {message}")


def _object(value: object, path: str) -> dict[str, Any]:
    """Require an object."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        _refuse(path, "must be an object")
    return value


def _list(fields: dict[str, Any], name: str, path: str) -> list[Any]:
    """Require a list in a field."""
    value = fields.get(name)
    if not isinstance(value, list):
        _refuse(f"{path}.{name}".lstrip("."), "must be a list")
    return value


def _text(fields: dict[str, Any], name: str, path: str) -> str:
    """Require a text that is not empty and can be written as UTF-8."""
    value = fields.get(name)
    if not isinstance(value, str) or not value or not _is_utf8(value):
        _refuse(f"{path}.{name}".lstrip("."), "must be a text")
    return value


def _is_utf8(text: str) -> bool:
    """Say whether a text has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _whole(fields: dict[str, Any], name: str, path: str, most: int = TOTAL) -> int:
    """Require a whole number from 0 to ``most``."""
    value = fields.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        _refuse(f"{path}.{name}", f"must be a whole number from 0 to {most}")
    return value


def _experiment(value: object, path: str) -> Experiment:
    """Read one experiment."""
    fields = _object(value, path)
    items = enumerate(_list(fields, "variants", path))
    variants = tuple(_variant(item, f"{path}.variants[{i}]") for i, item in items)
    control = _text(fields, "control", path)
    _check_variants(variants, control, path)
    layer = fields.get("layer")
    holdouts = _list({"holdouts": [], **fields}, "holdouts", path)
    return Experiment(
        key=_text(fields, "key", path),
        salt=_text(fields, "salt", path),
        hash_version=_whole(fields, "hash_version", path),
        unit_type=_text(fields, "unit_type", path),
        state=_text(fields, "state", path),
        layer=None if layer is None else _layer(layer, f"{path}.layer"),
        holdouts=tuple(_holdout(item, f"{path}.holdouts[{i}]") for i, item in enumerate(holdouts)),
        included=_whole(fields, "included", path),
        control=control,
        variants=variants,
        targeting=fields.get("targeting"),
        overrides=_overrides(fields.get("overrides", {}), f"{path}.overrides"),
        prerequisites=_prerequisites(fields, path),
        phase=_phase(fields),
    )


def _variant(value: object, path: str) -> Variant:
    """Read one variant."""
    fields = _object(value, path)
    payloads = _object(fields.get("payloads", {}), f"{path}.payloads")
    return Variant(_text(fields, "key", path), _whole(fields, "bound", path), payloads)


def _check_variants(variants: tuple[Variant, ...], control: str, path: str) -> None:
    """Require bounds that rise to the whole, different keys, and the control among them."""
    bounds = [variant.bound for variant in variants]
    if not bounds or bounds != sorted(bounds) or bounds[-1] != TOTAL:
        _refuse(f"{path}.variants", f"must have bounds that rise to {TOTAL}")
    keys = {variant.key for variant in variants}
    if len(keys) < len(variants) or control not in keys:
        _refuse(f"{path}.variants", "must have different keys, the control among them")


def _layer(value: object, path: str) -> Layer:
    """Read the slot of a layer."""
    fields = _object(value, path)
    slot = _list(fields, "slot", path)
    if len(slot) != 2:
        _refuse(f"{path}.slot", "must be [first, end]")
    ends = {"first": slot[0], "end": slot[1]}
    first, end = (_whole(ends, name, f"{path}.slot") for name in ends)
    if first > end:
        _refuse(f"{path}.slot", "ends before it begins")
    return Layer(_text(fields, "salt", path), first, end, _name(fields))


def _holdout(value: object, path: str) -> Holdout:
    """Read one holdout."""
    fields = _object(value, path)
    return Holdout(_text(fields, "salt", path), _whole(fields, "share", path), _name(fields))


def _name(fields: dict[str, Any]) -> str:
    """Read a key that only serves to name something; it decides nothing."""
    key = fields.get("key")
    return key if isinstance(key, str) else ""


def _phase(fields: dict[str, Any]) -> int | None:
    """Read the number of the phase; exposures carry it, and it decides nothing."""
    phase = fields.get("phase")
    return phase if isinstance(phase, int) and not isinstance(phase, bool) and phase > 0 else None


def _prerequisites(fields: dict[str, Any], path: str) -> tuple[Prerequisite, ...]:
    """Read what other experiments must have given."""
    items = _list({"prerequisites": [], **fields}, "prerequisites", path)
    return tuple(_prerequisite(item, f"{path}.prerequisites[{i}]") for i, item in enumerate(items))


def _prerequisite(value: object, path: str) -> Prerequisite:
    """Read one prerequisite: ``{"experiment": key, "variants": [key]}``."""
    fields = _object(value, path)
    variants = _list(fields, "variants", path)
    if not all(isinstance(variant, str) for variant in variants):
        _refuse(f"{path}.variants", "must hold texts")
    return Prerequisite(_text(fields, "experiment", path), tuple(variants))


def _check_chains(experiments: tuple[Experiment, ...]) -> None:
    """Require that prerequisites come to an end."""
    needs = {each.key: [need.experiment for need in each.prerequisites] for each in experiments}
    if any(needs.values()) and (fault := find_chain_fault(needs)) is not None:
        _refuse("experiments", fault.message)


def _overrides(value: object, path: str) -> Listing:
    """Read the overrides: ``{unit: variant}``, or ``{"hashed": true, "salt": .., "units": {hash: variant}}``."""
    fields = _object(value, path)
    if fields.get("hashed") is True:
        units = _object(fields.get("units"), f"{path}.units")
        return Listing(_entries(units, path), hashed=True, salt=_salt(fields, path))
    return Listing(_entries(fields, path))


def _entries(fields: dict[str, Any], path: str) -> dict[str, str]:
    """Require that every value is a text."""
    if not all(isinstance(value, str) for value in fields.values()):
        _refuse(path, "must give a variant for every unit")
    return fields


def _salt(fields: dict[str, Any], path: str) -> str:
    """Read the salt of hashed identifiers; none is an empty text."""
    return _text(fields, "salt", path) if fields.get("salt", "") != "" else ""


def _group_rule(value: object, path: str) -> GroupRule:
    """Read ``{"rule": ..}``. A rule with a fault has no members; it is no fault of the document."""
    fields = _object(value, path)
    if fields.get("rule") is None:
        _refuse(f"{path}.rule", "is missing")
    return GroupRule(fields["rule"])


def _segment(value: object, path: str) -> Listing | GroupRule:
    """Read one segment: ``{"rule": ..}`` or ``{"members": [..]}``, with ``hashed`` and ``salt`` when hashed."""
    fields = _object(value, path)
    if fields.get("rule") is not None and "members" not in fields:
        return _group_rule(fields, path)
    members = _list(fields, "members", path)
    if not all(isinstance(member, str) for member in members):
        _refuse(f"{path}.members", "must hold texts")
    return Listing(dict.fromkeys(members, ""), fields.get("hashed") is True, _salt(fields, path))


def listing_lookup(listing: Listing, hash_of: Callable[[str, str], str]) -> Callable[[str], str | None]:
    """Return the function that finds an identifier's value in a listing, hashed or not."""
    entries, salt = listing.entries, listing.salt
    return (lambda identifier: entries.get(hash_of(salt, identifier))) if listing.hashed else entries.get
