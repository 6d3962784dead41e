"""The base of all tables: one metadata, one way of naming constraints."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.orm import DeclarativeBase

# Constraints need names that a migration can find again on both databases.
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite counts up only columns of the type INTEGER, which holds 64 bits there.
AutoId = BigInteger().with_variant(Integer, "sqlite")


class Base(DeclarativeBase):
    """The root of all mapped classes and the owner of the metadata."""

    metadata = MetaData(naming_convention=_NAMES)
