"""Groups: what the segments and personas of a configuration become when it is compiled."""

from __future__ import annotations

from collections.abc import Mapping

from abplat_sdk.document import Configuration, GroupRule, Listing, listing_lookup
from abplat_sdk.targeting import Group, Groups, compile_group, compile_members, hash_identifier


def compile_groups(configuration: Configuration) -> Groups:
    """Compile the segments and personas; one whose rule has a fault is as good as not there."""
    segments = {
        key: compile_group(found.rule) if isinstance(found, GroupRule) else _list_group(found)
        for key, found in configuration.segments.items()
    }
    personas = {key: compile_group(found.rule) for key, found in configuration.personas.items()}
    return Groups(_without_faults(segments), _without_faults(personas))


def _without_faults(groups: Mapping[str, Group | None]) -> dict[str, Group]:
    """Leave out what could not be compiled."""
    return {key: group for key, group in groups.items() if group is not None}


def _list_group(listing: Listing) -> Group:
    """Return the group of the identifiers of a list."""
    find = listing_lookup(listing, hash_identifier)
    return compile_members(lambda identifier: find(identifier) is not None)
