"""Who is who in a snapshot: ids as numbers, links, and the customers they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import overload

import numpy as np
from numpy.typing import NDArray

from abplat.analysis.identities import Flags, IdColumns, Identities, Ints, LinkColumns, find_blocked, identify
from abplat.analysis.identity import Alias, resolve
from abplat.domain.experiments import CLUSTER_TYPES
from abplat.domain.identity import AUTHORITATIVE, IdentityPolicy
from abplat.domain.identity_graph import COMMANDS
from abplat.facts.engines.scan import scan_aliases
from abplat.facts.engines.sources import Sources
from abplat.facts.identity_commands import RESERVED

NEVER = np.iinfo(np.int64).max
COMMAND_OF = {f"{RESERVED}{command}": command for command in COMMANDS}
"""The commands of operators by the source that links of theirs carry."""


@dataclass(frozen=True)
class Who:
    """All ids of a snapshot and their customers.

    An actor *code* is the number that facts carry; a *place* is its position among all names.
    """

    identities: Identities
    place_of: NDArray[np.int32]
    """Per code its place; -1 for codes that nobody has."""
    code_of: Ints
    """Per place its code."""
    touched: Flags
    """Per place whether a touchpoint of it can be seen."""
    linked: Flags
    """Per place whether a link names it."""
    links: LinkColumns
    """All links, by place."""
    is_customer: Flags
    """Per place whether the id names a customer."""
    is_group: Flags
    """Per place whether the id names a group of people, such as a store."""
    sources: Sources = field(repr=False)

    def customers_of(self, codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the customers of actor codes."""
        return np.asarray(self.identities.customer_of[self.place_of[codes]])

    def customers_of_known(self, codes: NDArray[np.integer]) -> NDArray[np.int32]:
        """Return the customers of actor codes, -1 for codes that nobody has yet."""
        known = np.flatnonzero(codes < self.place_of.size)
        known = known[self.place_of[codes[known]] >= 0]
        found = np.full(codes.size, -1, np.int32)
        found[known] = self.customers_of(codes[known])
        return found

    def names_of(self, places: Ints) -> tuple[str, ...]:
        """Return the names of some places, sorted."""
        codes = self.code_of[places].tolist()
        names = self.sources.names_of(codes)
        return tuple(names[code] for code in codes)

    def count_customers(self, exposed: NDArray[np.integer]) -> int:
        """Return how many customers are known: by a touchpoint, a link, or one of these exposed codes."""
        exists = self.touched | self.linked
        exists[self.place_of[exposed]] = True
        return self.identities.count(exists)

    @cached_property
    def n_ids(self) -> Ints:
        """Per customer how many ids were joined."""
        return np.bincount(self.identities.customer_of, minlength=self.identities.n_customers)

    @cached_property
    def joined_us(self) -> tuple[Ints, Ints]:
        """Per place since when it is joined to another id, per customer since when to a ``cust:`` id."""
        links, customer_of = self.links, self.identities.customer_of
        inside = np.flatnonzero(customer_of[links.a] == customer_of[links.b])
        a, b, ts = links.a[inside], links.b[inside], links.ts[inside]
        joined = np.minimum(_first_time(a, ts, customer_of.size), _first_time(b, ts, customer_of.size))
        names = self.is_customer[a] | self.is_customer[b]
        return joined, _first_time(customer_of[a[names]], ts[names], self.identities.n_customers)

    def actors_of(self, chosen: Flags) -> NDArray[np.int32]:
        """Return per code its customer where it is chosen (per customer), else -1."""
        customer = self.identities.customer_of
        by_place = np.where(chosen[customer], customer, -1).astype(np.int32)
        found = np.full(self.place_of.size, -1, np.int32)
        found[self.code_of] = by_place
        return found


class Names(Sequence[str]):
    """Names of some places, sorted; they are read when the first is asked for, while the snapshot is open.

    Millions of texts are seldom needed: mostly how many there are is enough.
    """

    def __init__(self, who: Who, places: Ints) -> None:
        """Remember whose names are meant."""
        self._who, self._places = who, places

    @cached_property
    def _read(self) -> tuple[str, ...]:
        """The names themselves."""
        return self._who.names_of(self._places)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> tuple[str, ...]: ...

    def __getitem__(self, place: int | slice) -> str | tuple[str, ...]:
        """Return a name, or some."""
        return self._read[place]

    def __len__(self) -> int:
        """Return how many there are."""
        return int(self._places.size)

    def __eq__(self, other: object) -> bool:
        """Tell whether these are the same names."""
        return isinstance(other, Sequence) and self._read == tuple(other)

    def __hash__(self) -> int:
        """Be hashed as the names are."""
        return hash(self._read)


