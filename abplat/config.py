"""The settings of one installation: a frozen value, read from the environment once."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abplat.errors import InvalidInputError

_PREFIX = "ABPLAT_"


@dataclass(frozen=True, slots=True)
class Settings:
    """Where abplat keeps its data and how it listens.

    Attributes:
        data_dir: Folder of the embedded default: SQLite file and lake.
        database_url: SQLAlchemy URL; the SQLite file in ``data_dir`` when empty.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        threads: Threads of the web server.
        allowed_origins: Origins, between commas, whose pages may decide and record; ``*`` for any.
        sign_in: ``required``, or ``local`` where whoever reaches this machine is let in.
        public_url: Address at which people reach the pages, such as ``https://abplat.example``.
        trusted_proxies: How many proxies before us may say where a request comes from.
        outbound_allowed: Hosts, between commas, that webhooks and OIDC may reach although they are private.
        smtp_url: Server for mails, such as ``smtps://USER:PASSWORD@HOST``; none are sent where it is empty.
        mail_from: Address that mails come from.
        oidc_issuer: Provider of identities, such as ``https://accounts.example``; none where it is empty.
        oidc_client_id: How the provider calls this installation.
        oidc_client_secret: What the provider knows it by; empty for a public client.
        oidc_title: How the button calls the provider.
        memory_limit: What the analysis engine may use before it spills to disk.
        look_every_hours: How often the worker analyses what runs without being asked; 0 for never.
        engine: Where touchpoints are walked through: ``duckdb`` in this process, or a Spark cluster
            such as ``sc://HOST:15002`` or ``local[2]``.
    """

    data_dir: Path = field(default_factory=lambda: Path("abplat-data"))
    database_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    threads: int = 16
    memory_limit: str = "2GB"
    look_every_hours: int = 24
    engine: str = "duckdb"
    allowed_origins: str = ""
    sign_in: str = "required"
    public_url: str = ""
    trusted_proxies: int = 0
    outbound_allowed: str = ""
    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""
    oidc_issuer: str = ""
    oidc_client_id: str = ""
    oidc_client_secret: str = field(default="", repr=False)
    oidc_title: str = "your organisation"

    @property
    def sql_url(self) -> str:
        """The database to use, whether it was named or not."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'abplat.sqlite3'}"

    @property
    def lake_dir(self) -> Path:
        """The folder of the Delta tables."""
        return self.data_dir.resolve() / "lake"


def memory_bytes(limit: str) -> int:
    """Return a memory limit in bytes.

    Raises:
        InvalidInputError: If it is none.

    Examples:
        >>> memory_bytes("2GB"), memory_bytes("512 MiB")
        (2000000000, 536870912)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", limit.strip(), re.IGNORECASE)
    if found is None:
        raise InvalidInputError.at(
            "ABPLAT_MEMORY_LIMIT", f"{limit!r} is not an amount of memory such as 2GB", "bad_setting"
        )
    number, unit, binary = found.groups()
    return int(float(number) * (1024 if binary else 1000) ** (" KMGT".index(unit.upper() or " ")))


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address.

    Examples:
        >>> is_loopback("127.0.0.1"), is_loopback("0.0.0.0")
        (True, False)
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from variables that start with ``ABPLAT_``.

    Raises:
        InvalidInputError: If a variable is unknown or is not of its type.

    Examples:
        >>> load_settings({"ABPLAT_PORT": "9000"}).port
        9000
    """
    environ = os.environ if environ is None else environ
    values: dict[str, object] = {}
    for name, text in environ.items():
        if name.startswith(_PREFIX):
            key = name.removeprefix(_PREFIX).lower()
            values[key] = _convert(name, key, text)
    return Settings(**values)  # type: ignore[arg-type]


def _convert(name: str, key: str, text: str) -> object:
    """Turn one variable into the type of its field."""
    kind = Settings.__annotations__.get(key)
    if kind is None:
        known = ", ".join(_PREFIX + known.upper() for known in Settings.__annotations__)
        raise InvalidInputError.at(name, f"is not a setting; the settings are {known}", "unknown_setting")
    if kind == "Path":
        return Path(text)
    if kind != "int":
        return text
    if not text.isdecimal():
        raise InvalidInputError.at(name, f"{text!r} is not a whole number", "bad_setting")
    return int(text)
