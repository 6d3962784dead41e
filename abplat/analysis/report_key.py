"""The name of everything that a Report depends on: the same name, the same Report, byte for byte.

A Report is a function of facts, plan, instant and code. Its key names all four, so that a Report that
was made already is given back without a look at the facts. What cannot change a Report may change its
key (sealing writes the same facts into other files); what can change it always does.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from itertools import chain
from pathlib import Path
from typing import Any, Final

import abplat_sdk
import msgspec

import abplat
from abplat.facts.lake import FileStatistics, Lake
from abplat.facts.seals import read_seals

_ROOT: Final = Path(abplat.__file__).parent
_SDK: Final = Path(abplat_sdk.__file__).parent
_ROOMS: Final = ("analysis", "domain", "facts", "stats")
_LIBRARIES: Final = (
    "deltalake",
    "duckdb",
    "ibis-framework",
    "numba",
    "numpy",
    "scipy",
    "sqlglot",
    "statsmodels",
)


def make_key(asked: Mapping[str, Any], facts: str, as_of_us: int) -> str:
    """Return the key of a Report.

    Args:
        asked: All that an analysis goes by besides facts: what ``services.plans.get_analysis`` gives.
        facts: The facts, as :func:`name_facts` names them for the same instant.
        as_of_us: The snapshot. Time alone makes customers mature and journeys end, so every instant is
            another one.
    """
    document = {"asked": asked, "facts": facts, "as_of_us": as_of_us, "code": name_code()}
    return hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()


def name_facts(lake: Lake, project: str, as_of_us: int) -> str:
    """Return a name of the facts of a project that had happened and were known at an instant.

    Files are written once and never changed: the same files hold the same facts. A file of which the log
    says that all in it is later cannot matter. Whatever is erased is so by writing files anew.
    """
    files = {kind: sorted(_list_files(lake, project, kind, as_of_us)) for kind in sorted(Lake.kinds)}
    book = read_seals(lake.path(project, "touchpoint").parent).book
    return hashlib.sha256(msgspec.json.encode([book, files], order="deterministic")).hexdigest()


def _list_files(lake: Lake, project: str, kind: str, as_of_us: int) -> list[str]:
    """Return the files of a kind that may hold something known at an instant."""
    table = lake.find(project, kind)
    if table is None:
        return []
    statistics = table.statistics
    root = str(table.path)
    return [path.removeprefix(root) for path in table.files if not _is_later(statistics.get(path), as_of_us)]


def _is_later(found: FileStatistics | None, as_of_us: int) -> bool:
    """Tell whether all in a file happened later, or was received later; what is not known is not."""
    first = () if found is None else (found.ts_us[0], found.received_us[0])
    return any(each is not None and each > as_of_us for each in first)


@lru_cache(maxsize=1)
def name_code() -> str:
    """Return a name of the code that makes Reports: its source, the libraries under it, the machine."""
    digest = hashlib.sha256()
    rooms = [(_ROOT / room).rglob("*.py") for room in _ROOMS]
    for path in sorted([*_ROOT.glob("*.py"), *chain.from_iterable(rooms), *_SDK.rglob("*.py")]):
        digest.update(f"{path.parent.name}/{path.name}\0".encode())
        digest.update(path.read_bytes())
    built_on = [platform.machine(), platform.python_version(), abplat.__version__]
    digest.update("\0".join([*built_on, *map(_version_of, _LIBRARIES)]).encode())
    return digest.hexdigest()


def _version_of(library: str) -> str:
    """Return the version of a library, nothing where it is not there."""
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        return library
