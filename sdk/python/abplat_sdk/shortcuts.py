"""The shortest way to a variant, for experiments in which nothing but the hash of the unit decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from itertools import repeat
from typing import Any, Final

from abplat_sdk.document import Experiment
from abplat_sdk.hashing import HASH_VERSION, N_BUCKETS, first_word, md5

_HASHED: Final = {"key", "salt", "hash_version", "unit_type", "state", "included", "control", "variants"}
_GATES: Final = {"layer", "holdouts", "overrides"}


def needs_only_hashes(experiment: Experiment) -> bool:
    """Say whether nothing but hashes of the unit and a list of overrides decides.

    A field that this module does not know, of a newer document, counts as a rule of its own.
    """
    known = _HASHED | _GATES
    others = (getattr(experiment, field.name) for field in fields(experiment) if field.name not in known)
    return experiment.state == "running" and experiment.hash_version == HASH_VERSION and not any(others)


def is_split_only(experiment: Experiment) -> bool:
    """Say whether a unit's variant follows from its hash under the experiment's own salt alone."""
    has_gates = experiment.layer is not None or experiment.holdouts or experiment.overrides.entries
    return needs_only_hashes(experiment) and not has_gates


def name_buckets(experiment: Experiment) -> list[str]:
    """Return the variant of every bucket."""
    names: list[str] = []
    for variant in experiment.variants:
        names.extend(repeat(variant.key, variant.bound - len(names)))
    return names


def make_splitter(experiment: Experiment) -> Callable[[Any, object], str]:
    """Build the function from a unit to its variant, where everybody is included.

    It raises for what is no unit of 1 to 256 characters.
    """
    salt, names, bound = experiment.salt + ":", name_buckets(experiment), experiment.variants[0].bound
    first, last = experiment.variants[0].key, experiment.variants[-1].key
    digest, word, total = md5, first_word, N_BUCKETS

    def split(unit: Any, _attributes: object) -> str:
        if not unit or len(unit) > 256:
            raise TypeError("not a unit as it stands")
        bucket: int = word(digest((salt + unit).encode()).digest())[0] % total
        return names[bucket]

    def split_in_two(unit: Any, _attributes: object) -> str:
        if not unit or len(unit) > 256:
            raise TypeError("not a unit as it stands")
        return first if word(digest((salt + unit).encode()).digest())[0] % total < bound else last

    return split_in_two if len(experiment.variants) == 2 else split