def _first_time(owner: NDArray[np.integer], ts: Ints, n: int) -> Ints:
    """Return when each owner was first linked; links stand in the order of time, so the first is written last."""
    first = np.full(n, NEVER, np.int64)
    first[owner[::-1]] = ts[::-1]
    return first


def find_who(sources: Sources) -> Who:
    """Read ids and links of a snapshot and join them.

    Ids that only the book knows, because they were met later, do not exist.
    """
    policy = IdentityPolicy()
    found = sources.ids(_type_columns(policy))
    code = np.asarray(found["code"], np.int64)
    order = "" if sources.lies_in_order("alias") else " ORDER BY ts_us, received_us, batch, event_id"
    link = _fetch(sources, f"SELECT a_code, b_code, ts_us FROM aliases{order}")  # noqa: S608  # our own names
    touched, linked, exposed = (np.zeros(int(code.max(initial=-1)) + 1, bool) for _ in range(3))
    touched[code] = np.asarray(found["known_us"], np.int64) <= sources.as_of_us
    if sources.kinds["touchpoint"].loose:
        loose = f"SELECT DISTINCT actor_code FROM ({sources.read('touchpoint', None)})"  # noqa: S608  # our own names
        touched[_fetch(sources, loose)["actor_code"]] = True
    linked[link["a_code"]] = linked[link["b_code"]] = True
    exposed[_fetch(sources, "SELECT actor_code FROM exposures")["actor_code"]] = True
    kept = (touched | linked | exposed)[code]
    code_of = code[kept]
    place_of = np.full(touched.size, -1, np.int32)
    place_of[code_of] = np.arange(code_of.size, dtype=np.int32)
    links = LinkColumns(
        place_of[link["a_code"]].astype(np.int64), place_of[link["b_code"]].astype(np.int64), link["ts_us"]
    )
    is_customer, is_group = (np.asarray(found[name], bool)[kept] for name in ("is_customer", "is_group"))
    if _has_commands(sources):
        identities = _obey(sources, code_of)
    else:
        suspects = code_of[np.asarray(found["is_suspect"], bool)[kept] & linked[code_of]]
        is_blocked = np.zeros(code_of.size, bool)
        is_blocked[place_of[find_blocked(suspects.tolist(), sources.names_of, policy)]] = True
        kind = np.asarray(found["kind"], np.int8)[kept]
        identities = identify(IdColumns(is_customer, kind, is_blocked), links, policy)
    return Who(
        identities,
        place_of,
        code_of,
        touched[code_of],
        linked[code_of],
        links,
        is_customer,
        is_group,
        sources,
    )


def _has_commands(sources: Sources) -> bool:
    """Tell whether an operator has merged or split customers."""
    listed = ", ".join(f"'{source}'" for source in COMMAND_OF)
    query = f"SELECT 1 FROM aliases WHERE source IN ({listed}) LIMIT 1"  # noqa: S608  # our own names
    return bool(sources.connection.execute(query).fetchall())


def _obey(sources: Sources, code_of: Ints) -> Identities:
    """Join ids by their names, as the commands of operators need it; they are rare."""
    named = sources.names_of(code_of.tolist())
    names = [named[code] for code in code_of.tolist()]
    rows = sources.connection.execute(scan_aliases(sources.as_of_us, unique=True)).fetchall()
    aliases = [Alias(a, b, ts, received, COMMAND_OF.get(source)) for a, b, ts, received, source in rows]
    found = resolve(names, aliases, sources.as_of_us)
    place = {name: at for at, name in enumerate(names)}
    return Identities(
        customer_of=found.customer_of,
        n_customers=len(found.customers),
        named_by=np.array([place[name] for name in found.customers], np.int32),
        shared=np.array([place[name] for name in found.shared_ids], np.int64),
        refused_links=np.array(found.refused_links, np.int64),
        blocked_links=np.array(found.blocked_links, np.int64),
        limited_links=np.array(found.limited_links, np.int64),
        flagged=np.array([place[name] for name in found.flagged_ids], np.int64),
    )


def _fetch(sources: Sources, query: str) -> dict[str, Ints]:
    """Return columns of numbers."""
    found = sources.connection.execute(query).fetchnumpy()
    return {name: np.asarray(np.ma.getdata(column), np.int64) for name, column in found.items()}


def _type_columns(policy: IdentityPolicy) -> str:
    """Return the SQL that says of an id what the rules of joining ask: its type."""
    kinds = " ".join(f"WHEN '{kind}' THEN {place}" for place, kind in enumerate(policy.limits))
    groups = ", ".join(f"'{kind}'" for kind in CLUSTER_TYPES)
    return f", (id_type IN ({groups})) AS is_group, (id_type = '{AUTHORITATIVE}') AS is_customer, (CASE id_type {kinds} ELSE -1 END)::TINYINT AS kind"
