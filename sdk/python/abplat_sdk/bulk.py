"""Many units at once, for mailings and exports: the same decisions as one by one, in less time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Any

from abplat_sdk.document import Experiment
from abplat_sdk.evaluator import MAX_UNIT_LENGTH, Decision, Evaluator, normalise_unit
from abplat_sdk.hashing import N_BUCKETS, first_two_words, first_word, md5
from abplat_sdk.shortcuts import is_split_only, name_buckets

Attributes = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


def decide_many(
    evaluator: Evaluator,
    key: str,
    units: Iterable[str | int],
    attributes: Attributes = None,
    *,
    pins: Mapping[str, str] | None = None,
    channel: str | None = None,
) -> list[Decision]:
    """Decide one experiment for many units, with all that a decision says.

    Args:
        evaluator: The compiled configuration, such as ``client.evaluator``.
        key: Key of the experiment.
        units: Identifiers of the units.
        attributes: What targeting may look at: one mapping for all, or one per unit.
        pins: Variant per unit for those that are bound already.
        channel: Channel of the call; chooses the payload.
    """
    pin_of = (pins or {}).get
    decide = evaluator.decide
    pairs = zip(units, _spread(attributes), strict=False)
    if not pins:
        return [decide(key, unit, given, None, channel) for unit, given in pairs]
    return [decide(key, unit, given, pin_of(normalise_unit(unit) or ""), channel) for unit, given in pairs]


def assign_many(
    evaluator: Evaluator, key: str, units: Iterable[str | int], attributes: Attributes = None
) -> list[str | None]:
    """Return the variant of each unit, as ``decide`` would give it.

    Units that are not in the experiment get control, like everywhere; ``decide_many`` tells them apart.

    Examples:
        >>> from abplat_sdk.evaluator import compile_config
        >>> empty = {"schema_version": 1, "version": "1", "project": "shop", "experiments": []}
        >>> assign_many(compile_config(empty), "form", ["cust:1"])
        [None]
    """
    asked = units if isinstance(units, list) else list(units)
    experiment = evaluator.find(key)
    if experiment is not None and is_split_only(experiment):
        try:
            return _split(experiment, asked)
        except (TypeError, UnicodeEncodeError):  # a number or half a character is among them
            pass
    return [decision.variant for decision in decide_many(evaluator, key, asked, attributes)]


def _spread(attributes: Attributes) -> Iterable[Mapping[str, Any] | None]:
    """Give every unit its attributes."""
    if attributes is None or isinstance(attributes, Mapping):
        return repeat(attributes)
    return chain(attributes, repeat(None))


def _split(experiment: Experiment, units: list[Any]) -> list[str | None]:
    """Hash every unit and look its bucket up.

    Raises:
        TypeError: If a unit is no text, or not of a length that can be decided.
        UnicodeEncodeError: If a text holds half a character.
    """
    lengths = set(map(len, units))
    if lengths and not 0 < min(lengths) <= max(lengths) <= MAX_UNIT_LENGTH:
        raise TypeError("a unit is too long, or empty")
    salt, included, control = experiment.salt + ":", experiment.included, experiment.control
    names = name_buckets(experiment)
    total, digest, word, words = N_BUCKETS, md5, first_word, first_two_words
    if included == total:
        return [names[word(digest((salt + unit).encode()).digest())[0] % total] for unit in units]
    hashed = (words(digest((salt + unit).encode()).digest()) for unit in units)
    return [names[first % total] if second % total < included else control for first, second in hashed]
