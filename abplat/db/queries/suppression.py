"""Read and keep whose facts are refused."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable

from sqlalchemy import Connection

from abplat.db.driver import run, run_many
from abplat.domain.suppression import SALT_BYTES, Suppression

_SALT = "SELECT salt FROM suppression_salts WHERE project = ?"
_ADD_SALT = "INSERT INTO suppression_salts (project, salt) VALUES (?, ?) ON CONFLICT DO NOTHING"
_SET_SALT = "UPDATE suppression_salts SET salt = ? WHERE project = ?"
_DIGESTS = "SELECT digest FROM suppressed_ids WHERE project = ?"
_AMONG = "SELECT digest FROM suppressed_ids WHERE project = ? AND digest IN []"
_COUNT = "SELECT count(*) FROM suppressed_ids WHERE project = ?"
_ADD = "INSERT INTO suppressed_ids (project, digest) VALUES (?, ?) ON CONFLICT DO NOTHING"
_CHUNK = 500
_CLEAR = "DELETE FROM suppressed_ids WHERE project = ?"


def count(connection: Connection, project: str) -> int:
    """Return how many ids of a project are suppressed: what tells that a held copy is old."""
    return int(run(connection, _COUNT, [project]).scalar() or 0)


def read(connection: Connection, project: str) -> Suppression | None:
    """Return the suppressed ids of a project, or None where nobody was ever erased."""
    salt = run(connection, _SALT, [project]).scalar()
    if salt is None:
        return None
    digests = frozenset(bytes(row[0]) for row in run(connection, _DIGESTS, [project]))
    return Suppression(bytes(salt), digests)


def find_among(connection: Connection, project: str, ids: Collection[str]) -> set[str]:
    """Return those of some ids that are suppressed, without reading all the others."""
    salt = run(connection, _SALT, [project]).scalar() if ids else None
    if salt is None:
        return set()
    keyed = Suppression(bytes(salt), frozenset())
    digests = {keyed.digest(each): each for each in ids}
    wanted, found = list(digests), set()
    for start in range(0, len(wanted), _CHUNK):
        rows = run(connection, _AMONG, [project], wanted[start : start + _CHUNK])
        found |= {digests[bytes(row[0])] for row in rows}
    return found


def add(connection: Connection, project: str, ids: Iterable[str]) -> Suppression:
    """Suppress ids from now on, and return all that are."""
    run(connection, _ADD_SALT, (project, secrets.token_bytes(SALT_BYTES)))
    held = read(connection, project)
    assert held is not None  # noqa: S101  # its salt was written two lines above
    wanted = held.extend(ids)
    run_many(connection, _ADD, ((project, each) for each in sorted(wanted.digests - held.digests)))
    return wanted


def replace(connection: Connection, project: str, suppression: Suppression) -> None:
    """Write the suppression of a project anew."""
    run(connection, _ADD_SALT, (project, suppression.salt))
    run(connection, _SET_SALT, (suppression.salt, project))
    run(connection, _CLEAR, [project])
    run_many(connection, _ADD, ((project, each) for each in sorted(suppression.digests)))
